// `borehole calls tail`: each call as it ends, out of the store; and before that, where it is wanted, its answer as it
// comes, out of the running proxy.
#include <fmt/format.h>
#include <unistd.h>

#include <deque>
#include <iostream>
#include <memory>
#include <set>
#include <utility>

#include "app/call_follower.h"
#include "app/call_line.h"
#include "app/calls_options.h"
#include "app/foundation.h"
#include "app/interruption.h"
#include "app/line_output.h"
#include "app/live_connection.h"
#include "app/live_view.h"
#include "app/running_proxy.h"
#include "app/terminal_text.h"
#include "base/ignoring_case.h"
#include "bedrock/fields.h"
#include "bedrock/text.h"

namespace borehole::app {

namespace {

constexpr std::chrono::milliseconds between_looks{200};
constexpr std::chrono::seconds between_tries{2};
constexpr std::chrono::seconds most_held{5};  // a record, for the end of its text

bool holds(std::string_view text, const std::optional<std::string>& part) {
  return !part || bedrock::lower_case(text).find(bedrock::lower_case(*part)) != std::string::npos;
}

bool is(std::string_view text, const std::optional<std::string>& whole) {
  return !whole || equals_ignoring_case(text, *whole);
}

// Filters that only a call's end can decide.
bool decided_at_the_end(const store::CallFilter& f) {
  return f.sdk || f.outcome || f.status || f.errors || f.text || f.until || f.before;
}

bool fits(const bedrock::JsonValue& started, const store::CallFilter& f) {
  return holds(started.text("model_id"), f.model) && is(started.text("operation"), f.operation) &&
         is(started.text("way_in"), f.way_in) && is(started.text("region"), f.region) &&
         holds(started.text("upstream_host"), f.host) && is(started.text("access_key_id"), f.access_key) &&
         is(started.text("session_id"), f.session);
}

class Tail {
 public:
  Tail(const CallsOptions& options, LineOutput& out, const Screen& screen)
      : options_(options),
        out_(out),
        colours_(screen.colours),
        tokens_(options.tokens.value_or(screen.terminal && !options.json)),
        view_(screen.terminal, screen.colours) {
    if (!tokens_) return;
    if (decided_at_the_end(options.filter)) {
      tokens_ = false;
      if (options.tokens) tell("these filters are decided at a call's end, so its text is not shown before");
      return;
    }
  }

  int source() const { return live_ ? live_->descriptor() : -1; }

  // What the running proxy has told since. True: a call has ended, so the store is worth a look.
  bool look_on(TimePoint now) {
    if (!tokens_) return false;
    if (!live_ && now >= next_try_) connect(now);
    bool ended = false;
    if (live_ && !live_->read([&](std::string_view event, std::string_view json, const bedrock::JsonValue& value) {
          ended = take(event, json, value, now) || ended;
        })) {
      live_.reset();
      next_try_ = now + between_tries;
      for (const auto& id : std::exchange(running_, {})) show(view_.ended(id));
      ended = true;
    }
    show(view_.overdue(now));
    return ended;
  }

  void add(store::ReadCall call, TimePoint now) { held_.emplace_back(now, std::move(call)); }

  // Records, but those whose text still comes.
  void give_records(TimePoint now) {
    for (auto at = held_.begin(); at != held_.end();) {
      if (running_.contains(at->second.summary.id) && now - at->first < most_held) {
        ++at;
        continue;
      }
      if (running_.erase(at->second.summary.id) > 0) show(view_.ended(at->second.summary.id));
      give(at->second);
      at = held_.erase(at);
    }
  }

 private:
  static void tell(std::string_view sentence) { std::cerr << "borehole: " << sentence << '\n'; }

  void connect(TimePoint now) {
    next_try_ = now + between_tries;
    const auto admin = find_running_admin(*options_.config);
    auto opened =
        admin ? LiveConnection::open(*admin)
              : Result<std::unique_ptr<LiveConnection>>(unexpected(Error{ErrorCode::not_found, Fault::proxy,
                                                                         "no proxy answers at the admin port of this "
                                                                         "configuration"}));
    if (opened) {
      live_ = *std::move(opened);
    } else if (options_.tokens && !std::exchange(told_, true)) {
      tell(fmt::format("{}, so calls are shown when they have ended; start it, or give its --admin HOST:PORT",
                       opened.error().detail));
    }
  }

  bool take(std::string_view event, std::string_view json, const bedrock::JsonValue& value, TimePoint now) {
    const std::string id(value.text("id"));
    if (event == "call_started") {
      if (!fits(value, options_.filter)) return false;
      running_.insert(id);
      view_.started(value);
      if (const auto reason = value.text("no_text"); !reason.empty() && !std::exchange(told_no_text_, true)) {
        tell(fmt::format("answers are not shown while they come: {}", harmless(reason)));
      }
    } else if (event == "missed") {
      show(view_.own_line());
      tell(fmt::format("{} events were left out here, because they came faster than they were read",
                       value.count("events").value_or(0)));
      return false;
    } else if (!running_.contains(id)) {
      return false;
    }
    const bool over = event == "call_ended" || event == "call_gone";
    if (over) running_.erase(id);
    if (options_.json) {
      // The record of a call that ended follows, whole.
      if (event != "call_ended") out_.put(fmt::format("{{\"event\":\"{}\",{}\n", event, json.substr(1)));
    } else if (event == "delta") {
      show(view_.delta(value, now));
    } else if (event == "text_lost") {
      show(view_.lost(value));
    } else if (over) {
      show(view_.ended(id));
    }
    return over;
  }

  void give(const store::ReadCall& call) {
    if (!options_.json) {
      show(view_.own_line() + call_line(call, colours_));
    } else if (!call.record) {
      (void)failed_records(1);
    } else if (tokens_) {
      out_.put(fmt::format("{{\"event\":\"call_ended\",\"record\":{}}}\n", *call.record));
    } else {
      out_.put(*call.record + "\n");
    }
  }

  void show(const std::string& text) {
    if (!options_.json) out_.put(text);
  }

  const CallsOptions& options_;
  LineOutput& out_;
  bool colours_, tokens_;
  LiveView view_;
  std::unique_ptr<LiveConnection> live_;
  TimePoint next_try_{};
  bool told_ = false, told_no_text_ = false;
  std::set<std::string> running_;  // whose text may come
  std::deque<std::pair<TimePoint, store::ReadCall>> held_;
};

}  // namespace

int calls_tail(const CallsOptions& options) {
  int status = 0;
  const auto path = store_path(options, status);
  if (!path) return status;
  const Interruption interruption;
  const SystemClock clock;
  LineOutput out(STDOUT_FILENO, "stdout");
  Tail tail(options, out, screen_of(STDOUT_FILENO));
  CallFollower follower(*path, options.filter, clock.wall());
  TimePoint next_look{};
  for (bool told = false;;) {
    const bool ended = tail.look_on(clock.now());
    if (const TimePoint now = clock.now(); ended || now >= next_look) {
      next_look = now + between_looks;
      auto calls = follower.look(options.limit.value_or(0));
      if (!calls) {
        (void)out.finish();
        return failed(calls.error());
      }
      if (!follower.has_store() && !std::exchange(told, true)) {
        std::cerr << fmt::format("borehole: waiting for a proxy to make the call store {}\n", *path);
      }
      for (store::ReadCall& call : *calls) tail.add(std::move(call), now);
      tail.give_records(now);
    }
    if (!out.flush()) break;
    const auto woken = interruption.wait(between_looks, STDOUT_FILENO, tail.source());
    if (woken == Interruption::Woken::requested || woken == Interruption::Woken::reader_gone) break;
  }
  return out.finish();
}

}  // namespace borehole::app
