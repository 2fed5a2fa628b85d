// Text as one word of a POSIX shell (IEEE 1003.1, Shell Command Language, 2.2.2). Never for other shells.
#pragma once

#include <string>
#include <string_view>

namespace borehole {

// In single quotes, whatever it holds.
std::string shell_quoted(std::string_view text);
// As it is where no character of it means anything to a shell, else quoted.
std::string shell_word(std::string_view text);

}  // namespace borehole
