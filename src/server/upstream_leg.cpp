#include "server/upstream_leg.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "base/out_of_memory.h"

namespace borehole::server {

UpstreamLeg::UpstreamLeg(proxy::LegId id, const UpstreamWorld& world, const proxy::UpstreamTarget& target,
                         LegObserver& observer, const Burial& burial)
    : id_(id), observer_(observer), burial_(burial) {
  acquisition_ = std::make_unique<Acquisition>(world, target, true, *this, std::vector<std::string>{"h2"});
}

UpstreamLeg::UpstreamLeg(proxy::LegId id, std::unique_ptr<UpstreamConnection> connection, LegObserver& observer,
                         const Burial& burial)
    : id_(id), observer_(observer), burial_(burial) {
  begin(std::move(connection));
}

UpstreamLeg::~UpstreamLeg() { drop(); }

void UpstreamLeg::begin(std::unique_ptr<UpstreamConnection> connection) {
  connection_ = std::move(connection);
  connection_->observe(this);
  connection_->mark_used();
  connection_->set_reading(true);
}

void UpstreamLeg::let_acquisition_go() noexcept {
  if (!acquisition_) return;
  acquisition_->cancel();
  burial_.acquisition(std::move(acquisition_));
}

void UpstreamLeg::send(Bytes bytes) {
  if (connection_) connection_->send(bytes);
}

void UpstreamLeg::flush() noexcept {
  if (connection_) connection_->flush();
}

void UpstreamLeg::set_reading(bool on) noexcept {
  if (connection_) connection_->set_reading(on);
}

void UpstreamLeg::drop() noexcept {
  let_acquisition_go();
  if (!connection_) return;
  connection_->observe(nullptr);
  connection_->set_reading(false);
  burial_.connection(std::move(connection_));
}

void UpstreamLeg::finish() noexcept {
  let_acquisition_go();
  if (!connection_) return;
  connection_->observe(nullptr);
  connection_->finish();
  burial_.connection(std::move(connection_));
}

void UpstreamLeg::on_upstream_received(Bytes bytes) noexcept { observer_.on_leg_received(id_, bytes); }

void UpstreamLeg::on_upstream_ended() noexcept {
  Error error{ErrorCode::upstream_closed, Fault::upstream, {}};
  try {
    error.detail = "it closed the connection";
  } catch (const std::bad_alloc&) {
    error.detail = "it closed";
  }
  observer_.on_leg_gone(id_, error);
}

void UpstreamLeg::on_upstream_broken(const Error& error) noexcept { observer_.on_leg_gone(id_, error); }

void UpstreamLeg::on_upstream_written() noexcept { observer_.on_leg_written(id_); }

void UpstreamLeg::on_ready(std::unique_ptr<UpstreamConnection> connection) noexcept {
  let_acquisition_go();
  if (connection->target().tls && connection->facts().alpn != "h2") {
    Error error{ErrorCode::unsupported_protocol, Fault::client, {}};
    try {
      error.detail = fmt::format(
          "{} speaks only HTTP/1.1, the client HTTP/2, and neither is translated; use an HTTP/1.1 client "
          "(AWS SDK for JavaScript: requestHandler: new NodeHttpHandler(…))",
          connection->target().host);
    } catch (const std::bad_alloc&) {
      error = out_of_memory();
    }
    connection->observe(nullptr);
    burial_.connection(std::move(connection));
    return observer_.on_leg_failed(id_, error);
  }
  begin(std::move(connection));
  observer_.on_leg_opened(id_);
}

void UpstreamLeg::on_acquisition_failed(const Error& error) noexcept {
  let_acquisition_go();
  observer_.on_leg_failed(id_, error);
}

}  // namespace borehole::server
