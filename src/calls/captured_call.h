// What a tap captured of one exchange, bounded and masked, on its way from the worker to the recorder's thread. Not yet
// decoded.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "bedrock/price.h"
#include "calls/call_record.h"
#include "calls/receipt.h"
#include "calls/redaction.h"
#include "calls/redaction_rules.h"
#include "calls/stream_end.h"
#include "calls/stream_timing.h"
#include "calls/tap.h"

namespace borehole::calls {

// Everything that decoding needs (operation, usage, signature); times are relative to the start, in milliseconds.
// Headers in it are masked already; what decoding needs of secrets (access key id, signed headers, whether the
// signature stayed intact) was read out before. Owned by one thread at a time.
struct CapturedCall {
  CallRecord record;           // what needs no decoding is filled in
  std::string target;          // masked as the record's, without the router's prefix
  std::string amz_target;      // X-Amz-Target, for AWS JSON 1.1
  std::string signing_region;  // of the credential scope
  std::string signing_service;
  StreamMarks response_marks;                // of a streamed response: when it came
  StreamEnd response_end;                    // and its last octets, where its body is truncated
  StreamEnd request_end;                     // of a streamed request, the same
  std::size_t body_max_bytes = 1024 * 1024;  // of each body that the record may hold
  // Of a refused call whose answer is content-coded: to be taken out of it once it is decoded. In no record.
  Secrets secrets;
  std::shared_ptr<const RedactionRules> redaction;       // null: nothing is hidden
  std::shared_ptr<const AwaitedProcess> client_process;  // null: it cannot be known
  std::shared_ptr<Receipt> receipt;                      // null: nobody waits until it is on disk
  std::size_t cost() const;                              // bytes of memory, for the mailbox's bound
};

// The decoding half: content codings, operation, model, usage, SDK, stop reason, errors. Pure; any thread; never
// throws. What it cannot read stays absent: a body that is truncated and not a stream is not looked into; a client's
// process that is still looked for. `prices` may be null: then, as where they do not tell, there is no cost. Last, what
// the call's rules hide is taken out.
void decode(CapturedCall& call, const bedrock::PriceTable* prices = nullptr) noexcept;

}  // namespace borehole::calls
