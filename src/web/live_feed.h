// Calls while they run, as text/event-stream for each client that looks on. Decodes on the loop's thread; a client that
// is slow misses events and is told how many; never holds back a call.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "calls/live_calls.h"
#include "net/loop.h"
#include "web/body_stream.h"

namespace borehole::web {

// Events, each with a JSON object: `call_started` {id, started_at, …, text, no_text}, `delta` {id, block, kind, name,
// text}, `text_lost` {id, reason}: no more of its text will come, `call_ended` {figures}, `call_gone` {id}, `missed`
// {events}: so many were left out here, `draining` {}: the last one.
class LiveFeed {
 public:
  struct Limits {
    std::size_t clients = 8;
    std::size_t waiting = std::size_t{256} * 1024;             // octets for one client; it misses what is beyond
    std::size_t calls = 512;                                   // known at a time; the oldest are forgotten
    std::size_t text = std::size_t{4} * 1024 * 1024;           // of one call; beyond, its text is lost
    std::size_t message_bytes = std::size_t{1} * 1024 * 1024;  // of a stream; a larger one loses the text
    // Compressed answers at a time; another one loses its text. Each may need a window of 16 MiB to be decoded.
    std::size_t compressed = 16;
    std::uint64_t decoded = std::uint64_t{64} * 1024 * 1024;  // octets of one of them; beyond, its text is lost
  };

  LiveFeed(net::Loop& loop, calls::LiveCalls& live) : LiveFeed(loop, live, Limits()) {}
  LiveFeed(net::Loop& loop, calls::LiveCalls& live, Limits limits);
  ~LiveFeed();

  // Null: as many as may look on already, or it has ended. It begins with the calls that are known to run.
  std::shared_ptr<BodyStream> look_on();
  void end();  // for all who look on

 private:
  class Client;
  struct Call;
  void woken() noexcept;
  void end_streams() noexcept;
  void deliver();
  void forget_gone_clients();
  std::string started(const std::string& id, const Call& call) const;
  void take(calls::LiveEvent& event);
  void take_octets(const std::string& id, Call& call, const calls::LiveEvent& event);
  // Why the octets of `event`, which are compressed, cannot be read; empty: they can.
  std::string_view begin_decoding(Call& call, const calls::LiveEvent& event);
  void lose_text(const std::string& id, Call& call, std::string_view reason);
  void tell(std::string_view event, const std::string& json);

  calls::LiveCalls& live_;
  const Limits limits_;
  std::vector<std::weak_ptr<Client>> clients_;
  std::map<std::string, std::unique_ptr<Call>> calls_;  // by id, the oldest first
  std::vector<calls::LiveEvent> events_;
  bool ended_ = false;
  net::Wakeup wakeup_;
};

}  // namespace borehole::web
