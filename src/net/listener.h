// A listening TCP socket with SO_REUSEPORT, so that each worker has its own. Survives running out of descriptors.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tcp_socket.h"

namespace borehole::net {

class Listener {
 public:
  using Accept = std::function<void(std::unique_ptr<TcpSocket>)>;
  enum class Lack : std::uint8_t { descriptors, memory };
  using TurnedAway = std::function<void(Lack)>;  // must not throw
  using Room = std::function<bool()>;
  // Port 0: any free one; see `address()`. `reuse_port`: several listeners share the address (SO_REUSEPORT, set before
  // bind). io_failed: in use (says by whom where /proc tells), not permitted, no such address. Accepted sockets have
  // TCP_NODELAY. Out of descriptors, or where `room` says that there is none for another one: the connection is
  // accepted, with a reserve descriptor if need be, and closed; counted, and `turned_away` is told if there is one. So
  // is a connection for which memory runs out, in here or in `accept`, which may throw std::bad_alloc then.
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Address& address, bool reuse_port, Accept accept,
                                                TurnedAway turned_away = {}, Room room = {});
  ~Listener();
  const Address& address() const noexcept;
  std::uint64_t refused_for_descriptors() const noexcept;

 private:
  struct State;
  explicit Listener(State* state) noexcept;
  State* state_;
};

}  // namespace borehole::net
