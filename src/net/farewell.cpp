// The last part of a connection's life, after its owner has let go: TcpSocket::finish_and_close, deliver_and_reset.
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "net/loop_state.h"
#include "net/socket_calls.h"
#include "net/tcp_socket.h"
#include "net/tcp_socket_state.h"

namespace borehole::net {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t discard_limit = std::size_t{1024} * 1024;
constexpr int patience = 10;  // times `linger`, for a reader that is slow but reads
constexpr milliseconds first_look{1};
constexpr milliseconds longest_look{20};

// Owns the socket and itself. `linger` starts anew whenever something has got through.
class Farewell : public SelfOwned, protected TcpObserver {
 public:
  Farewell(Loop& loop, Duration linger)
      : SelfOwned(loop.state()),
        linger_(linger),
        last_progress_(std::chrono::steady_clock::now()),
        deadline_(last_progress_ + linger * patience) {}

 protected:
  // Not before all is there that needs memory.
  void take(std::unique_ptr<TcpSocket> socket) noexcept {
    socket_ = std::move(socket);
    left_ = left();
    socket_->observe(this);
    socket_->set_reading(true);
  }
  void on_received(Bytes bytes) noexcept override {
    discarded_ += bytes.size();
    if (discarded_ > discard_limit) on_too_much();
  }
  void on_broken(const Error&) noexcept override { delete this; }

  virtual void on_too_much() noexcept = 0;

  std::size_t left() const noexcept {
    return socket_->queued() + unacknowledged(socket_->state().descriptor()).value_or(0);
  }

  // False: it has taken too long.
  bool patient() noexcept {
    const auto now = std::chrono::steady_clock::now();
    if (const std::size_t still = left(); still < left_) {
      left_ = still;
      last_progress_ = now;
    }
    return now - last_progress_ < linger_ && now < deadline_;
  }

  std::unique_ptr<TcpSocket> socket_;
  const Duration linger_;

 private:
  TimePoint last_progress_;
  TimePoint deadline_;
  std::size_t left_ = 0;
  std::size_t discarded_ = 0;
};

class Finish final : public Farewell {
 public:
  Finish(Loop& loop, Duration linger) : Farewell(loop, linger), timer_(loop, [this] { look(); }) {}

  void begin(std::unique_ptr<TcpSocket> socket) noexcept {
    take(std::move(socket));
    ended_ = socket_->state().ended;
    socket_->shut_down();
    timer_.start(linger_);
    on_written();
  }

 private:
  void on_ended() noexcept override {
    ended_ = true;
    on_written();
  }
  void on_written() noexcept override {
    if (ended_ && socket_->queued() == 0) delete this;
  }
  void on_too_much() noexcept override { delete this; }
  void look() noexcept {
    if (!patient()) {
      delete this;
    } else {
      timer_.start(linger_);
    }
  }

  Timer timer_;
  bool ended_ = false;
};

class Reset final : public Farewell {
 public:
  Reset(Loop& loop, Duration linger) : Farewell(loop, linger), timer_(loop, [this] { look(); }) {}
  ~Reset() override { socket_->state().reset_on_close(); }

  void begin(std::unique_ptr<TcpSocket> socket) noexcept {
    take(std::move(socket));
    socket_->flush();
    look();
  }

 private:
  void look() noexcept {
    if (left() == 0 || !patient()) {
      delete this;
    } else {
      timer_.start(std::min<Duration>(std::exchange(pause_, std::min(pause_ * 2, longest_look)), linger_));
    }
  }

  void on_ended() noexcept override {}
  void on_written() noexcept override {}
  void on_too_much() noexcept override { socket_->set_reading(false); }

  Timer timer_;
  milliseconds pause_ = first_look;
};

template <class Kind>
void part(std::unique_ptr<TcpSocket> socket, Duration linger) noexcept {
  if (socket->state().broken) return;
  Kind* farewell = nullptr;
  try {
    farewell = new Kind(socket->state().loop, linger);
  } catch (const std::bad_alloc&) {
    return socket->state().reset_on_close();  // nobody may take what was delivered for all of it
  }
  farewell->begin(std::move(socket));
}

}  // namespace

void TcpSocket::finish_and_close(std::unique_ptr<TcpSocket> socket, Duration linger) noexcept {
  // Behind an end nothing is left unread, so that closing resets nothing, and the system delivers what it was given.
  if (socket->state().ended && !socket->state().broken) {
    socket->flush();
    if (socket->queued() == 0) return;
  }
  part<Finish>(std::move(socket), linger);
}

void TcpSocket::deliver_and_reset(std::unique_ptr<TcpSocket> socket, Duration linger) noexcept {
  part<Reset>(std::move(socket), linger);
}

}  // namespace borehole::net
