#include "tls_channel.h"

#include <utility>

namespace borehole::bench {

TlsChannel::TlsChannel(std::unique_ptr<net::TcpSocket> socket, std::unique_ptr<tls::Engine> engine,
                       ChannelObserver& observer)
    : socket_(std::move(socket)), engine_(std::move(engine)), observer_(observer) {}

void TlsChannel::begin() {
  socket_->observe(this);
  (void)engine_->start(socket_->out());
  socket_->flush();
  socket_->set_reading(true);
}

void TlsChannel::send(Bytes plaintext) { (void)engine_->write(plaintext, socket_->out()); }

void TlsChannel::on_received(Bytes bytes) noexcept {
  auto progress = engine_->feed(bytes, plaintext_, socket_->out());
  if (progress && progress->handshake_done) observer_.on_open();
  if (!plaintext_.empty()) {
    observer_.on_plaintext(plaintext_.view());
    plaintext_.clear();
  }
  socket_->flush();
  if (!progress) return observer_.on_over(progress.error().detail);
  if (progress->closed) observer_.on_over("closed");
}

}  // namespace borehole::bench
