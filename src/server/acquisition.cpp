#include "server/acquisition.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "base/out_of_memory.h"
#include "http/target.h"

namespace borehole::server {

namespace {

std::string authority_of(const proxy::UpstreamTarget& target) {
  http::Authority authority;
  authority.host = target.host;
  authority.port = target.port;
  return http::to_string(authority);
}

}  // namespace

Acquisition::Acquisition(const UpstreamWorld& world, proxy::UpstreamTarget target, bool secure_at_once,
                         AcquisitionObserver& observer, std::vector<std::string> alpn)
    : world_(world),
      target_(std::move(target)),
      secure_at_once_(secure_at_once),
      alpn_(std::move(alpn)),
      observer_(observer),
      began_(world.loop.now()),
      timer_(world.loop, [this] { guarded([this] { fail(too_slow()); }); }) {
  world_.counters.dials.add();
  net::DialTarget dial;
  net::DialOptions options;
  options.timeout = world.connect_timeout;
  options.own = world.own_dials;
  if (world.proxy) {
    dial.host = world.proxy->host;
    dial.port = world.proxy->port;
  } else {
    dial.host = target_.host;
    dial.port = target_.port;
    dial.fixed = world.resolve_rule(target_.host, target_.port);
    options.rule = target_.configured ? world.configured_rule : world.client_rule;
  }
  dial_ = std::make_unique<net::Dial>(
      world.loop, world.resolver, std::move(dial), std::move(options),
      [this](Result<std::unique_ptr<net::TcpSocket>> socket) { dialled(std::move(socket)); });
}

Acquisition::~Acquisition() = default;

void Acquisition::cancel() noexcept {
  stage_ = Stage::done;
  timer_.stop();
  if (socket_) {
    socket_->observe(nullptr);
    socket_->set_reading(false);
  }
}

Error Acquisition::too_slow() const {
  return {ErrorCode::connect_timeout, Fault::upstream,
          fmt::format("{} did not complete the {} within {} s (`upstream.connect_timeout`)", authority_of(target_),
                      stage_ == Stage::asking_proxy ? "CONNECT through `upstream.proxy`" : "TLS handshake",
                      std::chrono::duration_cast<std::chrono::seconds>(world_.connect_timeout).count())};
}

// What comes from the loop. Whatever throws does so before the observer is told how it went.
template <class F>
void Acquisition::guarded(F&& step) noexcept {
  try {
    step();
  } catch (const std::bad_alloc&) {
    stage_ = Stage::failing;
    fail(out_of_memory());
  }
}

void Acquisition::dialled(Result<std::unique_ptr<net::TcpSocket>> socket) noexcept {
  if (stage_ == Stage::done) return;
  if (!socket) return fail(socket.error());
  guarded([&] {
    socket_ = *std::move(socket);
    socket_->observe(this);
    facts_.address = socket_->remote_address().to_string();
    if (world_.proxy) {
      ask_proxy();
    } else {
      opened();
    }
  });
}

// RFC 9110 section 9.3.6. The proxy resolves the name; what it may reach is its own business, but an address that the
// client names is still ours to refuse.
void Acquisition::ask_proxy() {
  if (auto literal = net::Address::parse(target_.host, target_.port);
      literal && !target_.configured && world_.client_rule) {
    if (auto why = world_.client_rule(*literal); !why.empty())
      return fail({ErrorCode::address_not_allowed, Fault::client, std::move(why)});
  }
  stage_ = Stage::asking_proxy;
  timer_.start(world_.connect_timeout);
  proxy_reader_.emplace(http::Role::response);
  proxy_reader_->expect_response_to("CONNECT");
  const std::string authority = authority_of(target_);
  std::string head = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", authority);
  if (!world_.proxy->authorization.empty())
    head += fmt::format("Proxy-Authorization: {}\r\n", world_.proxy->authorization);
  head += "\r\n";
  socket_->out().append(head);
  socket_->flush();
  socket_->set_reading(true);
}

void Acquisition::proxy_answered(Bytes bytes) {
  while (true) {
    auto progress = proxy_reader_->feed(bytes);
    if (!progress) {
      return fail({ErrorCode::upstream_proxy_refused, Fault::upstream,
                   fmt::format("`upstream.proxy` {}:{} did not answer as an HTTP proxy: {}", world_.proxy->host,
                               world_.proxy->port, progress.error().detail)});
    }
    bytes = bytes.substr(progress->consumed);
    if (progress->step == http::MessageReader::Step::more) return;
    if (progress->step != http::MessageReader::Step::head || proxy_reader_->response_head().informational()) continue;
    const int status = proxy_reader_->response_head().status();
    if (status < 200 || status > 299) {
      return fail(
          {ErrorCode::upstream_proxy_refused, Fault::upstream,
           fmt::format("`upstream.proxy` {}:{} answered the CONNECT to {} with {}{}", world_.proxy->host,
                       world_.proxy->port, authority_of(target_), status,
                       status == 407 ? "; put its name and password in the URL: http://NAME:PASSWORD@HOST:PORT" : "")});
    }
    if (!bytes.empty()) {
      return fail({ErrorCode::upstream_proxy_refused, Fault::upstream,
                   "`upstream.proxy` sent octets behind its answer to CONNECT before anything was asked"});
    }
    timer_.stop();
    return opened();
  }
}

void Acquisition::opened() {
  socket_->set_reading(false);
  stage_ = Stage::open;
  facts_.connect = world_.loop.now() - began_;
  if (secure_at_once_) return begin_tls();
  observer_.on_tcp_open();
}

void Acquisition::secure(const proxy::UpstreamTarget& target, std::vector<std::string> alpn) {
  target_ = target;
  alpn_ = std::move(alpn);
  secure_at_once_ = true;
  if (stage_ == Stage::open) begin_tls();
}

void Acquisition::begin_tls() {
  if (!target_.tls) {
    stage_ = Stage::done;
    observer_.on_ready(std::make_unique<UpstreamConnection>(std::move(socket_), nullptr, target_, facts_));
    return;
  }
  stage_ = Stage::securing;
  tls_began_ = world_.loop.now();
  timer_.start(world_.connect_timeout);
  tls::ClientContext::Options options;
  options.host = target_.tls_name;
  options.port = target_.port;
  options.alpn = alpn_;
  engine_ = world_.tls.connect(std::move(options));
  if (auto started = engine_->start(socket_->out()); !started) return fail(started.error());
  socket_->flush();
  socket_->set_reading(true);
}

std::unique_ptr<UpstreamConnection> Acquisition::take_raw() {
  stage_ = Stage::done;
  proxy::UpstreamTarget raw = target_;
  raw.tls = false;
  return std::make_unique<UpstreamConnection>(std::move(socket_), nullptr, std::move(raw), facts_);
}

void Acquisition::on_received(Bytes bytes) noexcept {
  guarded([&] {
    if (stage_ == Stage::asking_proxy) return proxy_answered(bytes);
    if (stage_ == Stage::securing) handshake_came(bytes);
  });
}

void Acquisition::handshake_came(Bytes bytes) {
  auto progress = engine_->feed(bytes, plaintext_, socket_->out());
  socket_->flush();
  if (!progress) return fail(progress.error());
  if (!progress->handshake_done) return;
  timer_.stop();
  socket_->set_reading(false);
  if (!plaintext_.empty() || progress->closed) {
    return fail({ErrorCode::upstream_closed, Fault::upstream,
                 fmt::format("{} closed or spoke before anything was asked", authority_of(target_))});
  }
  const tls::Handshake& handshake = engine_->handshake();
  facts_.tls = world_.loop.now() - tls_began_;
  facts_.tls_version = handshake.version;
  facts_.alpn = handshake.alpn;
  world_.counters.handshakes.add();
  if (handshake.resumed) world_.counters.resumptions.add();
  stage_ = Stage::done;
  observer_.on_ready(std::make_unique<UpstreamConnection>(std::move(socket_), std::move(engine_), target_, facts_));
}

void Acquisition::on_ended() noexcept {
  if (stage_ == Stage::done) return;
  guarded([&] {
    fail({stage_ == Stage::securing ? ErrorCode::tls_failed : ErrorCode::upstream_closed, Fault::upstream,
          fmt::format("{} closed the connection {}", authority_of(target_),
                      stage_ == Stage::securing ? "during the TLS handshake" : "before anything was asked")});
  });
}

void Acquisition::on_broken(const Error& error) noexcept {
  if (stage_ == Stage::done) return;
  guarded([&] {
    fail({stage_ == Stage::securing ? ErrorCode::tls_failed : ErrorCode::connect_failed, Fault::upstream,
          fmt::format("the connection to {} broke {}: {}", authority_of(target_),
                      stage_ == Stage::securing ? "during the TLS handshake" : "at once", error.detail)});
  });
}

void Acquisition::fail(const Error& error) noexcept {
  if (stage_ == Stage::done) return;
  stage_ = Stage::done;
  world_.counters.dials_failed.add();
  timer_.stop();
  if (socket_) socket_->set_reading(false);
  if (!socket_ || !socket_->came_back()) return observer_.on_acquisition_failed(error);
  Error loop{ErrorCode::proxy_loop, Fault::proxy, {}};
  try {
    loop.detail = fmt::format(
        "the way to {} leads back to borehole itself: except borehole's user from the firewall rule (nft: meta skuid "
        "!= USER), or, where a hosts file or DNS leads here, name the host's own address in `upstream.resolve`",
        authority_of(target_));
  } catch (const std::bad_alloc&) {
    loop = out_of_memory();
  }
  observer_.on_acquisition_failed(loop);
}

}  // namespace borehole::server
