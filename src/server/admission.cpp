#include "server/admission.h"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/refusal.h"

namespace borehole::server {

namespace {

Error too_many(std::string detail) { return {ErrorCode::too_many_connections, Fault::proxy, std::move(detail)}; }

}  // namespace

Admission::Verdict Admission::came(const net::Address& client, const std::string& holder, const Rules& rules,
                                   TimePoint now) {
  Counted counted;
  try {
    Verdict verdict = judge(client, holder, rules, now, counted);
    if (verdict.refusal) world_.refused_open.fetch_add(1, std::memory_order_relaxed);
    return verdict;
  } catch (...) {  // out of memory
    if (counted.of_address) world_.address_limits.went(holder);
    if (counted.in_all) world_.open.fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
}

// Every limit counts, whichever of them refuses; the last that does is told.
Admission::Verdict Admission::judge(const net::Address& client, const std::string& holder, const Rules& rules,
                                    TimePoint now, Counted& counted) {
  const config::Config& config = rules.config;
  Verdict verdict;
  if (!room_for_a_call(rules.pool)) {
    counters_.out_of_descriptors.add();
    verdict.refusal = too_many(
        "borehole may open few more files, and keeps those for the calls under way; close some connections, or raise "
        "its limit (`ulimit -n`, LimitNOFILE in a systemd unit)");
  }
  if (buffers_.spent()) {
    counters_.over_buffers.add();
    verdict.refusal = proxy::too_much_buffered(config.limits.buffered_bytes);
  }
  counted.in_all = true;
  if (world_.open.fetch_add(1, std::memory_order_relaxed) >= config.limits.connections) {
    counters_.over_limit.add();
    verdict.refusal =
        too_many(fmt::format("borehole serves {} connections at most; close some, or raise `limits.connections`",
                             config.limits.connections));
  }
  const auto limits = AddressLimits::limits_for(client, config);
  const auto of_address = world_.address_limits.came(holder, limits, now);
  counted.of_address = true;
  switch (of_address) {
    case AddressLimits::Verdict::welcome: break;
    case AddressLimits::Verdict::too_many:
      counters_.over_address_limit.add();
      verdict.refusal =
          too_many(fmt::format("borehole serves {} connections at most from one address; close some, or raise "
                               "`limits.connections_per_address`",
                               limits.connections));
      break;
    case AddressLimits::Verdict::too_fast:
      counters_.too_fast.add();
      verdict.refuse_tls = true;
      verdict.refusal =
          too_many(fmt::format("borehole takes {} new connections a second from one address; let the client keep its "
                               "connections, or raise `limits.connections_per_second`",
                               limits.per_second));
      break;
  }
  if (!rules.allowed_clients.empty() && client.kind() != net::AddressKind::loopback &&
      std::none_of(rules.allowed_clients.begin(), rules.allowed_clients.end(),
                   [&](const auto& range) { return range.contains(client); })) {
    counters_.not_allowed.add();
    verdict.refusal = Error{
        ErrorCode::address_not_allowed, Fault::client,
        fmt::format("clients at {} may not use this proxy; add their network to `auth.allow_clients`", client.ip())};
  }
  return verdict;
}

void Admission::went(const std::string& holder, bool was_refused) noexcept {
  world_.address_limits.went(holder);
  if (was_refused) world_.refused_open.fetch_sub(1, std::memory_order_relaxed);
  world_.open.fetch_sub(1, std::memory_order_relaxed);
}

bool Admission::room_for_a_refusal() const { return world_.descriptors.room_for_a_refusal(clients()); }

net::DescriptorBudget::Clients Admission::clients() const {
  const std::size_t refused = world_.refused_open.load(std::memory_order_relaxed);
  const std::size_t open = world_.open.load(std::memory_order_relaxed);
  return {open - std::min(open, refused), refused, 0};
}

bool Admission::room_for_a_call(UpstreamPool& pool) {
  auto there = clients();
  bool room = world_.descriptors.room_for_a_call(there);
  if (!room && pool.size() > 0) {
    there.reclaimable = pool.size();
    pool.clear();
    room = world_.descriptors.room_for_a_call(there);
  }
  world_.descriptors.note(!room);
  return room;
}

}  // namespace borehole::server
