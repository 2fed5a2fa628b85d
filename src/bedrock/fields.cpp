#include "bedrock/fields.h"

#include "base/ignoring_case.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

std::optional<std::string_view> find_field(Fields fields, std::string_view name) noexcept {
  for (const auto& [field_name, value] : fields) {
    if (field_name.size() == name.size() && equals_ignoring_case(field_name, name)) return trimmed(value);
  }
  return std::nullopt;
}

TargetParts split_target(std::string_view target) noexcept {
  if (!target.empty() && target.front() != '/') {
    const std::size_t scheme = target.find("://");
    if (scheme != std::string_view::npos && scheme < target.find_first_of("/?#")) {
      target.remove_prefix(scheme + 3);
      const std::size_t path = target.find_first_of("/?#");
      target.remove_prefix(path == std::string_view::npos ? target.size() : path);
    }
  }
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) return {target, {}};
  return {target.substr(0, question), target.substr(question + 1)};
}

std::string_view without_prefix(std::string_view target, std::string_view prefix) noexcept {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.empty() || !target.starts_with(prefix)) return target;
  const std::string_view rest = target.substr(prefix.size());
  return rest.starts_with('/') ? rest : target;
}

}  // namespace borehole::bedrock
