#include "bedrock/json_view.h"

#include <new>
#include <utility>

#include "bedrock/text.h"

namespace borehole::bedrock {

namespace dom = simdjson::dom;

namespace {

// The parser of the document before, with its memory: most documents are small, and one comes for every call.
thread_local std::unique_ptr<dom::parser> spare_parser;  // NOLINT: parsers are not shared between threads
constexpr std::size_t most_spare_capacity = std::size_t{256} * 1024;

}  // namespace

JsonDocument::JsonDocument(Bytes text) noexcept {
  if (text.empty() || text.size() > max_bytes) return;
  parser_ = spare_parser ? std::move(spare_parser) : std::unique_ptr<dom::parser>(new (std::nothrow) dom::parser);
  dom::element element;
  if (parser_ && parser_->parse(text.data(), text.size()).get(element) == simdjson::SUCCESS) root_ = element;
}

JsonDocument::~JsonDocument() {
  if (parser_ && parser_->capacity() <= most_spare_capacity) spare_parser = std::move(parser_);
}

std::optional<dom::element> json_at(dom::element element, std::string_view path) noexcept {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    dom::array array;
    dom::object object;
    if (element.get(object) == simdjson::SUCCESS) {
      if (object.at_key(part).get(element) != simdjson::SUCCESS) return std::nullopt;
    } else if (element.get(array) == simdjson::SUCCESS) {
      const auto index = parse_decimal(part);
      if (!index || array.at(*index).get(element) != simdjson::SUCCESS) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return element;
}

std::optional<std::string_view> json_string(dom::element element, std::string_view path) noexcept {
  std::string_view text;
  const auto found = json_at(element, path);
  if (!found || found->get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

std::optional<std::uint64_t> json_count(dom::element element, std::string_view path) noexcept {
  std::uint64_t count = 0;
  const auto found = json_at(element, path);
  if (!found || found->get(count) != simdjson::SUCCESS) return std::nullopt;
  return count;
}

std::optional<bool> json_bool(dom::element element, std::string_view path) noexcept {
  bool value = false;
  const auto found = json_at(element, path);
  if (!found || found->get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<dom::array> json_array(dom::element element, std::string_view path) noexcept {
  dom::array array;
  const auto found = json_at(element, path);
  if (!found || found->get(array) != simdjson::SUCCESS) return std::nullopt;
  return array;
}

}  // namespace borehole::bedrock
