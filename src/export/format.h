// The forms in which recorded calls are given away, and what stands around and between them. Never reads a store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace borehole::exporting {

enum class Format : std::uint8_t { jsonl, har, csv, curl, boto3 };

inline constexpr std::string_view format_names = "jsonl, har, csv, curl, boto3";
std::optional<Format> parse_format(std::string_view name) noexcept;
std::string_view media_type(Format format) noexcept;

// Writes one file: what `begin`, then `call` for each and `end` give, one behind the other. What stands in it is whole
// with `end` after any number of calls.
class Writer {
 public:
  // `version` is this program's.
  Writer(Format format, std::string_view version) : format_(format), version_(version) {}
  std::string begin() const;
  // nullopt: the record is no JSON object that can be read.
  std::optional<std::string> call(std::string_view record_json);
  std::string end() const;

 private:
  Format format_;
  std::string version_;
  bool first_ = true;
};

}  // namespace borehole::exporting
