// What happens in calls while they run, for those who look on. Costs one atomic load where nobody does; never waits for
// who looks on: what does not fit is dropped and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/bounded_queue.h"
#include "bedrock/streamed_body.h"
#include "calls/call_record.h"
#include "calls/sink.h"
#include "http/content_coding.h"

namespace borehole::calls {

struct LiveEvent {
  enum class Kind : std::uint8_t {
    started,  // `start`
    octets,   // `text`: the next ones of a streamed answer's body, behind the `offset` ones before
    gone,     // no record will come of it
    ended,    // `text`: the record's figures, as JSON
  };
  struct Start {
    WallTime started_at{};
    WayIn way_in = WayIn::connect;
    std::string method, target, amz_target;  // masked, without the router's prefix
    std::string upstream_host, region, access_key_id, session_id;
    std::string no_text;  // why its text will not be shown, as a sentence; empty: it will
  };
  Kind kind = Kind::started;
  std::string id;
  std::shared_ptr<const Start> start;
  bedrock::StreamFormat format = bedrock::StreamFormat::event_stream;
  std::shared_ptr<const http::ContentCodings> codings;  // of the octets; null: they have none
  std::uint64_t offset = 0;
  std::string text;

  std::size_t cost() const noexcept;  // bytes of memory
};

// Many post, one takes.
class LiveCalls {
 public:
  explicit LiveCalls(std::size_t max_bytes = std::size_t{8} * 1024 * 1024) : queue_(max_bytes) {}

  // Any thread. 0: nobody looks on. Another number than before: somebody else does, who knows of no call yet.
  std::uint64_t watch() const noexcept { return watch_.load(std::memory_order_relaxed); }
  void post(LiveEvent event) noexcept;
  std::uint64_t dropped() const { return queue_.dropped(); }

  // The thread that takes. `wake` is called on any thread, and must not block.
  void begin(std::function<void()> wake);
  void end();
  void take(std::vector<LiveEvent>& events) { queue_.drain(events); }

 private:
  std::atomic<std::uint64_t> watch_{0};
  std::uint64_t last_watch_ = 0;
  BoundedQueue<LiveEvent> queue_;
  std::mutex mutex_;  // guards `wake_`
  std::function<void()> wake_;
};

// Posts `ended` for every record. To stand behind the sinks that write: then who looks on finds what was written.
std::unique_ptr<Sink> make_live_sink(LiveCalls& live);

}  // namespace borehole::calls
