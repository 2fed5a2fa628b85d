#include "server/upstream_connection.h"

#include <fmt/format.h>

#include <new>
#include <optional>
#include <utility>

#include "base/out_of_memory.h"

namespace borehole::server {

UpstreamConnection::UpstreamConnection(std::unique_ptr<net::TcpSocket> socket, std::unique_ptr<tls::Engine> engine,
                                       proxy::UpstreamTarget target, calls::UpstreamFacts facts)
    : socket_(std::move(socket)), engine_(std::move(engine)), target_(std::move(target)), facts_(std::move(facts)) {
  socket_->observe(this);
}

UpstreamConnection::~UpstreamConnection() = default;

void UpstreamConnection::mark_reused() noexcept {
  facts_.reused = true;
  mark_found_open();
}

void UpstreamConnection::mark_found_open() noexcept {
  facts_.connect.reset();
  facts_.tls.reset();
}

void UpstreamConnection::send(Bytes bytes) {
  if (broken_ || !socket_) return;
  if (!engine_) return socket_->out().append(bytes);
  if (auto written = engine_->write(bytes, socket_->out()); !written) broken_ = true;
}

void UpstreamConnection::flush() noexcept {
  if (socket_) socket_->flush();
}

void UpstreamConnection::end_writing() {
  if (broken_ || !socket_) return;
  if (engine_) engine_->close(socket_->out());
  socket_->flush();
  socket_->shut_down();
}

void UpstreamConnection::finish() noexcept {
  if (!socket_) return;
  constexpr Duration linger = std::chrono::seconds(5);
  bool whole = true;
  try {
    if (engine_ && !broken_) engine_->close(socket_->out());
  } catch (const std::bad_alloc&) {
    whole = false;
  }
  (whole ? net::TcpSocket::finish_and_close : net::TcpSocket::deliver_and_reset)(std::move(socket_), linger);
  ended_ = broken_ = true;
}

void UpstreamConnection::on_received(Bytes bytes) noexcept {
  if (!engine_) {
    if (observer_ != nullptr) observer_->on_upstream_received(bytes);
    return;
  }
  std::optional<Result<tls::Engine::Progress>> fed;
  try {
    fed = engine_->feed(bytes, plaintext_, socket_->out());
  } catch (const std::bad_alloc&) {
    return break_for_memory();
  }
  const auto& progress = *fed;
  socket_->flush();
  if (!plaintext_.empty()) {
    if (observer_ != nullptr) observer_->on_upstream_received(plaintext_.view());
    plaintext_.clear();
  }
  if (!progress) {
    ended_ = broken_ = true;
    if (observer_ != nullptr) observer_->on_upstream_broken(progress.error());
  } else if (progress->closed && !ended_) {
    ended_ = true;
    if (observer_ != nullptr) observer_->on_upstream_ended();
  }
}

void UpstreamConnection::on_ended() noexcept {
  if (ended_) return;
  ended_ = true;
  if (observer_ == nullptr) return;
  if (!engine_) return observer_->on_upstream_ended();
  Error error{ErrorCode::upstream_broke, Fault::upstream, {}};
  try {
    error.detail = fmt::format("{} ended the TLS connection without close_notify, so what it sent may have been cut",
                               target_.host);
  } catch (const std::bad_alloc&) {
    error = out_of_memory();
  }
  observer_->on_upstream_broken(error);
}

// What TLS holds can be half-changed: it is not used again.
void UpstreamConnection::break_for_memory() noexcept {
  plaintext_.release();
  on_broken(out_of_memory());
}

void UpstreamConnection::on_broken(const Error& error) noexcept {
  if (broken_) return;
  ended_ = broken_ = true;
  if (observer_ != nullptr) observer_->on_upstream_broken(error);
}

void UpstreamConnection::on_written() noexcept {
  if (observer_ != nullptr) observer_->on_upstream_written();
}

}  // namespace borehole::server
