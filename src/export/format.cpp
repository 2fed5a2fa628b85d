#include "export/format.h"

#include <array>
#include <utility>

#include "bedrock/json_value.h"
#include "export/boto3.h"
#include "export/csv.h"
#include "export/curl.h"
#include "export/har.h"

namespace borehole::exporting {

std::optional<Format> parse_format(std::string_view name) noexcept {
  static constexpr std::array<std::pair<std::string_view, Format>, 6> names{{{"jsonl", Format::jsonl},
                                                                             {"json", Format::jsonl},
                                                                             {"har", Format::har},
                                                                             {"csv", Format::csv},
                                                                             {"curl", Format::curl},
                                                                             {"boto3", Format::boto3}}};
  for (const auto& [one, format] : names) {
    if (one == name) return format;
  }
  return std::nullopt;
}

std::string_view media_type(Format format) noexcept {
  switch (format) {
    case Format::jsonl:
    case Format::har: return "application/json";
    case Format::csv: return "text/csv; charset=utf-8; header=present";
    case Format::curl:
    case Format::boto3: return "text/plain; charset=utf-8";
  }
  return "application/octet-stream";
}

std::string Writer::begin() const {
  switch (format_) {
    case Format::har: return har_begin(version_);
    case Format::csv: return csv_header();
    default: return {};
  }
}

std::optional<std::string> Writer::call(std::string_view record_json) {
  if (format_ == Format::jsonl) return std::string(record_json) + "\n";
  const auto record = bedrock::JsonValue::parse(record_json);
  if (!record || !std::holds_alternative<bedrock::JsonValue::Object>(record->content())) return std::nullopt;
  const bool first = std::exchange(first_, false);
  switch (format_) {
    case Format::har: return (first ? "\n" : ",\n") + har_entry(*record);
    case Format::csv: return csv_line(*record);
    case Format::curl: return (first ? "" : "\n") + curl_command(*record);
    default: return (first ? "" : "\n\n") + boto3_snippet(*record);
  }
}

std::string Writer::end() const { return format_ == Format::har ? har_end() : std::string(); }

}  // namespace borehole::exporting
