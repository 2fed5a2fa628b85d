// The request of a recorded call as it would be sent again: where to, with what. Never brings back what was masked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bedrock/json_value.h"

namespace borehole::exporting {

enum class Signing : std::uint8_t { none, sigv4, bearer };

struct RequestView {
  std::string method;
  std::string scheme;     // "http" or "https"
  std::string authority;  // host, with the port where it is not the scheme's own
  std::string host;
  std::string target;  // origin form without a gateway's prefix, as it was sent: never decoded
  std::vector<std::pair<std::string_view, std::string_view>> headers;  // views into the record; those that fit `body`
  std::optional<std::string> body;                                     // nullopt: not kept
  bool truncated = false;                                              // only the beginning of it was kept
  bool coded = false;                                                  // `body` has the content coding that it came in
  std::uint64_t body_bytes = 0;
  Signing signing = Signing::none;
  std::string region, signing_name;  // what a signature is for: "us-east-1", "bedrock"

  std::string url() const { return scheme + "://" + authority + target; }
  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  std::string_view query() const;  // without the `?`
};

// `record` must outlive it. nullopt: the record has no request (its head could not be read).
std::optional<RequestView> view_request(const bedrock::JsonValue& record);

// A comment's worth of a text of the record: one line, harmless to a terminal.
std::string one_line(std::string_view text);

// "01J… ConverseStream of amazon.nova-lite-v1:0, 2026-01-02T03:04:05.000006Z: 200 complete"
std::string title_of(const bedrock::JsonValue& record);

}  // namespace borehole::exporting
