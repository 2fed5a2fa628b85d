// The text of a gl_config.json before and in its values: variables as Gecholog has them, rewritten as ours. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace borehole::config {

// Gecholog replaces variables before it reads the JSON, so that they stand outside of strings too: such are quoted, and
// tabs there are blanks, for YAML's sake. Lines stay lines.
std::string json_for_yaml(std::string_view json);

// `$NAME` and `${NAME` count like `${NAME}` there; all come out as `${NAME}`. What is no variable stays as it is.
// Nothing for a `$` right before a variable, which ours cannot say.
std::optional<std::string> with_our_variables(std::string_view text);

bool holds_variable(std::string_view text);  // of ours

// A double-quoted YAML scalar.
std::string yaml_quoted(std::string_view text);

}  // namespace borehole::config
