// What one record tells that a diagnosis can use: the request as it came, the answer, the times. Never judges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bedrock/fields.h"
#include "bedrock/hosts.h"
#include "bedrock/json_value.h"
#include "bedrock/sigv4_view.h"
#include "bedrock/times.h"

namespace borehole::bedrock {

// What stands in a record where a secret stood.
inline constexpr std::string_view masked_value = "***";

// Signers list a dozen. More than these are not looked at, so that no record takes long.
inline constexpr std::size_t most_signed_headers = 256;

// Views into the record, which must outlive it. What a record does not hold is empty.
struct CallEvidence {
  std::string_view outcome, way_in;
  std::string_view own_code, own_message, own_fault;  // what borehole itself found wrong
  bool client_on_this_machine = false;

  std::string_view method;
  std::string_view target;          // as it came
  std::string_view sent_target;     // without the gateway's prefix
  std::vector<Field> fields;        // as they came; secrets are `masked_value`
  std::optional<std::string> body;  // where all of it was kept, as it was sent
  bool redacted = false;            // something was hidden by a rule: what is here may not be what was sent
  std::string_view content_type;
  std::string_view sdk;
  std::optional<std::uint64_t> attempt, max_attempts;

  SignatureView signature;            // read from the masked head, and completed from the record
  std::string_view signature_sha256;  // of the signature's digits
  std::string_view api_key, api_key_fault;
  std::optional<Seconds> api_key_expires_at;
  std::optional<bool> signature_intact;
  bool host_replaced = false;  // the Host that came named borehole itself

  std::string_view operation, model_id;
  std::string_view upstream_host;
  std::optional<std::uint64_t> upstream_port;
  std::optional<Endpoint> endpoint;  // what that host is

  std::optional<std::uint64_t> status;
  std::string_view error_type, error_message, exception;  // Amazon's; `exception` inside a stream
  std::string kind;                                       // the type of either, lower case, without "exception"
  std::string message_lower;                              // Amazon's message in lower case, for looking words up
  std::string_view response_body;
  std::uint64_t response_octets = 0;
  std::uint64_t stream_events = 0;

  std::optional<Seconds> started_at, signed_at, answered_at;  // our clock's, the client's, Amazon's
  std::optional<double> total_ms;

  // Whether anything went wrong at all.
  bool failed() const;
  // The words of Amazon's message, whatever their case.
  bool told(std::string_view lower_case_words) const {
    return message_lower.find(lower_case_words) != std::string::npos;
  }
  std::optional<std::string_view> field(std::string_view name) const { return find_field(fields, name); }
  // Of SigV4, in the head or in the query.
  bool sigv4() const;
  // Whether there are more signed headers than `signature` has.
  bool signs_too_much() const { return signature.signed_headers.size() == most_signed_headers; }
};

CallEvidence read_evidence(const JsonValue& record);

}  // namespace borehole::bedrock
