// The inside of a TcpSocket: the libuv handle, its requests and what is still to be told. Never included outside net/.
#pragma once

#include <uv.h>

#include <cstddef>
#include <memory>

#include "base/buffer.h"
#include "net/loop_state.h"
#include "net/own_dials.h"
#include "net/tcp_socket.h"

namespace borehole::net {

// Told how a connection attempt went; a libuv status. Never called from inside connect().
class ConnectObserver {
 public:
  virtual void on_connect(int status) noexcept = 0;

 protected:
  ~ConnectObserver() = default;
};

// An end or a break is never reported from libuv's own read callback but by run() on the next turn, after what the
// kernel still holds has been read. Two reasons. libuv (1.44) takes a hang-up behind a short read for an end without
// looking, which would turn a reset into a complete-looking end. And a failed write swallows the socket's error, after
// which a read sees an end too.
struct TcpSocket::State final : Handle, Task {
  explicit State(Loop& loop);
  ~State() override;

  // A connection from accept(2) or the like; takes the descriptor in any case. Null: libuv refused it.
  static std::unique_ptr<TcpSocket> adopt(Loop& loop, int descriptor, const Address& remote, const Address* local);
  static std::unique_ptr<TcpSocket> unconnected(Loop& loop);
  // A libuv status. `own` may be null: then nobody knows it for one of ours. Where memory runs out (std::bad_alloc) it
  // is of no more use.
  int connect(const Address& address, ConnectObserver& observer, OwnDials* own);

  void detach() noexcept;  // the TcpSocket is gone
  void reset_on_close() noexcept;
  void apply_reading() noexcept;
  void pump() noexcept;
  void take_room() noexcept;
  void leave_room() noexcept;
  std::size_t queued() const noexcept;
  int descriptor() const noexcept;
  void run() noexcept override;

  uv_tcp_t tcp{};
  uv_connect_t connecting{};
  uv_write_t writing{};
  Loop& loop;
  TcpObserver* observer = nullptr;
  ConnectObserver* connect_observer = nullptr;
  static thread_local Buffer spare;
  Buffer out;
  Buffer in_flight;           // what libuv is writing from; does not move meanwhile
  std::size_t slice = 0;      // octets at its front that are with libuv; 0: nothing is
  int failure = 0;            // a libuv status that on_broken has still to tell
  bool want_reading = false;  // as the owner asked
  bool ended = false;
  bool broken = false;  // nothing more comes or goes
  bool want_fin = false;
  bool sent_fin = false;
  Address remote;
  Address local;
  std::unique_ptr<OwnDials::Entry> own_dial;
  DescriptorBudget* counted = nullptr;  // where this one is

 private:
  uv_handle_t* handle() noexcept override { return reinterpret_cast<uv_handle_t*>(&tcp); }
  uv_stream_t* stream() noexcept { return reinterpret_cast<uv_stream_t*>(&tcp); }
  bool may_read() const noexcept { return want_reading && observer != nullptr && !ended && !broken; }
  void fail(int status) noexcept;
  void report_break() noexcept;
  void write_now(Buffer& from) noexcept;

  static State& of(const void* uv_handle) noexcept { return *static_cast<State*>(Handle::of(uv_handle)); }
  static void on_room(uv_handle_t* tcp, std::size_t suggested, uv_buf_t* room) noexcept;
  static void on_read(uv_stream_t* tcp, ssize_t count, const uv_buf_t* room) noexcept;
  static void on_wrote(uv_write_t* request, int status) noexcept;
  static void on_connect(uv_connect_t* request, int status) noexcept;
};

}  // namespace borehole::net
