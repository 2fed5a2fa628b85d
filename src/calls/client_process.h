// The process of this machine that a call came from, as far as the system tells. Never looks for it.
#pragma once

#include <cstdint>
#include <string>

#include "base/awaited.h"

namespace borehole::calls {

struct ClientProcess {
  std::int64_t pid = 0;
  std::string name;
};

// Looked for from the moment the connection was accepted, since the client may be gone when its record is made.
using AwaitedProcess = Awaited<ClientProcess>;

}  // namespace borehole::calls
