#include "net/errands.h"

#include <optional>
#include <thread>
#include <vector>

#include "net_fixture.h"

using namespace borehole::net;
using borehole::net::test::TestLoop;

TEST_CASE("errands of other threads are run on the loop's, in order") {
  TestLoop test;
  Errands errands(test.loop);
  std::vector<int> done;
  bool elsewhere = false;
  std::thread other([&test, &done, &elsewhere, sender = errands.sender(), loop = std::this_thread::get_id()] {
    for (int i = 0; i < 100; ++i) {
      sender.send(Errands::Errand([&, i, loop] {
        elsewhere = elsewhere || std::this_thread::get_id() != loop;
        done.push_back(i);
        if (i == 99) test.stop();
      }));
    }
  });
  const bool ran = test.run();
  other.join();
  REQUIRE(ran);
  CHECK_FALSE(elsewhere);
  REQUIRE(done.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(done[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("errands for a loop that is gone are dropped") {
  auto owned = std::make_shared<int>(1);
  TestLoop test;
  std::optional<Errands> errands(test.loop);
  const auto sender = errands->sender();
  sender.send(Errands::Errand([owned] { FAIL("it was run"); }));
  errands.reset();
  sender.send(Errands::Errand([owned] { FAIL("it was run"); }));
  CHECK(owned.use_count() == 1);
}
