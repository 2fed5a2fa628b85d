#include "server/address_limits.h"

namespace borehole::server {

namespace {

constexpr AddressLimits::Limits of_others{2000, 200};

}  // namespace

AddressLimits::Limits AddressLimits::limits_for(const net::Address& client, const config::Config& config) {
  const auto& limits = config.limits;
  const Limits unless_given = client.kind() == net::AddressKind::loopback ? Limits{} : of_others;
  return {limits.connections_per_address.value_or(unless_given.connections),
          limits.connections_per_second.value_or(unless_given.per_second)};
}

AddressLimits::Verdict AddressLimits::came(const std::string& holder, const Limits& limits, TimePoint now) {
  const auto per_second = static_cast<double>(limits.per_second);
  const std::lock_guard lock(mutex_);
  // A second's worth may come at once: clients open their pools so.
  const bool too_fast = limits.per_second > 0 && !rate_.take(holder, {per_second, per_second}, now);
  const std::size_t open = ++open_[holder];
  if (too_fast) return Verdict::too_fast;
  return limits.connections > 0 && open > limits.connections ? Verdict::too_many : Verdict::welcome;
}

void AddressLimits::went(const std::string& holder) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(holder);
  if (found != open_.end() && --found->second == 0) open_.erase(found);
}

}  // namespace borehole::server
