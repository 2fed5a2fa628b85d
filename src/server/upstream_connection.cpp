#include "server/upstream_connection.h"

#include <fmt/format.h>

#include <utility>

namespace borehole::server {

UpstreamConnection::UpstreamConnection(std::unique_ptr<net::TcpSocket> socket, std::unique_ptr<tls::Engine> engine,
                                       proxy::UpstreamTarget target, calls::UpstreamFacts facts)
    : socket_(std::move(socket)), engine_(std::move(engine)), target_(std::move(target)), facts_(std::move(facts)) {
  socket_->observe(this);
}

UpstreamConnection::~UpstreamConnection() = default;

void UpstreamConnection::mark_reused() noexcept {
  facts_.reused = true;
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

void UpstreamConnection::end_writing() noexcept {
  if (broken_ || !socket_) return;
  if (engine_) engine_->close(socket_->out());
  socket_->flush();
  socket_->shut_down();
}

void UpstreamConnection::finish() noexcept {
  if (!socket_) return;
  if (engine_ && !broken_) engine_->close(socket_->out());
  net::TcpSocket::finish_and_close(std::move(socket_), std::chrono::seconds(5));
  ended_ = broken_ = true;
}

void UpstreamConnection::on_received(Bytes bytes) noexcept {
  if (!engine_) {
    if (observer_ != nullptr) observer_->on_upstream_received(bytes);
    return;
  }
  auto progress = engine_->feed(bytes, plaintext_, socket_->out());
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
  if (engine_) {
    observer_->on_upstream_broken(
        {ErrorCode::upstream_broke, Fault::upstream,
         fmt::format("{} ended the TLS connection without close_notify, so what it sent may have been cut",
                     target_.host)});
  } else {
    observer_->on_upstream_ended();
  }
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
