// Whether a file that records go to can still be written: that it is there, permitted, and that its disk has room.
// Never writes.
#pragma once

#include <string>
#include <vector>

namespace borehole::store {

// What is wrong, in sentences that say what to do; empty: nothing is to be seen. `what` names the file: "the call
// store".
std::vector<std::string> place_faults(const std::string& path, const std::string& what);

}  // namespace borehole::store
