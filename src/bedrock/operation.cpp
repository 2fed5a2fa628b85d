#include "bedrock/operation.h"

#include <algorithm>
#include <span>
#include <vector>

#include "base/ignoring_case.h"
#include "bedrock/fields.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

using Segments = std::vector<std::string_view>;

// Without empty ones: leading, trailing and repeated slashes do not matter.
Segments segments_of(std::string_view path) {
  Segments segments;
  segments.reserve(8);
  while (!path.empty()) {
    const std::string_view segment = take_part(path, '/');
    if (!segment.empty()) segments.push_back(segment);
  }
  return segments;
}

struct Match {
  std::size_t literals = 0;
  std::size_t absorbed = 0;  // segments beyond the template's, taken by one label
  std::string_view model;    // still encoded
  std::vector<std::string_view> labels;

  bool better_than(const Match& other) const noexcept {
    return literals != other.literals ? literals > other.literals : absorbed < other.absorbed;
  }
};

bool starts_like_arn(std::string_view segment) noexcept {
  return segment.starts_with("arn:") || equals_ignoring_case(segment.substr(0, 6), "arn%3A");
}

// A label takes one segment. A model, or an ARN, whose slashes came raw takes as many as the template leaves over.
std::optional<Match> match_path(std::string_view path_template, const Segments& segments) {
  // Most templates are told apart by their first part, and most of those by its first letter.
  const char letter = path_template.size() > 1 ? path_template[1] : '\0';
  if (letter != '*' && letter != '{' && letter != segments.front().front()) return std::nullopt;
  // What is taken besides the template's parts is taken by labels, so that a last part that is none stands last.
  const char tail = path_template.back();
  if (tail != '*' && tail != '}' && (tail != segments.back().back() || !path_template.ends_with(segments.back()))) {
    return std::nullopt;
  }
  const std::string_view first = path_template.substr(1, path_template.find('/', 1) - 1);
  if (first != "*" && first != "{model}" && first != segments.front()) return std::nullopt;

  Match match;
  std::size_t template_size = 0;
  for (const char c : path_template) template_size += c == '/';
  if (path_template == "/") template_size = 0;
  if (template_size > segments.size() || template_size == 0) return std::nullopt;
  std::size_t surplus = segments.size() - template_size;

  std::size_t at = 0;
  path_template.remove_prefix(1);
  for (std::size_t i = 0; i < template_size; ++i) {
    const std::size_t slash = path_template.find('/');
    const std::string_view part = path_template.substr(0, slash);
    path_template = slash == std::string_view::npos ? std::string_view{} : path_template.substr(slash + 1);
    const bool is_model = part == "{model}";
    if (!is_model && part != "*") {
      if (segments[at++] != part) return std::nullopt;
      ++match.literals;
      continue;
    }
    std::string_view label = segments[at];
    if (surplus > 0 && (is_model || starts_like_arn(label))) {
      const std::string_view last = segments[at + surplus];
      label = {label.data(), static_cast<std::size_t>(last.data() + last.size() - label.data())};
      at += surplus;
      match.absorbed = surplus;
      surplus = 0;
    }
    ++at;
    if (is_model) {
      match.model = label;
    } else {
      match.labels.push_back(label);
    }
  }
  if (surplus > 0) return std::nullopt;
  return match;
}

// Rows of one service stand together and share its name.
std::span<const OperationRow> rows_of(std::string_view service) {
  static const std::vector<std::span<const OperationRow>> runs = [] {
    std::vector<std::span<const OperationRow>> made;
    std::span<const OperationRow> rest = operation_table();
    while (!rest.empty()) {
      std::size_t size = 1;
      while (size < rest.size() && rest[size].service == rest.front().service) ++size;
      made.push_back(rest.first(size));
      rest = rest.subspan(size);
    }
    return made;
  }();
  const auto run = std::find_if(runs.begin(), runs.end(), [&](auto rows) { return rows.front().service == service; });
  return run == runs.end() ? std::span<const OperationRow>() : *run;
}

Operation make_operation(const OperationRow& row, const Match& match) {
  Operation operation;
  operation.service = row.service;
  operation.name = row.name;
  operation.streaming = row.streaming;
  operation.model_id = percent_decode(match.model);
  for (const std::string_view label : match.labels) {
    if (!operation.resource.empty()) operation.resource += '/';
    operation.resource += percent_decode(label);
  }
  return operation;
}

// AWS JSON 1.1: `Prefix.Operation` in X-Amz-Target, all on one path.
std::optional<Operation> recognise_by_target(std::string_view service, std::string_view method,
                                             std::string_view amz_target) {
  const std::size_t dot = amz_target.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  for (const OperationRow& row : operation_table()) {
    if (row.path == "/" && row.service == service && row.method == method && row.name == amz_target.substr(dot + 1)) {
      return make_operation(row, {});
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view streaming_name(Streaming streaming) noexcept {
  switch (streaming) {
    case Streaming::none: return "none";
    case Streaming::event_stream: return "event_stream";
    case Streaming::sse: return "sse";
    case Streaming::bidirectional: return "bidirectional";
  }
  return "none";
}

std::optional<Operation> recognise(std::string_view host, std::string_view method, std::string_view target,
                                   std::string_view amz_target) {
  return recognise_at(parse_endpoint(host), method, target, amz_target);
}

std::optional<Operation> recognise_at(const std::optional<Endpoint>& endpoint, std::string_view method,
                                      std::string_view target, std::string_view amz_target) {
  const std::string_view service = endpoint ? std::string_view(endpoint->service) : "bedrock-runtime";
  const Segments segments = segments_of(split_target(target).path);
  if (segments.empty()) return endpoint ? recognise_by_target(service, method, amz_target) : std::nullopt;
  if (!endpoint && segments.front() != "model") return std::nullopt;

  const OperationRow* best_row = nullptr;
  Match best;
  for (const OperationRow& row : rows_of(service)) {
    if (row.method != method) continue;
    auto match = match_path(row.path, segments);
    if (match && (best_row == nullptr || match->better_than(best))) {
      best_row = &row;
      best = std::move(*match);
    }
  }
  if (best_row == nullptr) return std::nullopt;
  return make_operation(*best_row, best);
}

}  // namespace borehole::bedrock
