// Reads members of a parsed JSON document without ever throwing; what is absent or of another type is nullopt.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <simdjson.h>

#include "base/bytes.h"

namespace borehole::bedrock {

// One document at a time; elements and strings taken from it live as long as it does.
class JsonDocument {
 public:
  // Bodies above this size are not parsed: 64 MiB, more than any answer has.
  static constexpr std::size_t max_bytes = std::size_t{64} << 20;

  // Empty, malformed, too large or too deep (1024 levels): root() is nullopt.
  explicit JsonDocument(Bytes text) noexcept;
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  const std::optional<simdjson::dom::element>& root() const noexcept { return root_; }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_;
  std::optional<simdjson::dom::element> root_;
};

// `path` is member names and array indices joined with '/', as in RFC 6901 without the first slash and escapes:
// "usage/inputTokens", "choices/0/finish_reason".
std::optional<simdjson::dom::element> json_at(simdjson::dom::element element, std::string_view path) noexcept;
std::optional<std::string_view> json_string(simdjson::dom::element element, std::string_view path) noexcept;
std::optional<std::uint64_t> json_count(simdjson::dom::element element, std::string_view path) noexcept;
std::optional<bool> json_bool(simdjson::dom::element element, std::string_view path) noexcept;
std::optional<simdjson::dom::array> json_array(simdjson::dom::element element, std::string_view path) noexcept;

}  // namespace borehole::bedrock
