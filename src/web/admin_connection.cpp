#include "web/admin_connection.h"

#include <new>
#include <utility>

namespace borehole::web {

namespace {

constexpr Duration linger = std::chrono::seconds(2);
constexpr std::size_t most_queued = std::size_t{64} * 1024;  // of a stream
constexpr http::ReaderLimits reader_limits{16 * 1024, 1024, 1024};

}  // namespace

AdminConnection::AdminConnection(const Site& site, std::unique_ptr<net::TcpSocket> socket)
    : site_(site),
      socket_(std::move(socket)),
      reader_(http::Role::request, reader_limits),
      timer_(site.loop, [this] { guarded([this] { waited_in_vain(); }); }),
      alive_(std::make_shared<bool>(true)) {
  socket_->observe(this);
  socket_->set_reading(true);
  enter(Phase::reading);
}

AdminConnection::~AdminConnection() = default;

template <class F>
void AdminConnection::guarded(F&& step) noexcept {
  try {
    step();
  } catch (const std::bad_alloc&) {
    end(net::TcpSocket::deliver_and_reset);
  }
}

void AdminConnection::on_received(Bytes bytes) noexcept {
  if (phase_ == Phase::over || phase_ == Phase::streaming) return;  // behind a stream there is no answer
  guarded([&] {
    const bool was_idle = idle();
    in_.append(bytes);
    if (was_idle) timer_.start(site_.patience.head);
    take_requests();
  });
}

void AdminConnection::on_ended() noexcept {
  ended_ = true;
  if (phase_ != Phase::answering) finish();
}

void AdminConnection::on_broken(const Error&) noexcept { finish(); }

void AdminConnection::on_written() noexcept {
  guarded([this] { written(); });
}

void AdminConnection::written() {
  if (phase_ == Phase::streaming) {
    if (socket_->queued() > 0) timer_.start(site_.patience.write);
    return send_more();
  }
  if (phase_ != Phase::writing) return;
  if (socket_->queued() > 0) return timer_.start(site_.patience.write);
  enter(Phase::reading);
  take_requests();
}

// Not recursive, however many requests are pipelined and answered at once.
void AdminConnection::take_requests() {
  if (taking_) return;
  taking_ = true;
  while (phase_ == Phase::reading && take_step()) {
  }
  taking_ = false;
}

bool AdminConnection::take_step() {
  if (in_.empty()) return false;
  const auto progress = reader_.feed(in_.view());
  if (!progress) {
    auto response =
        text_response(progress.error().code == ErrorCode::head_too_large ? 431 : 400, progress.error().detail);
    response.close = true;
    answered(response);
    return false;
  }
  in_.consume(progress->consumed);
  if (progress->step != http::MessageReader::Step::head) return !in_.empty();
  // What has a body is refused, and the connection ended: so this completes every message that another one follows.
  if (reader_.framing() == http::Framing::none || reader_.content_length() == 0) (void)reader_.feed({});
  enter(Phase::answering);
  ask(std::nullopt);
  return phase_ == Phase::reading;
}

void AdminConnection::ask(std::optional<config::UsersFile::Verdict> verdict) {
  const std::weak_ptr<bool> alive(alive_);
  const std::function<void(config::UsersFile::Verdict)> again = [this, alive](config::UsersFile::Verdict judged) {
    if (alive.lock() && phase_ == Phase::answering) guarded([&] { ask(judged); });
  };
  site_.handle({reader_.request_head(), reader_.framing(), reader_.content_length(), socket_->remote_address(),
                socket_->local_address(), verdict, again},
               [this, alive](const Response& response) {
                 if (alive.lock()) guarded([&] { answered(response); });
               });
}

void AdminConnection::answered(const Response& response) {
  if (phase_ == Phase::over) return;
  const http::RequestHead& head = reader_.request_head();
  const bool read = phase_ == Phase::answering;  // else there is no head to look at
  const bool close = !read || response.close || ended_ || !reader_.keep_alive() || head.minor_version() == 0;
  socket_->out().append(to_octets(response, read && head.method() == "HEAD", close));
  if (response.stream && !(read && head.method() == "HEAD")) return begin_stream(response.stream);
  if (close || response.stream) return finish();
  socket_->flush();
  enter(socket_->queued() > 0 ? Phase::writing : Phase::reading);
  take_requests();
}

void AdminConnection::begin_stream(std::shared_ptr<BodyStream> stream) {
  if (ended_) return finish();
  stream_ = std::move(stream);
  stream_->on_more = [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.lock()) guarded([this] { send_more(); });
  };
  enter(Phase::streaming);
  socket_->flush();
  send_more();
}

void AdminConnection::send_more() {
  while (phase_ == Phase::streaming && socket_->queued() < most_queued) {
    const std::string more = stream_->take();
    if (more.empty()) {
      if (stream_->over()) finish();
      return;
    }
    timer_.start(socket_->queued() > 0 ? site_.patience.write : site_.patience.beat);
    socket_->out().append(more);
    socket_->flush();
  }
}

void AdminConnection::enter(Phase phase) {
  phase_ = phase;
  since_ = site_.loop.now();
  socket_->set_reading(phase == Phase::reading || phase == Phase::streaming);
  switch (phase) {
    case Phase::reading: return timer_.start(in_.empty() ? site_.patience.idle : site_.patience.head);
    case Phase::answering: return timer_.stop();
    case Phase::writing: return timer_.start(site_.patience.write);
    case Phase::streaming: return timer_.start(site_.patience.beat);
    case Phase::over: return;
  }
}

void AdminConnection::waited_in_vain() {
  if (phase_ == Phase::over) return;
  if (phase_ == Phase::streaming && socket_->queued() == 0) {
    socket_->out().append(":\n\n");  // a comment: a client that is gone is noticed by it
    socket_->flush();
    return timer_.start(socket_->queued() > 0 ? site_.patience.write : site_.patience.beat);
  }
  if (phase_ == Phase::reading && !idle()) {
    auto response = text_response(408, "The request did not come in time; send it at once.");
    response.close = true;
    return answered(response);
  }
  finish();
}

void AdminConnection::finish() noexcept { end(net::TcpSocket::finish_and_close); }

void AdminConnection::end(void (*part)(std::unique_ptr<net::TcpSocket>, Duration)) noexcept {
  if (phase_ == Phase::over) return;
  timer_.stop();
  phase_ = Phase::over;
  alive_.reset();
  stream_.reset();
  part(std::move(socket_), linger);
  site_.over(*this);
}

}  // namespace borehole::web
