#include "tls_channel.h"

#include <utility>

#include "tls/client_hello.h"

namespace borehole::bench {

TlsChannel::TlsChannel(std::unique_ptr<net::TcpSocket> socket, std::unique_ptr<tls::Engine> engine,
                       ChannelObserver& observer)
    : socket_(std::move(socket)), engine_(std::move(engine)), observer_(observer) {}

TlsChannel::TlsChannel(std::unique_ptr<net::TcpSocket> socket, Accept accept, ChannelObserver& observer)
    : socket_(std::move(socket)), observer_(observer), accept_(std::move(accept)) {}

bool TlsChannel::take_hello(Bytes bytes) {
  hello_ += bytes;
  const tls::HelloResult hello = tls::read_client_hello(hello_);
  if (hello.status == tls::HelloStatus::need_more) return false;
  engine_ = accept_(hello.hello.server_name);
  return true;
}

void TlsChannel::begin(const std::string& connect_to) {
  socket_->observe(this);
  asking_proxy_ = !connect_to.empty();
  if (asking_proxy_) {
    socket_->out().append("CONNECT " + connect_to + " HTTP/1.1\r\nHost: " + connect_to + "\r\n\r\n");
    socket_->flush();
  } else {
    begin_tls();
  }
  socket_->set_reading(true);
}

void TlsChannel::begin_tls() {
  if (!engine_) return;  // it waits for the client
  (void)engine_->start(socket_->out());
  socket_->flush();
}

void TlsChannel::proxy_answered(Bytes bytes) {
  proxy_head_ += bytes;
  if (proxy_head_.find("\r\n\r\n") == std::string::npos) return;
  asking_proxy_ = false;
  if (proxy_head_.find(" 200") == std::string::npos) {
    return observer_.on_over("the proxy answered CONNECT with " + proxy_head_.substr(0, proxy_head_.find('\r')));
  }
  begin_tls();
}

void TlsChannel::send(Bytes plaintext) { (void)engine_->write(plaintext, socket_->out()); }

void TlsChannel::on_received(Bytes bytes) noexcept {
  if (asking_proxy_) return proxy_answered(bytes);
  if (!engine_) {
    if (!take_hello(bytes)) return;
    bytes = hello_;
  }
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
