// Identifiers of records: ULIDs. Sortable by time, unique per process; not secrets.
#pragma once

#include <string>

#include "base/clock.h"

namespace borehole {

// A ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits, Crockford base 32, 26 characters. Any thread.
// Within one thread later ids sort behind earlier ones, also inside one millisecond.
std::string new_ulid(WallTime time);

}  // namespace borehole
