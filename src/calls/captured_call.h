// What a tap captured of one exchange, bounded and masked, on its way from the worker to the recorder's thread. Not yet
// decoded.
#pragma once

#include <cstddef>

#include "calls/call_record.h"
#include "calls/tap.h"

namespace borehole::calls {

// Everything that decoding needs (operation, usage, signature); times are relative to the start, in milliseconds.
// Headers in it are masked already; what decoding needs of secrets (access key id, signed headers, whether the
// signature stayed intact) was read out before. Owned by one thread at a time.
struct CapturedCall {
  CallRecord record;         // what needs no decoding is filled in
  std::size_t cost() const;  // bytes of memory, for the mailbox's bound
};

// The decoding half: operation, model, usage, SDK, stop reason, errors. Pure; any thread; never throws.
void decode(CapturedCall& call) noexcept;

}  // namespace borehole::calls
