#include "app/reload.h"

#include <algorithm>
#include <set>

#include "catch.h"
#include "config/schema.h"

using namespace borehole;

TEST_CASE("every key of the configuration is known to reload: it is applied, or waits for a restart") {
  std::multiset<std::string_view> known;
  for (const auto key : app::reloadable_keys()) known.insert(key);
  for (const auto key : app::restart_keys()) known.insert(key);
  std::multiset<std::string_view> all;
  for (const auto key : config::all_keys()) all.insert(key);
  CHECK(known == all);
}

TEST_CASE("what a reload cannot apply is named in one sentence") {
  const config::Config running;
  CHECK(app::waits_for_restart(running, running).empty());
  config::Config next;
  next.limits.connections = 5;
  next.log.level = log::Level::warn;
  next.prices = "/prices.yaml";
  CHECK(app::waits_for_restart(running, next).empty());
  next.workers = 3;
  CHECK(app::waits_for_restart(running, next) ==
        "workers has changed, which a running proxy keeps as it was: restart to apply");

  next.listen = {{"127.0.0.1", 1}};
  next.admin.reset();
  next.ca.dir = "/elsewhere";
  next.ca.leaf_days = 3;
  next.record.store = "/elsewhere.db";
  next.record.jsonl = "-";
  next.record.jsonl_max_bytes = 9;
  next.record.jsonl_files = 9;
  next.record.strict_durability = true;
  CHECK(
      app::waits_for_restart(running, next) ==
      "listen, admin, workers, ca.dir, ca.leaf_days, record.store, record.jsonl, record.jsonl_max_bytes, "
      "record.jsonl_files, record.durability have changed, which a running proxy keeps as they were: restart to apply");
}

TEST_CASE("a reload cannot take the rules away that keep others out of a port that stays open") {
  config::Config running;
  config::Config next;
  CHECK(app::would_let_in(running, next).empty());  // loopback
  running.listen = {{"127.0.0.1", 1}, {"0.0.0.0", 2}};
  CHECK(app::would_let_in(running, next) ==
        "`listen` of the running proxy is reachable from other machines until it is restarted, and `auth` would be "
        "empty: set auth.users_file or auth.allow_clients, or restart");
  next.auth.allow_clients = {{"10.0.0.0/8"}};
  CHECK(app::would_let_in(running, next).empty());
  running.admin = config::HostPort{"0.0.0.0", 3};
  CHECK(app::would_let_in(running, next) ==
        "`admin` of the running proxy is reachable from other machines until it is restarted, and auth.users_file "
        "would be empty: set auth.users_file, or restart");
  next.auth.users_file = "/users";
  CHECK(app::would_let_in(running, next).empty());
}
