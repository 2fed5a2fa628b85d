#include "server/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"
#include "bedrock/hosts.h"
#include "net/dialer.h"
#include "net/errands.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/own_addresses.h"
#include "server/admission.h"
#include "server/base64.h"
#include "server/connection_driver.h"
#include "server/redirection.h"
#include "server/thread_time.h"
#include "server/warm_connections.h"

namespace borehole::server {

namespace {

std::string why_not(const net::Address& address, const std::vector<net::Address>& listening, bool allow_loopback,
                    bool configured) {
  const net::AddressKind kind = address.kind();
  for (const net::Address& own : listening) {
    if (address.port() != own.port()) continue;
    if (kind == net::AddressKind::loopback || kind == net::AddressKind::unspecified || address.ip() == own.ip()) {
      return fmt::format(
          "{} is borehole itself; where a hosts file or DNS leads a host's calls here, name the host's own address in "
          "`upstream.resolve`",
          address.to_string());
    }
  }
  if (configured) return {};
  const auto refused = [&](std::string_view what, std::string_view remedy) {
    return fmt::format("{} is {}, which clients may not reach through the proxy{}", address.ip(), what, remedy);
  };
  constexpr std::string_view remedy = "; name it in `upstream.resolve`, or set `upstream.allow_loopback: true`";
  switch (kind) {
    case net::AddressKind::global:
    case net::AddressKind::private_use: return {};
    case net::AddressKind::loopback: return allow_loopback ? std::string() : refused("a loopback address", remedy);
    case net::AddressKind::link_local:
      return allow_loopback ? std::string() : refused("a link-local address (instance metadata lives there)", remedy);
    case net::AddressKind::metadata:
      return allow_loopback ? std::string() : refused("an instance metadata address", remedy);
    case net::AddressKind::multicast: return refused("a multicast address", "");
    case net::AddressKind::unspecified: return refused("the unspecified address", "");
    case net::AddressKind::reserved: return refused("a reserved address", "");
  }
  return {};
}

// How long the answers of a draining worker's last connections may take to be delivered.
constexpr Duration last_words = std::chrono::seconds(1);

// What clients are shown: made anew where another CA is in force.
struct Signing {
  Signing(const ServerWorld& world, std::shared_ptr<const ca::CertificateAuthority> its_authority,
          ca::LeafCounters& counters)
      : authority(std::move(its_authority)),
        leaves(authority, world.leaf_key, world.leaf_options, world.clock, counters),
        tls(leaves, {world.ticket_keys, authority->facts().issuing_sha256}) {}

  std::shared_ptr<const ca::CertificateAuthority> authority;
  ca::LeafCache leaves;
  tls::ServerContext tls;
};

// Everything that follows from one Setup; connections keep the one they began with.
struct Era {
  Setup setup;
  std::shared_ptr<Signing> signing;
  std::unique_ptr<tls::ClientContext> client_tls;
  std::unique_ptr<UpstreamPool> pool;
  std::unique_ptr<UpstreamWorld> upstream;
  std::unique_ptr<WarmConnections> warm;  // null: none are kept
  std::unique_ptr<DriverWorld> driver_world;
  std::unique_ptr<calls::CallTapSource> taps;
  std::vector<net::AddressRange> allowed_clients;
  std::vector<std::pair<bedrock::HostPattern, config::ResolveRule>> resolve;
};

}  // namespace

struct Worker::State {
  State(ServerWorld& shared, const Setup& first)
      : world(shared),
        buffers(counters.buffered),
        admission(world, counters, buffers),
        resolver(shared.resolver, loop),
        receipts(loop),
        errands(loop),
        wake(loop, [this] { woken(); }),
        another_try(loop, [this] { woken(); }),
        burial(loop, [this] { bury(); }),
        drain_limit(loop, [this] { cut_all(); }) {
    loop.count_sockets(world.descriptors);
    enter(first);
  }

  void enter(const Setup& setup);
  void accept(std::unique_ptr<net::TcpSocket> socket);
  void begin(std::unique_ptr<net::TcpSocket> socket);
  std::shared_ptr<const calls::AwaitedProcess> process_of(const net::ConnectionEnds& connection);
  void woken();
  void try_to_enter(Setup setup);
  // It may end with what is done to it.
  template <class F>
  void each(F&& what) {
    for (auto next = connections.begin(); next != connections.end();) what(*(next++)->first);
  }
  void begin_drain();
  void cut_all();
  void bury();
  void over(ConnectionDriver& driver) noexcept;
  void stop_if_idle();

  ServerWorld& world;
  WorkerCounters counters;
  net::Loop loop;
  BufferBudget buffers;
  Admission admission;
  ca::LeafCounters leaf_counters;
  net::ResolverClient resolver;
  net::OwnAddresses own_addresses;
  ReceiptBox receipts;
  net::Errands errands;
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::shared_ptr<Era> era;
  struct Connection {
    std::shared_ptr<Era> era;  // outlives its driver
    std::string holder;        // of the client's address
    bool refused = false;
    std::unique_ptr<ConnectionDriver> driver;
  };
  // What is over is moved from one to the other, which needs no memory.
  std::map<ConnectionDriver*, Connection> connections, dead_connections;
  Graveyard<UpstreamConnection> dead_upstreams;
  Graveyard<Acquisition> dead_acquisitions;
  net::Wakeup wake;
  net::Timer another_try;  // of a setup that there was no memory for
  net::Timer burial;
  net::Timer drain_limit;
  bool draining = false;
  std::optional<TimePoint> idle_since;  // draining, and no connection is left
  std::thread thread;
  std::atomic<bool> finished{false};

  std::mutex mutex;  // guards what other threads ask for
  std::optional<Setup> wanted_setup;
  bool wanted_drain = false;
  bool wanted_stop = false;
};

void Worker::State::enter(const Setup& setup) {
  auto next = std::make_shared<Era>();
  const config::Config& config = *setup.policy->config;
  const bool same_authority = era && era->signing->authority == setup.authority;
  next->signing = same_authority ? era->signing : std::make_shared<Signing>(world, setup.authority, leaf_counters);
  next->client_tls = std::make_unique<tls::ClientContext>(setup.trust);
  next->pool = std::make_unique<UpstreamPool>(
      loop, UpstreamPoolOptions{config.upstream.idle_connections, config.upstream.idle_timeout, &world.descriptors},
      counters);
  buffers.set_limit(config.limits.buffered_bytes / world.workers);
  for (const auto& network : config.auth.allow_clients) {
    if (auto range = net::AddressRange::parse(network.text)) next->allowed_clients.push_back(*range);
  }
  for (const auto& rule : config.upstream.resolve) {
    if (auto pattern = bedrock::HostPattern::parse(rule.host)) next->resolve.emplace_back(*std::move(pattern), rule);
  }
  const bool allow_loopback = config.upstream.allow_loopback;
  next->upstream.reset(new UpstreamWorld{
      loop,
      resolver,
      *next->client_tls,
      counters,
      config.upstream.connect_timeout,
      [this, allow_loopback](const net::Address& a) { return why_not(a, world.listening, allow_loopback, false); },
      [this](const net::Address& a) { return why_not(a, world.listening, true, true); },
      [rules = &next->resolve](const std::string& host, std::uint16_t port) -> std::optional<net::Address> {
        for (const auto& [pattern, rule] : *rules) {
          if (rule.port == port && pattern.matches(host)) return net::Address::parse(rule.to.host, rule.to.port);
        }
        return std::nullopt;
      },
      {},
      &world.own_dials});
  if (const auto& proxy = config.upstream.proxy) {
    UpstreamWorld::Proxy chained{proxy->address.host, proxy->address.port, {}};
    if (!proxy->user.empty()) chained.authorization = "Basic " + base64(proxy->user + ":" + proxy->password);
    next->upstream->proxy = std::move(chained);
  }
  if (config.upstream.warm_connections > 0) {
    next->warm =
        std::make_unique<WarmConnections>(*next->upstream, *next->pool,
                                          WarmConnections::Options{.per_upstream = config.upstream.warm_connections,
                                                                   .max_idle = config.upstream.idle_connections,
                                                                   .descriptors = &world.descriptors});
  }
  next->taps = std::make_unique<calls::CallTapSource>(world.outbox, setup.capture, world.clock, world.live);
  next->driver_world.reset(new DriverWorld{loop, next->signing->tls, *next->pool, next->warm.get(), *next->upstream,
                                           counters, buffers, world.own_dials, receipts, world.passwords, errands,
                                           [this](ConnectionDriver& driver) { over(driver); },
                                           [this](std::unique_ptr<UpstreamConnection> connection) {
                                             dead_upstreams.bury(std::move(connection));
                                             burial.start(Duration::zero());
                                           },
                                           [this](std::unique_ptr<Acquisition> acquisition) {
                                             dead_acquisitions.bury(std::move(acquisition));
                                             burial.start(Duration::zero());
                                           }});
  next->setup = setup;
  era = std::move(next);
}

std::shared_ptr<const calls::AwaitedProcess> Worker::State::process_of(const net::ConnectionEnds& connection) {
  // A redirected connection keeps its client's address, which is then not the one that it was accepted on.
  if (!net::from_this_machine(connection) && !own_addresses.contain(connection.remote, loop.now())) return nullptr;
  auto process = std::make_shared<calls::AwaitedProcess>();
  world.client_owners.find(connection, [process](std::optional<net::SocketOwner> owner) {
    process->settle(owner ? std::optional(calls::ClientProcess{owner->pid, std::move(owner->name)}) : std::nullopt);
  });
  return process;
}

void Worker::State::accept(std::unique_ptr<net::TcpSocket> socket) {
  counters.accepted.add();
  begin(std::move(socket));
}

// Where memory runs out (std::bad_alloc) nothing of it is left.
void Worker::State::begin(std::unique_ptr<net::TcpSocket> socket) {
  const net::Address& local = socket->local_address();
  const auto original = socket->original_destination();
  proxy::SessionContext context;
  context.policy = era->setup.policy;
  context.taps = era->taps.get();
  context.pages = era->setup.pages.get();
  context.strict_records = world.strict_records;
  context.client_address = socket->remote_address().to_string();
  context.client_holder = socket->remote_address().holder();
  context.local_ip = local.ip();
  context.local_port = local.port();
  const auto redirected_from = meant_for(original, local, own_addresses, loop.now());
  if (redirected_from) {
    context.meant_for = http::Authority{redirected_from->ip(), redirected_from->port(), true, true};
  }
  context.client_process = process_of({socket->remote_address(), redirected_from.value_or(local)});
  const net::Address client = socket->remote_address();
  Connection connection{era, context.client_holder};
  auto verdict = admission.came(client, connection.holder,
                                {*era->setup.policy->config, era->allowed_clients, *era->pool}, loop.now());
  connection.refused = verdict.refusal.has_value();
  ConnectionDriver* driver = nullptr;
  try {
    context.refusal = std::move(verdict.refusal);
    context.refuse_tls = verdict.refuse_tls;
    std::string ends = net::OwnDials::ends(client, original.value_or(local));
    connection.driver =
        std::make_unique<ConnectionDriver>(*era->driver_world, std::move(socket), std::move(ends), std::move(context));
    driver = connection.driver.get();
    connections.try_emplace(driver, std::move(connection));
  } catch (...) {
    admission.went(connection.holder, connection.refused);
    throw;
  }
  counters.open.add();
  driver->begin();
}

void Worker::State::over(ConnectionDriver& driver) noexcept {
  const auto found = connections.find(&driver);
  if (found == connections.end()) return;
  admission.went(found->second.holder, found->second.refused);
  dead_connections.insert(connections.extract(found));
  counters.open.subtract();
  burial.start(Duration::zero());
}

void Worker::State::bury() {
  dead_upstreams.clear();
  dead_acquisitions.clear();
  dead_connections.clear();
  stop_if_idle();
}

void Worker::State::stop_if_idle() {
  if (!draining || !connections.empty()) return;
  // Last answers are on their way; a client that keeps its side open is not waited for.
  if (!idle_since) idle_since = loop.now();
  if (loop.farewells() > 0 && loop.now() - *idle_since < last_words) {
    burial.start(std::chrono::milliseconds(10));
    return;
  }
  era->pool->clear();
  loop.stop();
}

void Worker::State::woken() {
  std::optional<Setup> setup;
  bool drain_now = false;
  bool stop_now = false;
  {
    const std::lock_guard lock(mutex);
    setup = std::exchange(wanted_setup, std::nullopt);
    drain_now = std::exchange(wanted_drain, false);
    stop_now = wanted_stop;
  }
  if (setup) try_to_enter(*std::move(setup));
  if (drain_now && !draining) begin_drain();
  if (stop_now) {
    draining = true;
    listeners.clear();
    cut_all();
    loop.stop();
  }
}

// A new configuration waits for memory; connections go on under the old one.
void Worker::State::try_to_enter(Setup setup) {
  try {
    enter(setup);
  } catch (const std::bad_alloc&) {
    const std::lock_guard lock(mutex);
    if (!wanted_setup) wanted_setup = std::move(setup);
    another_try.start(std::chrono::seconds(1));
  }
}

void Worker::State::begin_drain() {
  draining = true;
  listeners.clear();
  if (era->warm) era->warm->stop();
  each([](ConnectionDriver& driver) { driver.shut_down(); });
  drain_limit.start(era->setup.policy->config->limits.drain_timeout);
  burial.start(Duration::zero());
}

void Worker::State::cut_all() {
  each([](ConnectionDriver& driver) { driver.cut(); });
}

Worker::Worker(ServerWorld& world, const Setup& setup) : state_(std::make_unique<State>(world, setup)) {}

Worker::~Worker() {
  if (state_->thread.joinable()) {
    stop();
    join();
  }
}

Result<net::Address> Worker::listen(const net::Address& address) {
  auto listener = net::Listener::open(
      state_->loop, address, true,
      [state = state_.get()](std::unique_ptr<net::TcpSocket> socket) { state->accept(std::move(socket)); },
      [state = state_.get()](net::Listener::Lack what) {
        using Lack = net::Listener::Lack;
        if (what == Lack::memory) return state->counters.ran_out_of_memory(state->loop.now());
        state->counters.out_of_descriptors.add();
      },
      [state = state_.get()] { return state->admission.room_for_a_refusal(); });
  if (!listener) return unexpected(std::move(listener).error());
  state_->listeners.push_back(*std::move(listener));
  return state_->listeners.back()->address();
}

void Worker::start(std::function<void()> ended) {
  state_->thread = std::thread([state = state_.get(), ended = std::move(ended)] {
    name_this_thread("worker");
    state->loop.run();
    state->finished = true;
    ended();
  });
}

void Worker::replace(Setup setup) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->wanted_setup = std::move(setup);
  }
  state_->wake.send();
}

void Worker::drain() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->wanted_drain = true;
  }
  state_->wake.send();
}

void Worker::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->wanted_stop = true;
  }
  state_->wake.send();
}

void Worker::join() {
  if (state_->thread.joinable()) state_->thread.join();
}

bool Worker::stopped() const noexcept { return state_->finished; }
const WorkerCounters& Worker::counters() const noexcept { return state_->counters; }
std::optional<TimePoint> Worker::out_of_memory_at() const noexcept {
  const std::uint64_t at = state_->counters.out_of_memory_at.value();
  if (at == 0) return std::nullopt;
  return TimePoint(TimePoint::duration(at));
}
std::uint64_t Worker::minted() const noexcept { return state_->leaf_counters.minted; }
std::uint64_t Worker::not_minted() const noexcept { return state_->leaf_counters.refused; }
std::optional<Duration> Worker::cpu_time() const noexcept { return server::cpu_time(state_->thread); }

}  // namespace borehole::server
