#include "config/variables.h"

#include <algorithm>

#include "config/hosts.h"

namespace borehole::config {

Result<std::string, std::string> expand_variables(
    std::string_view text, const std::function<std::optional<std::string>(const std::string&)>& environment) {
  std::string expanded;
  while (!text.empty()) {
    const auto dollar = std::min(text.find('$'), text.size());
    expanded += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.starts_with("$${")) {
      expanded += "${";
      text.remove_prefix(3);
    } else if (text.starts_with("${")) {
      const auto close = text.find('}');
      const std::string name(text.substr(2, std::min(close, text.size()) - 2));
      const auto is_name_character = [](char c) { return is_alnum(c) || c == '_'; };
      if (close == text.npos || name.empty() || is_digit(name.front()) || !std::ranges::all_of(name, is_name_character))
        return unexpected(
            std::string("holds a ${ without a variable's name and } behind it: write ${NAME}, or $${ for "
                        "the characters themselves"));
      const auto value = environment(name);
      if (!value)
        return unexpected("needs the environment variable " + name +
                          ", which is not set: set it, or write $${ for the " + "characters themselves");
      expanded += *value;
      text.remove_prefix(close + 1);
    } else if (!text.empty()) {
      expanded += '$';
      text.remove_prefix(1);
    }
  }
  return expanded;
}

}  // namespace borehole::config
