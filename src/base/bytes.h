// Raw octets as a view; never text by itself, never owned.
#pragma once

#include <string_view>

namespace borehole {

// A view of octets that somebody else owns. Valid only as long as the callee's contract says; most often during the
// call.
using Bytes = std::string_view;

}  // namespace borehole
