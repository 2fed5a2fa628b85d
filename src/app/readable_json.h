// A record's JSON laid out for a person: indented, and bodies that hold JSON opened up. Never changes a value, never
// lets a control character out.
#pragma once

#include <string>
#include <string_view>

namespace borehole::app {

std::string readable(std::string_view json);

}  // namespace borehole::app
