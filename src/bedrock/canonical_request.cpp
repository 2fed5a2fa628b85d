// The canonical request of Signature Version 4; declared in sigv4_view.h.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/ignoring_case.h"
#include "bedrock/sigv4_view.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

// RFC 3986 section 5.2.4, and repeated slashes become one. A last slash stays one; an encoded dot is no dot.
std::string normalized_path(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view segment : split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string out;
  for (const std::string_view segment : kept) {
    out += '/';
    out += segment;
  }
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

void append_path(std::string& out, std::string_view path, PathRule rule) {
  if (path.empty()) path = "/";
  switch (rule) {
    case PathRule::normalized: return append_percent_encoded(out, normalized_path(path), true);
    case PathRule::as_sent: return append_percent_encoded(out, path, true);
    case PathRule::not_encoded: out += path; return;
    case PathRule::decoded: out += percent_decode(path); return;
  }
}

void append_query(std::string& out, std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string_view pair : split(query, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view raw_value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    const std::string name = percent_decode(pair.substr(0, equals));
    if (name == "X-Amz-Signature") continue;
    auto& [encoded_name, encoded_value] = pairs.emplace_back();
    append_percent_encoded(encoded_name, name, false);
    append_percent_encoded(encoded_value, percent_decode(raw_value), false);
  }
  std::sort(pairs.begin(), pairs.end());
  const char* separator = "";
  for (const auto& [name, value] : pairs) {
    out += separator;
    out += name;
    out += '=';
    out += value;
    separator = "&";
  }
}

// Trimmed, and each run of blanks inside one space.
void append_folded(std::string& out, std::string_view value) {
  bool blank = false;
  for (const char c : trimmed(value)) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      blank = true;
      continue;
    }
    if (std::exchange(blank, false)) out += ' ';
    out += c;
  }
}

// False where there is no such field; then nothing is appended.
bool append_field(std::string& out, Fields fields, std::string_view name, std::string_view written_as) {
  bool found = false;
  for (const auto& [field_name, value] : fields) {
    if (!equals_ignoring_case(field_name, name)) continue;
    if (found) {
      out += ',';
    } else {
      out += written_as;
      out += ':';
    }
    found = true;
    append_folded(out, value);
  }
  if (found) out += '\n';
  return found;
}

}  // namespace

std::string canonical_request(std::string_view method, std::string_view target, Fields fields,
                              std::span<const std::string> signed_headers, std::string_view payload_hash,
                              PathRule rule) {
  const auto [path, query] = split_target(target);
  std::string out(method);
  out += '\n';
  append_path(out, path, rule);
  out += '\n';
  append_query(out, query);
  out += '\n';

  std::vector<std::string> names;
  for (const std::string& name : signed_headers) names.push_back(lower_case(name));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (!append_field(out, fields, name, name) && name == "host") append_field(out, fields, ":authority", name);
  }
  out += '\n';
  const char* separator = "";
  for (const std::string& name : names) {
    out += separator;
    out += name;
    separator = ";";
  }
  out += '\n';
  out += payload_hash;
  return out;
}

}  // namespace borehole::bedrock
