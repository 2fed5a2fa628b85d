#include "config/gecholog_text.h"

#include <fmt/format.h>

#include "config/hosts.h"

namespace borehole::config {
namespace {

constexpr bool is_name_character(char c) { return is_alnum(c) || c == '_'; }

// The length of `$NAME`, `${NAME` or `${NAME}` at the beginning of `text`, and the name; 0 for anything else.
std::size_t variable_at(std::string_view text, std::string_view& name) {
  if (!text.starts_with('$')) return 0;
  std::size_t at = text.starts_with("${") ? 2 : 1;
  const std::size_t begin = at;
  while (at < text.size() && is_name_character(text[at])) ++at;
  if (at == begin) return 0;
  name = text.substr(begin, at - begin);
  return at < text.size() && text[at] == '}' ? at + 1 : at;
}

}  // namespace

std::string json_for_yaml(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool in_string = false;
  while (!json.empty()) {
    std::string_view name;
    if (in_string && json.front() == '\\' && json.size() > 1) {
      out += json.substr(0, 2);
      json.remove_prefix(2);
    } else if (const auto size = in_string ? 0 : variable_at(json, name); size > 0) {
      out += fmt::format("\"{}\"", json.substr(0, size));
      json.remove_prefix(size);
    } else {
      if (json.front() == '"') in_string = !in_string;
      out += !in_string && json.front() == '\t' ? ' ' : json.front();
      json.remove_prefix(1);
    }
  }
  return out;
}

std::optional<std::string> with_our_variables(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::string_view name;
    if (const auto size = variable_at(text, name); size > 0) {
      if (out.ends_with('$')) return std::nullopt;
      if (!is_digit(name.front())) out += fmt::format("${{{}}}", name);  // a variable of such a name cannot be set
      text.remove_prefix(size);
    } else if (text.starts_with("${")) {
      out += "$${";
      text.remove_prefix(2);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

bool holds_variable(std::string_view text) {
  for (auto at = text.find("${"); at != text.npos; at = text.find("${", at + 2))
    if (at == 0 || text[at - 1] != '$') return true;
  return false;
}

std::string yaml_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += fmt::format("\\{}", c);
    else if (u < 0x20 || u == 0x7f)
      out += fmt::format("\\x{:02x}", u);
    else
      out += c;
  }
  return out + "\"";
}

}  // namespace borehole::config
