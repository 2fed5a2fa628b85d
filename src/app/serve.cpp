// `borehole serve`: makes everything, wires it, runs it, takes it down.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>
#include <thread>
#include <utility>

#include "app/commands.h"
#include "app/foundation.h"
#include "app/report_sink.h"
#include "base/log.h"
#include "ca/leaf_cache.h"
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

int failed(const Error& error) {
  std::cerr << "borehole: " << error.detail << '\n';
  return error.code == ErrorCode::config_invalid ? 2 : 1;
}

// As many descriptors as the system lets us have: two a connection.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

Result<server::Setup> make_setup(const std::shared_ptr<const config::Config>& config) {
  auto policy = proxy::Policy::make(config);
  if (!policy) return unexpected(std::move(policy).error());
  auto trust = tls::TrustStore::load(config->upstream.ca_files);
  if (!trust) return unexpected(std::move(trust).error());
  auto capture = std::make_shared<calls::CaptureOptions>();
  capture->body_max_bytes = config->record.body_max_bytes;
  capture->mask_headers = config->record.mask_headers;
  return server::Setup{*std::move(policy), *std::move(trust), std::move(capture)};
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

Result<std::vector<std::unique_ptr<calls::Sink>>> open_sinks(const config::Config& config,
                                                             const std::optional<int>& report_to) {
  std::vector<std::unique_ptr<calls::Sink>> sinks;
  if (config.record.store) {
    auto store =
        store::CallStoreWriter::open(*config.record.store, {config.record.keep_days, config.record.keep_max_bytes});
    if (!store) return unexpected(std::move(store).error());
    sinks.push_back(*std::move(store));
  }
  if (config.record.jsonl && !(report_to && config.record.jsonl == "-")) {
    auto jsonl = store::open_jsonl_sink(*config.record.jsonl);
    if (!jsonl) return unexpected(std::move(jsonl).error());
    sinks.push_back(*std::move(jsonl));
  }
  if (report_to) {  // nobody reads stdout then
    sinks.push_back(make_report_sink(*report_to));
    return sinks;
  }
  if (config.record.jsonl != "-") sinks.push_back(store::make_terminal_sink());
  return sinks;
}

void welcome(const std::string& proxy, const std::string& admin, const ca::CertificateAuthority& authority) {
  // One line for machines; what stands around it is for people.
  std::cout << "listening proxy=" << proxy << " admin=" << (admin.empty() ? "none" : admin) << '\n'
            << "  HTTPS_PROXY=http://" << proxy << "  AWS_CA_BUNDLE=" << authority.folder() << "/bundle.pem\n"
            << std::flush;
}

int serve(const CommandLine& line) {
  auto config = load_configuration(line);
  if (!config) return 2;
  log::configure(config->log.level, config->log.format);
  raise_descriptor_limit();
  (void)std::signal(SIGPIPE, SIG_IGN);

  auto setup = make_setup(config);
  if (!setup) return failed(setup.error());
  const SystemClock clock;
  auto authority =
      ca::CertificateAuthority::open_or_create(config->ca.dir, wanted_constraints(*setup->policy), clock.wall());
  if (!authority) return failed(authority.error());
  if (auto outside = outside_constraints(*setup->policy, **authority); !outside.empty()) {
    return failed({ErrorCode::config_invalid, Fault::proxy, outside});
  }
  auto leaf_key = ca::LeafKey::make();
  if (!leaf_key) return failed(leaf_key.error());
  auto sinks = open_sinks(*config, line.report_to);
  if (!sinks) return failed(sinks.error());

  store::Recorder recorder(*std::move(sinks), {});
  net::Resolver resolver(net::system_look_up(), {});
  net::Loop loop;
  net::ResolverClient names(resolver, loop);

  ca::LeafCacheOptions leaf_options;
  leaf_options.leaf_days = config->ca.leaf_days;
  leaf_options.default_names = own_names(*config);
  server::ServerWorld world{clock, *authority, *leaf_key, std::move(leaf_options), resolver, recorder, {}, {}};

  const unsigned count = config->workers != 0 ? config->workers : std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::unique_ptr<server::Worker>> workers;
  for (unsigned i = 0; i < count; ++i) workers.push_back(std::make_unique<server::Worker>(world, *setup));
  for (const auto& listen : config->listen) {
    auto address = to_address(listen, loop, names);
    if (!address) return failed(address.error());
    for (auto& worker : workers) {
      auto bound = worker->listen(*address);
      if (!bound) return failed(bound.error());
      address = *bound;  // port 0: the first one's choice holds for all
    }
    world.listening.push_back(*address);
  }

  std::vector<std::string> not_ready;
  std::unique_ptr<web::AdminServer> admin;
  if (config->admin) {
    auto address = to_address(*config->admin, loop, names);
    if (!address) return failed(address.error());
    auto opened = web::AdminServer::open(
        loop, *address, config->admin->host,
        {[&not_ready, &recorder] {
           auto wrong = not_ready;
           const auto counted = recorder.counters();
           if (counted.failed > 0) {
             wrong.push_back(fmt::format("{} records could not be written; see the log", counted.failed));
           }
           return wrong;
         },
         (*authority)->root_pem()});
    if (!opened) return failed(opened.error());
    admin = *std::move(opened);
  }

  bool draining = false;
  const auto begin_drain = [&] {
    if (draining) {
      for (auto& worker : workers) worker->stop();
      return;
    }
    draining = true;
    not_ready.emplace_back("borehole is shutting down");
    log::info("shutting down: running calls may finish within {} s; a second signal ends at once",
              std::chrono::duration_cast<std::chrono::seconds>(config->limits.drain_timeout).count());
    for (auto& worker : workers) worker->drain();
  };
  const auto reload = [&] {
    auto next = load_configuration(line);
    if (!next) return log::error("the configuration was not reloaded; the one in force stays");
    auto next_setup = make_setup(next);
    if (!next_setup) return log::error("the configuration was not reloaded: {}", next_setup.error().detail);
    if (auto outside = outside_constraints(*next_setup->policy, **authority); !outside.empty()) {
      return log::error("the configuration was not reloaded: {}", outside);
    }
    log::configure(next->log.level, next->log.format);
    for (auto& worker : workers) worker->replace(*next_setup);
    log::info("configuration reloaded; connections that are open keep the one they began with");
  };
  net::SignalWatcher on_term(loop, SIGTERM, begin_drain);
  net::SignalWatcher on_int(loop, SIGINT, begin_drain);
  net::SignalWatcher on_hup(loop, SIGHUP, reload);

  net::Wakeup ended(loop, [&] {
    if (std::all_of(workers.begin(), workers.end(), [](const auto& worker) { return worker->stopped(); })) loop.stop();
  });
  for (auto& worker : workers) worker->start([&ended] { ended.send(); });
  welcome(world.listening.front().to_string(), admin ? admin->address().to_string() : std::string(), **authority);
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
