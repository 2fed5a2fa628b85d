// Captures exchanges into records, within a byte budget for bodies. Never holds, never throws, never keeps a secret.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "calls/captured_call.h"
#include "calls/tap.h"

namespace borehole::calls {

struct CaptureOptions {
  std::size_t body_max_bytes =
      1024 * 1024;                        // per body; 0: none. Past it the body is marked truncated and still counted
  std::vector<std::string> mask_headers;  // names, case-insensitive
};

// Takes captured calls over from a worker. Must not block.
class CallOutbox {
 public:
  virtual ~CallOutbox() = default;
  virtual void deliver(CapturedCall call) noexcept = 0;
};

class CallTapSource final : public TapSource {
 public:
  // Both must outlive it. `options` is read at each `begin`.
  CallTapSource(CallOutbox& outbox, std::shared_ptr<const CaptureOptions> options, const Clock& clock);
  std::unique_ptr<Tap> begin(const ExchangeStart& start, TimePoint now) noexcept override;

 private:
  CallOutbox& outbox_;
  std::shared_ptr<const CaptureOptions> options_;
  const Clock& clock_;
};

}  // namespace borehole::calls
