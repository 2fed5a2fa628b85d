// Variables as text that a shell, Docker or a program takes. Never decides what they hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "app/client_environment.h"

namespace borehole::app {

enum class ShellKind : std::uint8_t { sh, fish, docker, json };
std::optional<ShellKind> shell_named(std::string_view name) noexcept;

// `export NAME='value';` a line, for every shell that knows POSIX: `eval "$(borehole env)"`.
std::string for_sh(const Variables& variables);
// `set -gx NAME 'value';` a line: `borehole env --shell fish | source`.
std::string for_fish(const Variables& variables);
// One object, names as members.
std::string for_json(const Variables& variables);

// A file of this machine and where a container sees it.
struct Mount {
  std::string source, target;
};
// Options of `docker run` on one line, in quotes only where a shell needs them: the variables, the files, read only,
// and the name under which a container reaches this machine.
std::string for_docker(const Variables& variables, const std::vector<Mount>& mounts);

}  // namespace borehole::app
