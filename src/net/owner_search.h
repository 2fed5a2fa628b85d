// Finds out on a thread of its own which processes hold the other ends of connections. Takes no more than a quarter of
// a processor, and never makes anybody wait.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "net/socket_owner.h"

namespace borehole::net {

// Shared by the workers; thread-safe. The thread is started with the first question.
class OwnerSearch {
 public:
  static constexpr std::size_t most_waiting = 1024;

  OwnerSearch();
  ~OwnerSearch();  // what is still asked for is answered with nothing

  // The other end lies in this machine. Called once, on the search's thread or inside `find`. Nothing: it is not known,
  // or too many are asked for.
  using Answer = std::function<void(std::optional<SocketOwner>)>;
  void find(const ConnectionEnds& connection, Answer answer) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::net
