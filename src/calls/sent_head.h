// A request head that was sent, or was found sound before that, taken apart: its form is known, so it is cut at line
// ends, blanks and colons. Never checks it.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "bedrock/fields.h"

namespace borehole::calls {

// Valid as long as the octets.
struct SentHead {
  Bytes method, target;
  std::vector<bedrock::Field> fields;
};

SentHead read_sent(Bytes head);

}  // namespace borehole::calls
