// `borehole calls tail`.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <utility>

#include "app/call_follower.h"
#include "app/call_line.h"
#include "app/calls_options.h"
#include "app/interruption.h"
#include "app/line_output.h"
#include "app/terminal_text.h"

namespace borehole::app {

namespace {

constexpr std::chrono::milliseconds between_looks{200};

}  // namespace

int calls_tail(const CommandLine& line, const CallsOptions& options) {
  int status = 0;
  const auto path = store_path(line, status);
  if (!path) return status;
  const Interruption interruption;
  const bool colours = screen_of(STDOUT_FILENO).colours;
  LineOutput out(STDOUT_FILENO, "stdout");
  CallFollower follower(*path, options.filter, SystemClock().wall());
  for (bool told = false;;) {
    auto calls = follower.look(options.limit.value_or(0));
    if (!calls) {
      (void)out.finish();
      return failed(calls.error());
    }
    if (!follower.has_store() && !std::exchange(told, true)) {
      std::cerr << fmt::format("borehole: waiting for a proxy to make the call store {}\n", *path);
    }
    for (const store::ReadCall& call : *calls) {
      if (!options.json) {
        out.put(call_line(call, colours));
      } else if (call.record) {
        out.put(*call.record + "\n");
      } else {
        (void)failed_records(1);
      }
    }
    if (!out.flush()) break;
    if (interruption.wait(between_looks, STDOUT_FILENO) != Interruption::Woken::in_time) break;
  }
  return out.finish();
}

}  // namespace borehole::app
