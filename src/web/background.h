// Answers that take a while, on a thread of their own, one at a time. Never blocks the loop that asks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "net/loop.h"
#include "web/response.h"

namespace borehole::web {

class Background {
 public:
  // At most `most_waiting` jobs wait.
  Background(net::Loop& loop, std::size_t most_waiting);
  ~Background();  // waits for the job that runs; the others are dropped, and nobody is told

  // `work` runs on the thread and must bound its own time; `done` is then called on the loop's thread with what it
  // gave, never inside this call; it must not throw. False: too many wait already.
  bool run(std::function<Response()> work, std::function<void(const Response&)> done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::web
