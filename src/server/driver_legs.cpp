// The driver's part for HTTP/2: legs, each with its connection, beside each other.
#include <utility>

#include "server/connection_driver.h"

namespace borehole::server {

UpstreamLeg* ConnectionDriver::find_leg(proxy::LegId leg) noexcept {
  const auto found = legs_.find(leg);
  return found == legs_.end() ? nullptr : found->second.get();
}

// --- what the session asks

void ConnectionDriver::open_leg(proxy::LegId leg, const proxy::UpstreamTarget& target) {
  legs_.emplace(leg, std::make_unique<UpstreamLeg>(leg, world_.upstream, target, *this, burial_));
}

void ConnectionDriver::send_leg(proxy::LegId leg, Bytes bytes) {
  world_.counters.upstream_sent.add(bytes.size());
  if (UpstreamLeg* const found = find_leg(leg)) found->send(bytes);
}

void ConnectionDriver::hold_leg(proxy::LegId leg) {
  if (UpstreamLeg* const found = find_leg(leg)) found->set_reading(false);
}

void ConnectionDriver::resume_leg(proxy::LegId leg) {
  if (UpstreamLeg* const found = find_leg(leg)) found->set_reading(true);
}

std::unique_ptr<UpstreamLeg> ConnectionDriver::take_leg(proxy::LegId leg) {
  const auto found = legs_.find(leg);
  if (found == legs_.end()) return nullptr;
  auto taken = std::move(found->second);
  legs_.erase(found);
  return taken;
}

void ConnectionDriver::drop_leg(proxy::LegId leg) {
  auto taken = take_leg(leg);
  if (!taken) return;
  taken->drop();
  dead_legs_.bury(std::move(taken));
}

void ConnectionDriver::finish_leg(proxy::LegId leg) {
  auto taken = take_leg(leg);
  if (!taken) return;
  taken->finish();
  dead_legs_.bury(std::move(taken));
}

// --- what becomes of legs: told after the event that is being dealt with

void ConnectionDriver::on_leg_opened(proxy::LegId leg) noexcept {
  const auto opened = [this, leg] {
    if (const UpstreamLeg* const found = find_leg(leg)) session_.leg_opened(leg, found->facts(), world_.loop.now());
  };
  if (!in_event_) return dispatch(opened);
  defer([&] { return opened; });
}

void ConnectionDriver::on_leg_failed(proxy::LegId leg, const Error& error) noexcept {
  if (!in_event_) return dispatch([&] { session_.leg_failed(leg, error, world_.loop.now()); });
  defer([&] { return [this, leg, error] { session_.leg_failed(leg, error, world_.loop.now()); }; });
}

void ConnectionDriver::on_leg_received(proxy::LegId leg, Bytes bytes) noexcept {
  world_.counters.upstream_received.add(bytes.size());
  dispatch([&] { session_.leg_received(leg, bytes, world_.loop.now()); });
}

void ConnectionDriver::on_leg_gone(proxy::LegId leg, const Error& error) noexcept {
  dispatch([&] { session_.leg_gone(leg, error, world_.loop.now()); });
}

void ConnectionDriver::on_leg_written(proxy::LegId) noexcept {
  dispatch([] {});
}

}  // namespace borehole::server
