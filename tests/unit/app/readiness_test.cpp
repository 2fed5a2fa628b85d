#include "app/readiness.h"

#include <string>
#include <vector>

#include "catch.h"

using namespace borehole;
using namespace std::chrono_literals;

namespace {

app::ReadinessFacts fine() {
  app::ReadinessFacts facts;
  facts.wall = WallTime(1'767'323'045s);  // 2026-01-02T03:04:05Z
  facts.now = TimePoint(1h);
  facts.ca_not_after = facts.wall + 24h * 30;
  facts.ca_folder = "/certs";
  return facts;
}

using Sentences = std::vector<std::string>;

}  // namespace

TEST_CASE("a proxy with nothing wrong is ready") {
  const auto now = app::judge(fine());
  CHECK(now.wrong.empty());
  CHECK(now.warnings.empty());
}

TEST_CASE("an expired CA is not ready, one that expires within seven days is warned of") {
  auto facts = fine();
  facts.ca_not_after = facts.wall + 24h * 7 + 1s;
  CHECK(app::judge(facts).warnings.empty());
  facts.ca_not_after = facts.wall + 24h * 7;
  CHECK(app::judge(facts).wrong.empty());
  CHECK(app::judge(facts).warnings ==
        Sentences{"the CA in /certs expires on 2026-01-09; run `borehole ca rotate`, start again and trust the new "
                  "ca.pem"});
  facts.ca_not_after = facts.wall;
  CHECK(app::judge(facts).warnings.empty());
  CHECK(app::judge(facts).wrong ==
        Sentences{"the CA in /certs expired on 2026-01-02; run `borehole ca rotate`, start again and trust the new "
                  "ca.pem"});
}

TEST_CASE("records that were lost make it unready for a minute") {
  auto facts = fine();
  facts.trouble.failed_at = facts.now - 59s;
  facts.trouble.failure = "the disk is full; make room";
  CHECK(app::judge(facts).wrong == Sentences{"records of calls could not be written: the disk is full; make room"});
  facts.trouble.failed_at = facts.now - 60s;
  CHECK(app::judge(facts).wrong.empty());
  facts.trouble.dropped_at = facts.now - 1s;
  REQUIRE(app::judge(facts).wrong.size() == 1);
  CHECK(app::judge(facts).wrong.front().starts_with("records of calls were dropped within the last minute"));
  facts.trouble.dropped_at = facts.now - 60s;
  CHECK(app::judge(facts).wrong.empty());
}

TEST_CASE("connections that ended for want of memory make it unready for a minute") {
  auto facts = fine();
  facts.out_of_memory_at = facts.now - 59s;
  REQUIRE(app::judge(facts).wrong.size() == 1);
  CHECK(app::judge(facts).wrong.front().starts_with("connections were ended with their calls within the last minute"));
  facts.out_of_memory_at = facts.now - 60s;
  CHECK(app::judge(facts).wrong.empty());
}

TEST_CASE("shutting down and a store at fault are said, all at once") {
  auto facts = fine();
  facts.draining = true;
  facts.store_faults = {"the call store is gone"};
  CHECK(app::judge(facts).wrong ==
        Sentences{"borehole is shutting down; send new calls elsewhere", "the call store is gone"});
}
