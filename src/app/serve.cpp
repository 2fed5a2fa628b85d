// `borehole serve`: makes everything, wires it, runs it, takes it down.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <new>
#include <thread>
#include <utility>

#include "app/admin.h"
#include "app/commands.h"
#include "app/foundation.h"
#include "app/price_table.h"
#include "app/process_calls.h"
#include "app/reload.h"
#include "app/report_sink.h"
#include "app/service_manager.h"
#include "app/warnings.h"
#include "base/log.h"
#include "ca/leaf_cache.h"
#include "calls/live_calls.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "server/worker.h"
#include "store/call_store.h"
#include "store/jsonl_sink.h"
#include "store/recorder.h"
#include "web/admin_server.h"

namespace borehole::app {

namespace {

int failed_start(const Error& error) {
  std::cerr << "borehole: " << error.detail << '\n';
  return error.code == ErrorCode::config_invalid ? 2 : 1;
}

unsigned worker_count(const config::Config& config) {
  return config.workers != 0 ? config.workers : std::max(1U, std::thread::hardware_concurrency());
}

// As many descriptors as the system lets us have: two a connection, and what the program itself holds open. Gives how
// many sockets there may be. An error
// where there are too few to work with at all; a warning where they do not do for what was asked for, or for little.
Result<std::size_t> raise_descriptor_limit(const config::Config& config, bool asked_for) {
  constexpr rlim_t own = 64;          // store, log, resolver, signals, admin
  constexpr rlim_t each_worker = 16;  // its loop, listeners and their reserves
  rlimit limit{};
  constexpr std::size_t no_end = std::numeric_limits<std::size_t>::max() / 2;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return no_end;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) (void)getrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlim_t needed = own + each_worker * worker_count(config);
  constexpr std::string_view remedy = "raise it with `ulimit -n {0}`, or LimitNOFILE={0} in a systemd unit";
  if (limit.rlim_cur < needed) {
    return unexpected(Error{ErrorCode::io_failed, Fault::proxy,
                            fmt::format("this process may open only {} files, which is too few to start: {}",
                                        limit.rlim_cur, fmt::format(remedy, 4096))});
  }
  const rlim_t wanted = needed + 2 * static_cast<rlim_t>(config.limits.connections);
  constexpr rlim_t few = 1000;  // connections
  if (limit.rlim_cur < wanted && (asked_for || limit.rlim_cur < needed + 2 * few)) {
    log::warn("this process may open {} files, enough for about {} of the {} connections of `limits.connections`: {}",
              limit.rlim_cur, (limit.rlim_cur - needed) / 2, config.limits.connections, fmt::format(remedy, wanted));
  }
  return std::min<std::size_t>(no_end, limit.rlim_cur - needed);
}

calls::BodyKeep keep_of(config::BodyKeep keep) {
  switch (keep) {
    case config::BodyKeep::kept: return calls::BodyKeep::kept;
    case config::BodyKeep::hashed: return calls::BodyKeep::hashed;
    case config::BodyKeep::off: return calls::BodyKeep::off;
  }
  return calls::BodyKeep::off;
}

std::shared_ptr<const calls::RedactionRules> redaction_of(const config::Config& config) {
  auto rules = std::make_shared<calls::RedactionRules>();
  const auto& redact = config.record.redact;
  rules->paths = redact.json_paths;
  for (const auto& one : redact.patterns) rules->patterns.push_back({one.name, one.pattern});
  rules->email = redact.email;
  rules->card = redact.card;
  rules->aws_key = redact.aws_key;
  rules->keep = keep_of(config.record.body_keep);
  for (const auto& one : config.record.body_rules) rules->bodies.push_back({one.model, one.router, keep_of(one.keep)});
  return rules;
}

Result<server::Setup> make_setup(const std::shared_ptr<const config::Config>& config) {
  auto policy = proxy::Policy::make(config);
  if (!policy) return unexpected(std::move(policy).error());
  auto trust = tls::TrustStore::load(config->upstream.ca_files);
  if (!trust) return unexpected(std::move(trust).error());
  auto capture = std::make_shared<calls::CaptureOptions>();
  capture->body_max_bytes = config->record.body_max_bytes;
  capture->mask_headers = config->record.mask_headers;
  capture->session_header = config->record.session_header;
  capture->redaction = redaction_of(*config);
  if (!capture->redaction->nothing()) {
    capture->live_text_off = "record.redact or record.bodies hides a part of what is recorded";
  }
  return server::Setup{*std::move(policy), *std::move(trust), std::move(capture), {}, {}};
}

Result<net::Address> to_address(const config::HostPort& listen, net::Loop& loop, net::ResolverClient& resolver) {
  if (auto literal = net::Address::parse(listen.host, listen.port)) return *literal;
  Result<std::vector<net::Address>> found = unexpected(Error{});
  resolver.resolve(listen.host, [&](Result<std::vector<net::Address>> result) {
    found = std::move(result);
    loop.stop();
  });
  loop.run();
  if (!found) return unexpected(std::move(found).error());
  return *net::Address::parse(found->front().ip(), listen.port);
}

store::StoreKeep keep_of(const config::Config& config) {
  return {config.record.keep_days, config.record.keep_max_bytes};
}

struct Sinks {
  std::vector<std::unique_ptr<calls::Sink>> all;
  store::CallStoreWriter* store = nullptr;  // among them; null: none
  std::shared_ptr<store::JsonlCounters> jsonl = std::make_shared<store::JsonlCounters>();
};

// The statistics come first: what a file shows has been counted.
Result<Sinks> open_sinks(const config::Config& config, std::shared_ptr<calls::RunningStatistics> statistics,
                         const std::optional<int>& report_to) {
  Sinks opened;
  auto& sinks = opened.all;
  sinks.push_back(calls::make_statistics_sink(std::move(statistics)));
  if (config.record.store) {
    auto store = store::CallStoreWriter::open(*config.record.store, keep_of(config), config.record.strict_durability);
    if (!store) return unexpected(std::move(store).error());
    opened.store = store->get();
    sinks.push_back(*std::move(store));
  }
  if (config.record.jsonl && !(report_to && config.record.jsonl == "-")) {
    auto jsonl = store::open_jsonl_sink(
        {*config.record.jsonl, config.record.jsonl_max_bytes, config.record.jsonl_files}, opened.jsonl);
    if (!jsonl) return unexpected(std::move(jsonl).error());
    sinks.push_back(*std::move(jsonl));
  }
  if (report_to) {  // nobody reads stdout then
    sinks.push_back(make_report_sink(*report_to));
    return opened;
  }
  if (config.record.jsonl != "-") sinks.push_back(store::make_terminal_sink());
  return opened;
}

void welcome(const std::string& proxy, const std::string& admin, const ca::CertificateAuthority& authority) {
  // One line for machines; what stands around it is for people.
  std::cout << "listening proxy=" << proxy << " admin=" << (admin.empty() ? "none" : admin) << '\n'
            << "  HTTPS_PROXY=http://" << proxy << "  AWS_CA_BUNDLE=" << authority.folder() << "/bundle.pem\n"
            << std::flush;
}

int serve(const CommandLine& line) {
  const auto loaded = read_configuration(line);
  for (const auto& problem : loaded.problems) std::cerr << config::to_string(problem) << '\n';
  if (!loaded.config) return 2;
  const auto config = loaded.config;
  log::configure(config->log.level, config->log.format);
  const auto sockets = raise_descriptor_limit(*config, loaded.places.contains("limits.connections"));
  if (!sockets) return failed_start(sockets.error());
  (void)std::signal(SIGPIPE, SIG_IGN);
  if (std::getenv("BOREHOLE_ALLOW_DEBUGGER") == nullptr) shut_memory_in();
  (void)std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is met as a full disk is

  auto setup = make_setup(config);
  if (!setup) return failed_start(setup.error());
  for (const auto& warning : warnings(*setup->policy, loaded)) log::warn("{}", config::to_string(warning));
  const LoadedPriceTable prices = load_price_table(*config);
  for (const auto& problem : prices.problems) std::cerr << config::to_string(problem) << '\n';
  if (!prices.problems.empty()) return 2;
  const SystemClock clock;
  const WallTime started_at = clock.wall();
  auto authority =
      ca::CertificateAuthority::open_or_create(config->ca.dir, wanted_constraints(*setup->policy), clock.wall());
  if (!authority) return failed_start(authority.error());
  if (auto outside = outside_constraints(*setup->policy, **authority); !outside.empty()) {
    return failed_start({ErrorCode::config_invalid, Fault::proxy, outside});
  }
  if (const auto ends = nears_its_end(**authority, clock.wall()); !ends.empty()) log::warn("{}", ends);
  auto leaf_key = ca::LeafKey::make();
  if (!leaf_key) return failed_start(leaf_key.error());
  setup->authority = *authority;
  setup->pages = load_own_pages(**authority);
  const auto statistics = std::make_shared<calls::RunningStatistics>();
  auto sinks = open_sinks(*config, statistics, line.report_to);
  if (!sinks) return failed_start(sinks.error());
  calls::LiveCalls live;
  sinks->all.push_back(calls::make_live_sink(live));

  store::Recorder recorder(std::move(sinks->all), {.prices = prices.table});
  net::Resolver resolver(net::system_look_up(), {});
  net::Loop loop;
  net::ResolverClient names(resolver, loop);

  ca::LeafCacheOptions leaf_options;
  leaf_options.leaf_days = config->ca.leaf_days;
  leaf_options.default_names = own_names(*config);
  server::ServerWorld world{clock, *leaf_key, std::move(leaf_options),         resolver, recorder, {},
                            {},    &live,     config->record.strict_durability};

  world.descriptors.set_room(*sockets);
  world.workers = worker_count(*config);
  std::vector<std::unique_ptr<server::Worker>> workers;
  for (unsigned i = 0; i < worker_count(*config); ++i)
    workers.push_back(std::make_unique<server::Worker>(world, *setup));
  for (const auto& listen : config->listen) {
    auto address = to_address(listen, loop, names);
    if (!address) return failed_start(address.error());
    for (auto& worker : workers) {
      auto bound = worker->listen(*address);
      if (!bound) return failed_start(bound.error());
      address = *bound;  // port 0: the first one's choice holds for all
    }
    world.listening.push_back(*address);
  }

  bool draining = false;
  std::unique_ptr<web::AdminServer> admin;
  if (config->admin) {
    auto address = to_address(*config->admin, loop, names);
    if (!address) return failed_start(address.error());
    web::AdminOptions options;
    options.gate.listen_host = config->admin->host;
    options.gate.users = setup->policy->users;
    options.passwords = &world.passwords;
    options.gate.users_only = address->kind() != net::AddressKind::loopback;
    auto opened = web::AdminServer::open(
        loop, *address, std::move(options),
        admin_content({*config, clock, started_at, *authority, *setup->pages, recorder, *statistics, *sinks->jsonl,
                       world, workers, draining, [&admin] { return admin->address().to_string(); }}));
    if (!opened) return failed_start(opened.error());
    admin = *std::move(opened);
  }

  auto in_force = config;
  const auto begin_drain = [&] {
    if (draining) {
      for (auto& worker : workers) worker->stop();
      return;
    }
    draining = true;
    tell_service_manager(ServiceState::stopping);
    try {
      log::info("shutting down: running calls may finish within {} s; a second signal ends at once",
                std::chrono::duration_cast<std::chrono::seconds>(in_force->limits.drain_timeout).count());
    } catch (const std::bad_alloc&) {  // it does so all the same
    }
    for (auto& worker : workers) worker->drain();
    if (admin) admin->end_streams();
  };
  const auto apply = [&](const config::Loaded& read) -> Result<void> {
    const auto& next = read.config;
    auto next_setup = make_setup(next);
    if (!next_setup) return unexpected(std::move(next_setup).error());
    auto next_authority = authority_now(*authority, clock.wall());
    if (!next_authority) return unexpected(std::move(next_authority).error());
    next_setup->authority = *next_authority;
    next_setup->pages = load_own_pages(**next_authority);
    for (auto refusal : {outside_constraints(*next_setup->policy, **next_authority), would_let_in(*config, *next)})
      if (!refusal.empty()) return unexpected(Error{ErrorCode::config_invalid, Fault::proxy, std::move(refusal)});
    const LoadedPriceTable next_prices = load_price_table(*next);
    for (const auto& problem : next_prices.problems) log::error("{}", config::to_string(problem));
    if (!next_prices.problems.empty()) {
      return unexpected(Error{ErrorCode::config_invalid, Fault::proxy, "mend the file of prices"});
    }
    recorder.set_prices(next_prices.table);
    log::configure(next->log.level, next->log.format);
    if (sinks->store != nullptr) sinks->store->set_keep(keep_of(*next));
    for (auto& worker : workers) worker->replace(*next_setup);
    if (admin) admin->replace(next_setup->policy->users, ca_files(*next_setup->pages));
    if (*next_authority != *authority) log::info("{}", another_authority(**next_authority));
    *authority = *next_authority;
    in_force = next;
    for (const auto& warning : warnings(*next_setup->policy, read)) log::warn("{}", config::to_string(warning));
    if (const auto waits = waits_for_restart(*config, *next); !waits.empty()) log::warn("{}", waits);
    return {};
  };
  const auto read_and_apply = [&] {
    const auto read = read_configuration(line);
    for (const auto& problem : read.problems) log::error("{}", config::to_string(problem));
    if (!read.config) {
      log::error("the configuration was not reloaded; the one in force stays");
    } else if (auto applied = apply(read); !applied) {
      log::error("the configuration was not reloaded; the one in force stays: {}", applied.error().detail);
    } else {
      log::info("configuration reloaded; connections that are open keep the one they began with");
    }
  };
  const auto reload = [&] {
    tell_service_manager(ServiceState::reloading);
    try {
      read_and_apply();
    } catch (const std::bad_alloc&) {
      log::error("the configuration was not reloaded, or not all of it, since memory ran out; send SIGHUP again");
    }
    tell_service_manager(ServiceState::ready);
  };
  net::SignalWatcher on_term(loop, SIGTERM, begin_drain);
  net::SignalWatcher on_int(loop, SIGINT, begin_drain);
  net::SignalWatcher on_hup(loop, SIGHUP, reload);

  net::Wakeup ended(loop, [&] {
    if (std::all_of(workers.begin(), workers.end(), [](const auto& worker) { return worker->stopped(); })) loop.stop();
  });
  for (auto& worker : workers) worker->start([&ended] { ended.send(); });
  welcome(world.listening.front().to_string(), admin ? admin->address().to_string() : std::string(), **authority);
  tell_service_manager(ServiceState::ready);
  net::Timer forever(loop, [] {});
  forever.start(std::chrono::hours(24 * 365));
  loop.run();
  for (auto& worker : workers) worker->join();
  workers.clear();
  recorder.flush();
  const auto counted = recorder.counters();
  if (counted.dropped + counted.failed > 0) {
    log::warn("{} records were dropped and {} could not be written", counted.dropped, counted.failed);
  }
  return 0;
}

}  // namespace

void add_serve(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("serve", "run the proxy (what happens without a command)");
  command->add_option("--report-to", line.report_to)->group("");  // for `run`; no help shows it
  command->callback([&line] {
    line.command = "serve";
    line.run = serve;
  });
}

}  // namespace borehole::app
