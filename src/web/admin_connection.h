// One client of the admin port: requests one after another on a connection that stays open. Never holds more than one
// answer, never waits for ever. Memory that runs out for an answer ends this connection, and nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/buffer.h"
#include "config/users_file.h"
#include "http/message_reader.h"
#include "net/loop.h"
#include "net/tcp_socket.h"
#include "web/response.h"

namespace borehole::web {

struct AdminPatience {
  Duration idle = std::chrono::seconds(75);   // for another request
  Duration head = std::chrono::seconds(10);   // from a request's first octet to its last
  Duration write = std::chrono::seconds(30);  // in which nothing of an answer is taken
  Duration beat = std::chrono::seconds(15);   // between signs of life in a stream that has nothing to tell
};

using Answer = std::function<void(const Response&)>;

// Valid during the call that hands it over.
struct AdminRequest {
  const http::RequestHead& head;
  http::Framing framing;
  std::uint64_t content_length;
  const net::Address& client;
  const net::Address& local;  // where the connection was accepted
  // Of its credentials, once they were judged; `again` asks anew with that, later, if the connection is still there.
  std::optional<config::UsersFile::Verdict> verdict;
  const std::function<void(config::UsersFile::Verdict)>& again;
};

class AdminConnection final : public net::TcpObserver {
 public:
  struct Site {
    net::Loop& loop;
    AdminPatience patience;
    // Answers a head without a body: once, inside the call or later, on the loop's thread. The answer may come after
    // the connection's end; then it is let go.
    std::function<void(const AdminRequest& request, const Answer& answer)> handle;
    // It may be retired in there, not destroyed. Must not throw.
    std::function<void(AdminConnection&)> over;
  };

  AdminConnection(const Site& site, std::unique_ptr<net::TcpSocket> socket);
  ~AdminConnection() override;

  bool idle() const noexcept { return phase_ == Phase::reading && reader_.idle() && in_.empty(); }
  TimePoint idle_since() const noexcept { return since_; }
  void finish() noexcept;  // delivers what is queued, then ends; calls `over`

  void on_received(Bytes bytes) noexcept override;
  void on_ended() noexcept override;
  void on_broken(const Error& error) noexcept override;
  void on_written() noexcept override;

 private:
  enum class Phase : std::uint8_t { reading, answering, writing, streaming, over };
  template <class F>
  void guarded(F&& step) noexcept;  // around all that comes
  void end(void (*part)(std::unique_ptr<net::TcpSocket>, Duration)) noexcept;
  void written();
  void take_requests();
  bool take_step();  // false: more octets, or an answer, are needed
  void ask(std::optional<config::UsersFile::Verdict> verdict);
  void answered(const Response& response);
  void begin_stream(std::shared_ptr<BodyStream> stream);
  void send_more();  // of the stream, as long as it is taken
  void enter(Phase phase);
  void waited_in_vain();

  const Site& site_;
  std::unique_ptr<net::TcpSocket> socket_;
  http::MessageReader reader_;
  Buffer in_;  // pipelined: at most one read
  Phase phase_ = Phase::reading;
  bool taking_ = false;
  bool ended_ = false;  // the client has sent all it will
  TimePoint since_{};
  std::shared_ptr<BodyStream> stream_;
  net::Timer timer_;
  std::shared_ptr<bool> alive_;  // answers that come late hold it weakly
};

}  // namespace borehole::web
