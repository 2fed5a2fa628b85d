#include "export/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "calls/utf8.h"

namespace borehole::exporting {

namespace {

using bedrock::JsonValue;

struct Column {
  std::string_view name, path;  // `path` in the record
};

constexpr std::array<Column, 34> columns{{
    {"id", "id"},
    {"started_at", "started_at"},
    {"service", "aws/service"},
    {"operation", "aws/operation"},
    {"model", "aws/model_id"},
    {"region", "aws/region"},
    {"host", "upstream/host"},
    {"way_in", "way_in"},
    {"status", "response/status"},
    {"outcome", "outcome"},
    {"error_code", "error/code"},
    {"error_type", "response/error_type"},
    {"stop_reason", "response/stop_reason"},
    {"input_tokens", "usage/input_tokens"},
    {"output_tokens", "usage/output_tokens"},
    {"cache_read_tokens", "usage/cache_read_tokens"},
    {"cache_write_tokens", "usage/cache_write_tokens"},
    {"total_tokens", "usage/total_tokens"},
    {"cost_usd", "cost_usd"},
    {"total_ms", "timing_ms/total"},
    {"connect_ms", "timing_ms/connect"},
    {"tls_ms", "timing_ms/tls"},
    {"upstream_first_byte_ms", "timing_ms/upstream_first_byte"},
    {"first_token_ms", "timing_ms/first_token"},
    {"token_gap_p50_ms", "timing_ms/token_gap_p50"},
    {"token_gap_max_ms", "timing_ms/token_gap_max"},
    {"reported_by_aws_ms", "timing_ms/reported_by_aws"},
    {"added_by_proxy_ms", "timing_ms/added_by_proxy"},
    {"request_bytes", "request/body_bytes"},
    {"response_bytes", "response/body_bytes"},
    {"access_key_id", "aws/access_key_id"},
    {"sdk", "client/sdk"},
    {"sdk_version", "client/sdk_version"},
    {"session_id", "session_id"},
}};

bool control(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return (octet < 0x20 && c != '\t' && c != '\r' && c != '\n') || octet == 0x7f;
}

std::string cell_of(const JsonValue* value) {
  if (value == nullptr) return {};
  const auto& content = value->content();
  if (const auto* text = std::get_if<std::string>(&content)) return csv_cell(*text);
  if (const auto* count = std::get_if<std::uint64_t>(&content)) return std::to_string(*count);
  if (const auto* number = std::get_if<std::int64_t>(&content)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&content)) return fmt::format("{}", *real);
  return {};
}

}  // namespace

std::string csv_cell(std::string_view text) {
  // What a terminal would take for a command is no part of a name either.
  const std::string shown =
      std::any_of(text.begin(), text.end(), control) ? calls::for_terminal(text) : std::string(text);
  static constexpr std::string_view formula = "=+-@\t\r";
  std::string cell;
  if (!shown.empty() && formula.find(shown.front()) != std::string_view::npos) cell = "'";
  cell += shown;
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_header() {
  std::string line;
  for (const Column& column : columns) line += fmt::format("{}{}", line.empty() ? "" : ",", column.name);
  return line + "\r\n";
}

std::string csv_line(const JsonValue& record) {
  std::string line;
  bool first = true;
  for (const Column& column : columns) {
    if (!first) line += ',';
    first = false;
    line += cell_of(record.at(column.path));
  }
  return line + "\r\n";
}

}  // namespace borehole::exporting
