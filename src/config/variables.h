// `${NAME}` in a configuration value. Never repeats what a variable holds.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace borehole::config {

// Each `${NAME}` replaced by what `environment` has for NAME, `$${` by `${`; any other `$` stays. What a variable holds
// is not looked at again. The error completes "KEY …" and names the variable, not a value.
Result<std::string, std::string> expand_variables(
    std::string_view text, const std::function<std::optional<std::string>(const std::string&)>& environment);

}  // namespace borehole::config
