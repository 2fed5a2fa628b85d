// `borehole calls prune`.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>

#include "app/calls_options.h"
#include "app/interruption.h"
#include "app/line_output.h"
#include "store/call_pruner.h"

namespace borehole::app {

namespace {

std::string size_text(std::uint64_t octets) {
  const auto size = static_cast<double>(octets);
  if (octets < 10'000) return fmt::format("{} octets", octets);
  if (octets < 10'000'000) return fmt::format("{:.1f} kB", size / 1e3);
  if (octets < 10'000'000'000) return fmt::format("{:.1f} MB", size / 1e6);
  return fmt::format("{:.1f} GB", size / 1e9);
}

std::string calls_text(const store::PrunedCalls& pruned) {
  return fmt::format("{} {}, {} of records", pruned.calls, pruned.calls == 1 ? "call" : "calls",
                     size_text(pruned.octets));
}

bool agreed(const std::string& path, const store::PrunedCalls& doomed) {
  std::cerr << fmt::format("remove {} from {}? [y/N] ", calls_text(doomed), path) << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int usage(const char* sentence) {
  std::cerr << "borehole: " << sentence << '\n';
  return 2;
}

int say(const std::string& text) {
  LineOutput out(STDOUT_FILENO, "stdout");
  out.put(text);
  return out.finish();
}

}  // namespace

int calls_prune(const CallsOptions& options) {
  const bool chosen = options.older_than || options.filtered();
  if (!chosen && !options.all) {
    return usage("say which calls to remove: --older-than 30d, a filter such as --model, or --all");
  }
  if (chosen && options.all) return usage("--all removes all calls; leave it out, or the filters");
  if (options.filter.before) return usage("--before is for lists; choose by time with --until");
  const bool asking = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 && !options.yes && !options.dry_run;
  if (options.all && !options.yes && !options.dry_run && !asking) {
    return usage("to remove all calls without being asked, add --yes");
  }
  int status = 0;
  const auto path = store_path(options, status);
  if (!path) return status;
  auto pruner = store::CallPruner::open(*path);
  if (!pruner) return failed(pruner.error());

  store::CallFilter filter = options.filter;
  if (options.older_than) {
    const WallTime oldest = SystemClock().wall() - *options.older_than;
    filter.until = std::min(filter.until.value_or(oldest), oldest);
  }
  if (options.dry_run || asking) {
    const auto doomed = (*pruner)->count(filter);
    if (!doomed) return failed(doomed.error());
    if (options.dry_run) return say(fmt::format("would remove {}\n", calls_text(*doomed)));
    if (doomed->calls == 0) return say("no calls match, so none is removed\n");
    if (!agreed(*path, *doomed)) return say("none is removed\n");
  }
  const Interruption interruption;
  const auto taken = (*pruner)->prune(filter, [] { return !Interruption::requested(); });
  if (!taken) return failed(taken.error());
  status = say(fmt::format("removed {}\n", calls_text(*taken)));
  if (!Interruption::requested()) return status;
  std::cerr << "borehole: interrupted; the rest is still there\n";
  return 1;
}

}  // namespace borehole::app
