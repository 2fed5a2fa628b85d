// `borehole run`: runs a command with its calls going through a proxy, and says what they came to.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <thread>

#include "app/client_environment.h"
#include "app/commands.h"
#include "app/foreground_command.h"
#include "app/foundation.h"
#include "app/held_signals.h"
#include "app/own_proxy.h"
#include "app/run_summary.h"
#include "app/running_proxy.h"
#include "base/clock.h"
#include "store/call_store.h"

namespace borehole::app {

namespace {

constexpr std::size_t most_problems = 5;
// A running proxy writes a record up to 50 ms after its call (store::Recorder); a busy machine takes its time.
constexpr std::chrono::milliseconds writing_takes{500};

std::optional<std::string> from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

int failed(const Error& error) {
  std::cerr << (error.detail.starts_with("borehole: ") ? "" : "borehole: ") << error.detail << '\n';
  return error.code == ErrorCode::config_invalid ? 2 : 1;
}

// Why a program's calls may not have come this way.
void explain_silence(const Variables& variables, const RunSummary& summary) {
  std::cerr << "borehole: no Bedrock call came through the proxy";
  if (summary.others() > 0) std::cerr << ", but " << summary.others() << " to other hosts";
  std::cerr << "\n";
  for (const auto& [name, value] : variables) {
    if (name != "NO_PROXY") continue;
    const auto bypass = bypass_of_bedrock(value);
    if (bypass.empty()) continue;
    std::cerr << "  NO_PROXY names " << bypass << ", which keeps Bedrock's hosts away from any proxy: take it out\n";
    return;
  }
  std::cerr << "  If it made one, its SDK did not look at HTTPS_PROXY:\n"
               "  - AWS SDK for JavaScript: its default HTTP/2 handler knows no proxy; give the client\n"
               "    requestHandler: new NodeHttpHandler({ httpsAgent: new HttpsProxyAgent(process.env.HTTPS_PROXY) })\n"
               "  - boto3 with Config(proxies=...), or an SDK with an endpoint or a proxy of its own in the code: "
               "leave it out\n"
               "  - AWS SDK for C++: ClientConfiguration::allowSystemProxy = true; for Rust: ProxyConfig::from_env()\n"
               "  - a daemon or container that ran before: start it with the variables of `borehole env`\n";
}

void show_problems(const std::vector<std::string>& problems) {
  if (problems.empty()) return;
  std::cerr << "  the proxy's log:\n";
  for (std::size_t i = 0; i < std::min(problems.size(), most_problems); ++i) std::cerr << "    " << problems[i] << '\n';
  if (problems.size() > most_problems) std::cerr << "    and " << problems.size() - most_problems << " more lines\n";
}

// The calls of the time in which the command ran, out of the store that a running proxy writes.
bool read_store(const std::string& store, WallTime since, WallTime until, RunSummary& summary) {
  const auto reader = store::CallStoreReader::open(store);
  if (!reader) {
    std::cerr << "borehole: " << reader.error().detail << '\n';
    return false;
  }
  store::CallFilter filter;
  filter.since = since;
  filter.until = until;
  filter.limit = std::numeric_limits<std::size_t>::max();
  const auto calls = (*reader)->list(filter);
  if (!calls) {
    std::cerr << "borehole: " << calls.error().detail << '\n';
    return false;
  }
  for (auto call = calls->rbegin(); call != calls->rend(); ++call) {
    const auto record = (*reader)->find_json(call->id);
    if (record) summary.add(*record);
  }
  return true;
}

struct Run {
  std::shared_ptr<const config::Config> config;
  std::unique_ptr<OwnProxy> own;  // null: another's is used
  Variables variables;
  WallTime begun{};
};

void report(const Run& run, const RunSummary& summary) {
  std::cerr << summary.text();
  if (!summary.saw_bedrock()) explain_silence(run.variables, summary);
  if (const auto other = from_environment("HTTPS_PROXY").value_or(from_environment("https_proxy").value_or(""));
      summary.could_not_reach() && !other.empty() && !run.config->upstream.proxy) {
    std::cerr
        << "  HTTPS_PROXY was set before: if the internet is reached through that proxy only, set `upstream.proxy` "
           "to it\n";
  }
  if (run.own) show_problems(run.own->problems());
  if (summary.saw_bedrock() && run.config->record.store) {
    std::cerr << fmt::format("  one call, whole: borehole calls show ID{}; all: borehole calls list\n",
                             run.config->file.empty() ? "" : " --config " + run.config->file);
  }
}

void conclude(Run& run, const HeldSignals& signals) {
  RunSummary summary;
  if (run.own) {
    run.own->stop(signals);
    for (const auto& record : run.own->records()) summary.add(record);
    return report(run, summary);
  }
  if (!run.config->record.store) {
    std::cerr
        << "borehole: there is no summary, since the proxy that runs keeps no calls (`record.store` is null); its "
           "terminal shows them\n";
    return;
  }
  const WallTime ended = SystemClock().wall();
  std::this_thread::sleep_for(writing_takes);
  if (!read_store(*run.config->record.store, run.begun, ended, summary)) return;
  report(run, summary);
  if (summary.saw_bedrock()) {
    std::cerr << "  The proxy ran before; calls that other programs made through it meanwhile are counted too\n";
  }
}

int run(const CommandLine& line) {
  Run made;
  made.config = load_configuration(line);
  if (!made.config) return 2;
  if (made.config->auth.users_file) {
    return failed({ErrorCode::config_invalid, Fault::client,
                   "`auth.users_file` makes the proxy ask for a password, which `run` does not have; add `--set "
                   "auth.users_file=null` for a proxy of its own that listens on loopback only"});
  }
  const auto authority = authority_for(made.config);
  if (!authority) return failed(authority.error());

  // What is set for this run needs a proxy that has it.
  const bool as_configured = line.sets.empty() && line.listens.empty() && !line.admin;
  std::optional<config::HostPort> proxy;
  if (as_configured) proxy = find_running_proxy(*made.config);
  if (!proxy) {
    auto own = OwnProxy::start(line);
    if (!own) return failed(own.error());
    made.own = *std::move(own);
    proxy = made.own->address();
  }
  made.variables = client_environment(*proxy, trust_files_in((*authority)->folder()), from_environment);
  made.begun = SystemClock().wall();

  const HeldSignals signals;
  const auto status = run_in_foreground(line.client_command, made.variables, signals);
  if (!status) {
    std::cerr << "borehole: " << status.error().detail << '\n';
    return status.error().code == ErrorCode::not_found ? 127 : 126;
  }
  conclude(made, signals);
  return *status;
}

}  // namespace

void add_run(CLI::App& app, CommandLine& line) {
  auto* command =
      app.add_subcommand("run", "run a command with its calls going through a proxy: run -- COMMAND [ARG...]");
  command->footer(
      "COMMAND and all behind it is left as it is. A proxy is started for it, or the one that runs is used; its "
      "Bedrock "
      "calls are summed up at the end. The exit status is COMMAND's.");
  command->callback([&line] {
    if (line.client_command.empty()) throw CLI::RequiredError("a command, as in `borehole run -- python3 app.py`,");
    line.command = "run";
    line.run = run;
  });
}

}  // namespace borehole::app
