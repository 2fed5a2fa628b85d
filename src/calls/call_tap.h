// Captures exchanges into records, within a byte budget for bodies. Never holds, never throws, never keeps a secret;
// never delivers a record that lacks, for want of memory, more than a body's end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "calls/captured_call.h"
#include "calls/tap.h"

namespace borehole::calls {

class LiveCalls;

struct CaptureOptions {
  std::size_t body_max_bytes =
      1024 * 1024;  // per body; 0: none. Past it the body is marked truncated and still counted
  // For the bodies of all exchanges that a source's taps have under way: past it bodies are truncated too, so that many
  // calls at once cannot exhaust memory.
  std::size_t under_way_max_bytes = 128 * 1024 * 1024;
  // Names, case-insensitive, besides authorization, proxy-authorization and x-amz-security-token, which are always
  // masked.
  std::vector<std::string> mask_headers;
  std::shared_ptr<const RedactionRules> redaction;  // null: what is not a masked header is recorded as it is
  std::optional<std::string> session_header;        // its value is the record's session id; absent: none is looked for
  // Why the text of streamed answers must not be shown while they come, as a sentence (what is recorded of bodies hides
  // something); empty: it may.
  std::string live_text_off;
};

// Takes captured calls over from a worker. Must not block. Each stays where it was captured: moving all its texts costs
// thousands of instructions.
class CallOutbox {
 public:
  virtual ~CallOutbox() = default;
  virtual void deliver(std::unique_ptr<CapturedCall> call) noexcept = 0;  // never null
  // A call that has no record, because memory ran out while it was captured.
  virtual void missed() noexcept = 0;
};

// One per worker; its taps stay on that worker's thread.
class CallTapSource final : public TapSource {
 public:
  // `outbox`, `clock` and `live` must outlive it and its taps. `live`: who looks on while calls run; null: nobody can.
  CallTapSource(CallOutbox& outbox, std::shared_ptr<const CaptureOptions> options, const Clock& clock,
                LiveCalls* live = nullptr);
  // Null where memory ran out, which the outbox is told.
  std::unique_ptr<Tap> begin(const ExchangeStart& start, TimePoint now) noexcept override;
  // For exchanges that begin from now on (the configuration was loaded again).
  void set_options(std::shared_ptr<const CaptureOptions> options) noexcept { options_ = std::move(options); }

 private:
  CallOutbox& outbox_;
  std::shared_ptr<const CaptureOptions> options_;
  const Clock& clock_;
  LiveCalls* live_;
  std::shared_ptr<std::size_t> bytes_under_way_;
};

}  // namespace borehole::calls
