// The record of one call, as a person or a program reads it (CONTRACT section 8). A field that is not known is absent,
// never invented.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "bedrock/answer_block.h"
#include "calls/headers.h"
#include "http/websocket_frames.h"

namespace borehole::calls {

enum class WayIn : std::uint8_t { connect, absolute, gateway, direct };
enum class Outcome : std::uint8_t { complete, client_aborted, upstream_failed, refused };

std::string_view way_in_name(WayIn way) noexcept;
std::string_view outcome_name(Outcome outcome) noexcept;

// For a line that names a call: `host/path`, where the target does not name the host itself (CONNECT, absolute form).
std::string whole_target(std::string_view host, std::string_view target);

// A body that is not there since the configuration says that none is kept.
inline constexpr std::string_view body_off = "record.bodies.keep is off";

// Whether an answer says that the account's quota is used up for now: Amazon's ThrottlingException, also inside a
// stream, or a 429 that says nothing more.
bool is_throttle(std::string_view error_type, std::optional<int> status) noexcept;

struct CallRecord {
  std::string id;  // ULID
  WallTime started_at{};
  WayIn way_in = WayIn::connect;
  std::string router;      // path prefix of the router that took it; "/" is the empty router
  std::string session_id;  // what the client wrote in `record.session_header`
  Outcome outcome = Outcome::complete;
  std::optional<Error> error;
  std::vector<std::string>
      notes;  // what was done or seen beyond the rule: a signed hop-by-hop field that was kept, Host replaced, …

  struct Client {
    std::string address;  // "127.0.0.1:51234"
    std::string user_agent, sdk, sdk_version;
    std::string app_id, framework, framework_version;
    std::optional<std::int64_t> process_pid;
    std::string process_name;
  } client;

  struct Upstream {
    std::string host;
    std::uint16_t port = 0;
    std::string address;  // the one dialled
    std::optional<bool> reused;
    std::string tls_version, alpn;
  } upstream;

  struct Aws {
    std::string service, operation, region, model_id, provider, inference_scope, request_id, access_key_id;
    std::vector<std::string> signed_headers;
    std::optional<bool> signature_intact;
    std::string api_key_name;             // of a long-term API key: "BedrockAPIKey-a1b2-at-123456789012"
    std::string principal, session_name;  // the caller's ARN and its role session, where an answer names them
    std::string invocation_id;
    std::optional<std::int64_t> attempt, max_attempts;

    // Of a refused call: how it was signed, for its diagnosis. Nothing in it is a secret or leads to one.
    struct Signing {
      std::string scheme;                                      // bedrock::scheme_name
      std::string scope;                                       // yyyymmdd/region/service/aws4_request, as written
      std::string signature_sha256;                            // lower hex, of the signature's own hexadecimal digits
      std::string api_key, api_key_fault, api_key_expires_at;  // of a bearer: bedrock::ApiKeyShape
    };
    std::optional<Signing> signing;
  } aws;

  // Of a body with a Content-Encoding.
  struct BodyCoding {
    std::string names;                    // "gzip", or several in the order in which they were applied; else empty
    bool decoded = false;                 // the body below is what decoding gave; else it is as it came
    std::optional<std::uint64_t> octets;  // that decoding gave, kept or not; unknown where it was not gone through
    std::string fault, error;             // what is wrong with it: a word and a sentence
  };

  struct Stream {
    std::uint64_t events = 0, crc_failures = 0;
    std::uint64_t signed_events = 0;  // those of `events` that the client signed each by itself
    std::string exception;
    std::uint64_t unknown_events = 0;
    std::vector<std::pair<std::string, std::string>> unknown;  // name and payload of the first of them, capped
  };

  // What a request's stream put together tells the model. Streamed requests alone have it: of others, the body says it.
  struct Prompt {
    std::vector<bedrock::AnswerBlock> content;
    std::vector<std::string> tools;  // names
    bool shortened = false;          // there was more than is kept
  };

  struct Request {
    std::string method, target;
    Headers headers;
    std::uint64_t body_bytes = 0;  // payload as it passed, without chunk framing
    std::string body;
    bool body_truncated = false;
    BodyCoding coding;
    std::string body_withheld;  // why there is no body where one could be: `body_off`, or why it could not be redacted
    std::string body_sha256;    // in place of the body, as it would have been kept
    std::optional<Stream> stream;
    std::optional<Prompt> prompt;
    std::optional<http::WebSocketCounts> websocket;  // what the client sent behind an upgrade
  } request;

  // What a stream put together says. Streamed answers alone have it: of others, the body says it.
  struct Answer {
    std::string role;
    std::vector<bedrock::AnswerBlock> content;
    bool shortened = false;  // there was more than is kept
  };

  struct Response {
    std::optional<int> status;
    Headers headers;
    std::uint64_t body_bytes = 0;
    std::string body;
    bool body_truncated = false;
    std::optional<Stream> stream;
    std::string stop_reason, error_type, error_message;
    std::string guardrail_action;  // "INTERVENED", "GUARDRAIL_INTERVENED", "NONE": as AWS writes it
    std::optional<Answer> answer;
    BodyCoding coding;
    // Of a streamed answer, as far as its body is kept: how many octets of it had come, and when, in milliseconds since
    // the request's head.
    std::vector<std::pair<std::uint64_t, double>> arrivals;
    std::string body_withheld;  // as the request's
    std::string body_sha256;
    std::optional<http::WebSocketCounts> websocket;  // what the upstream sent behind an upgrade
  } response;

  struct Usage {
    std::optional<std::uint64_t> input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, total_tokens;
    std::string source;
    std::optional<bool> disagrees;
    std::optional<std::uint64_t> cache_write_1h_tokens;  // the part of cache_write_tokens that is kept for an hour
    std::vector<Usage> others;                           // what lesser sources told, where they disagree

    // Whether the model was asked: not where the answer only counts what a call would take.
    bool spent() const noexcept { return source != "count_tokens"; }
  } usage;

  std::optional<std::string> cost_usd;  // exact decimal text

  std::vector<std::pair<std::string, std::uint64_t>> redactions;  // rule, and how often it hid something

  // Milliseconds. `total`: from the request's head to the answer's last octet. `added_by_proxy`: what of it passed
  // while borehole had the request's head, and then the answer's, and waited for nobody (Tap::on_request_passed and
  // on_response_passed); later portions are not measured. Gaps: stream_timing.h.
  struct Timing {
    std::optional<double> connect, tls, upstream_first_byte, first_token, token_gap_p50, token_gap_max, total,
        reported_by_aws, added_by_proxy, token_gap_p95;
    std::optional<double> output_tokens_per_second;  // without the first, from when that was seen to the last
  } timing_ms;
};

}  // namespace borehole::calls
