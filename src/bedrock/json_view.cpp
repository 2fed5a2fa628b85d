#include "bedrock/json_view.h"

#include "bedrock/text.h"

namespace borehole::bedrock {

namespace dom = simdjson::dom;

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
