// Which calls are meant: what the commands, the API and the page let a person choose by. Never reads the store.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace borehole::store {

struct StatusRange {
  StatusRange(int only) : first(only), last(only) {}  // NOLINT(google-explicit-constructor): 429 is a range of one
  StatusRange(int from, int to) : first(from), last(to) {}
  int first, last;  // both are in it
};

// All that is set must hold. Comparisons ignore ASCII case.
struct CallFilter {
  std::optional<std::string> model;  // part of the model's id: "haiku"
  std::optional<std::string> operation, outcome, way_in, access_key, region;
  std::vector<std::string> aliased_keys;  // where `access_key` is a name for these: they are meant too
  std::optional<std::string> sdk, host;   // part of the name
  std::optional<std::string> session;     // the record's session_id, whole
  std::optional<std::string> text;  // anywhere in the record, as written or as JSON escapes it; not in binary bodies
  std::optional<StatusRange> status;
  bool errors = false;                   // a status of 400 or above, or an outcome other than complete
  std::optional<WallTime> since, until;  // started at or after; started before
  std::optional<std::string> before;     // a call's whole id: only those that stand behind it in a list, newest first
  std::size_t limit = 50;
  bool last_attempts = false;  // of the calls of one invocation that fit, only the last; CallStoreReader::list heeds it
};

// "429", "4xx", "error": sets `status` or `errors`. False for anything else.
bool choose_status(CallFilter& filter, std::string_view text);

}  // namespace borehole::store
