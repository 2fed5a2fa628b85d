#include "bedrock/json_value.h"

#include <simdjson.h>

#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t most_octets = std::size_t{1} << 30U;

JsonValue::Content owned(dom::element element) {
  switch (element.type()) {
    case dom::element_type::ARRAY: {
      JsonValue::List out;
      for (const dom::element one : dom::array(element.get_array().value_unsafe())) out.emplace_back(owned(one));
      return out;
    }
    case dom::element_type::OBJECT: {
      JsonValue::Object out;
      for (const dom::key_value_pair member : dom::object(element.get_object().value_unsafe())) {
        out.emplace_back(std::string(member.key), JsonValue(owned(member.value)));
      }
      return out;
    }
    case dom::element_type::INT64: return element.get_int64().value_unsafe();
    case dom::element_type::UINT64: return element.get_uint64().value_unsafe();
    case dom::element_type::DOUBLE: return element.get_double().value_unsafe();
    case dom::element_type::STRING: return std::string(element.get_string().value_unsafe());
    case dom::element_type::BOOL: return element.get_bool().value_unsafe();
    case dom::element_type::NULL_VALUE: break;
  }
  return nullptr;
}

}  // namespace

std::optional<JsonValue> JsonValue::parse(std::string_view text) {
  dom::parser parser;
  dom::element root;
  if (text.empty() || text.size() > most_octets ||
      parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return JsonValue(owned(root));
}

const JsonValue* JsonValue::at(std::string_view path) const {
  const JsonValue* value = this;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    const JsonValue* inner = nullptr;
    if (const auto* members = std::get_if<Object>(&value->content_)) {
      for (const auto& [name, member] : *members) {
        if (name == part) {
          inner = &member;
          break;
        }
      }
    } else if (const auto* items = std::get_if<List>(&value->content_)) {
      const auto index = parse_decimal(part);
      if (index && *index < items->size()) inner = &(*items)[*index];
    }
    if (inner == nullptr) return nullptr;
    value = inner;
  }
  return value;
}

template <class T>
const T* JsonValue::find(std::string_view path) const {
  const JsonValue* value = at(path);
  return value == nullptr ? nullptr : std::get_if<T>(&value->content_);
}

std::string_view JsonValue::text(std::string_view path) const {
  const auto* found = find<std::string>(path);
  return found == nullptr ? std::string_view() : std::string_view(*found);
}

std::optional<std::uint64_t> JsonValue::count(std::string_view path) const {
  if (const auto* found = find<std::uint64_t>(path)) return *found;
  const auto* found = find<std::int64_t>(path);
  if (found == nullptr || *found < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*found);
}

std::optional<double> JsonValue::number(std::string_view path) const {
  if (const auto* found = find<double>(path)) return *found;
  if (const auto* found = find<std::int64_t>(path)) return static_cast<double>(*found);
  if (const auto* found = find<std::uint64_t>(path)) return static_cast<double>(*found);
  return std::nullopt;
}

std::optional<bool> JsonValue::flag(std::string_view path) const {
  const auto* found = find<bool>(path);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

const JsonValue::List& JsonValue::list(std::string_view path) const {
  static const List none;
  const auto* found = find<List>(path);
  return found == nullptr ? none : *found;
}

const JsonValue::Object& JsonValue::object(std::string_view path) const {
  static const Object none;
  const auto* found = find<Object>(path);
  return found == nullptr ? none : *found;
}

}  // namespace borehole::bedrock
