#include "net/resolver.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

#include "net_fixture.h"

using namespace borehole;
using namespace borehole::net;
using borehole::net::test::TestLoop;

namespace {

using Answer = Result<std::vector<Address>>;

// A name service that counts, and that can be made to hang. Copies share it: a look-up may outlive the test.
class FakeNames {
 public:
  LookUp look_up() {
    return [shared = shared_](const std::string& host) -> Answer {
      std::unique_lock lock(shared->mutex);
      ++shared->asked[host];
      shared->changed.notify_all();
      shared->changed.wait(lock, [&] { return shared->open || host.find("slow") == std::string::npos; });
      if (host.find("missing") != std::string::npos)
        return unexpected(Error{ErrorCode::dns_failed, Fault::upstream, host + " is missing"});
      return std::vector<Address>{*Address::parse("192.0.2.7", 0)};
    };
  }
  int asked(const std::string& host) {
    const std::lock_guard lock(shared_->mutex);
    return shared_->asked[host];
  }
  void wait_until_asked(const std::string& host) {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [&] { return shared_->asked[host] > 0; });
  }
  void let_go() {
    const std::lock_guard lock(shared_->mutex);
    shared_->open = true;
    shared_->changed.notify_all();
  }
  ~FakeNames() { let_go(); }

 private:
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, int> asked;
    bool open = false;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

// Asks and waits for the answer.
Answer ask(TestLoop& test, ResolverClient& client, const std::string& host) {
  std::optional<Answer> out;
  client.resolve(host, [&](Answer answer) {
    out = std::move(answer);
    test.stop();
  });
  CHECK_FALSE(out);  // never inside the call
  REQUIRE(test.run());
  REQUIRE(out);
  return std::move(*out);
}

}  // namespace

TEST_CASE("a literal is its own answer, without a look-up") {
  FakeNames names;
  TestLoop test;
  Resolver resolver(names.look_up(), {});
  ResolverClient client(resolver, test.loop);
  CHECK(ask(test, client, "192.0.2.1").value().at(0).to_string() == "192.0.2.1:0");
  CHECK(ask(test, client, "2001:db8::1").value().at(0).to_string() == "[2001:db8::1]:0");
  CHECK(ask(test, client, "[2001:db8::1]").value().at(0).to_string() == "[2001:db8::1]:0");
  CHECK(names.asked("192.0.2.1") + names.asked("2001:db8::1") == 0);
}

TEST_CASE("what was found and what was not is kept, whatever the case of its letters") {
  FakeNames names;
  TestLoop test;
  ResolverOptions options;
  options.keep = options.keep_failure = std::chrono::hours(1);
  Resolver resolver(names.look_up(), options);
  ResolverClient client(resolver, test.loop);
  for (int round = 0; round < 3; ++round) {
    CHECK(ask(test, client, "a.test").value().size() == 1);
    CHECK(ask(test, client, "A.Test").value().size() == 1);
    CHECK(ask(test, client, "missing.test").error().detail == "missing.test is missing");
  }
  CHECK(names.asked("a.test") == 1);
  CHECK(names.asked("missing.test") == 1);
}

TEST_CASE("past its time an entry is looked up anew") {
  FakeNames names;
  TestLoop test;
  ResolverOptions options;
  options.keep = options.keep_failure = Duration::zero();
  Resolver resolver(names.look_up(), options);
  ResolverClient client(resolver, test.loop);
  for (int round = 0; round < 2; ++round) {
    CHECK(ask(test, client, "a.test"));
    CHECK_FALSE(ask(test, client, "missing.test"));
  }
  CHECK(names.asked("a.test") == 2);
  CHECK(names.asked("missing.test") == 2);
}

TEST_CASE("the cache is bounded: the oldest goes") {
  FakeNames names;
  TestLoop test;
  ResolverOptions options;
  options.keep = std::chrono::hours(1);
  options.max_names = 2;
  Resolver resolver(names.look_up(), options);
  ResolverClient client(resolver, test.loop);
  for (const char* host : {"a.test", "b.test", "c.test", "b.test", "c.test", "a.test"}) CHECK(ask(test, client, host));
  CHECK(names.asked("a.test") == 2);
  CHECK(names.asked("b.test") == 1);
  CHECK(names.asked("c.test") == 1);
}

TEST_CASE("concurrent questions for one name are one look-up, across loops") {
  FakeNames names;
  TestLoop test;
  TestLoop other;
  Resolver resolver(names.look_up(), {});
  ResolverClient client(resolver, test.loop);
  ResolverClient other_client(resolver, other.loop);
  int answers = 0;
  for (int count = 0; count < 5; ++count)
    client.resolve("slow.test", [&](const Answer& answer) {
      CHECK(answer);
      if (++answers == 5) test.stop();
    });
  int others = 0;
  other_client.resolve("slow.test", [&](const Answer&) {
    ++others;
    other.stop();
  });
  names.wait_until_asked("slow.test");
  names.let_go();
  REQUIRE(test.run());
  REQUIRE(other.run());
  CHECK(answers == 5);
  CHECK(others == 1);
  CHECK(names.asked("slow.test") == 1);
}

TEST_CASE("slow names do not hold up others, and do not hold up the end") {
  FakeNames names;
  TestLoop test;
  {
    Resolver resolver(names.look_up(), {});
    ResolverClient client(resolver, test.loop);
    int answers = 0;
    for (int count = 0; count < 7; ++count)
      client.resolve("slow" + std::to_string(count) + ".test", [&](const Answer&) { ++answers; });
    CHECK(ask(test, client, "quick.test"));
    CHECK(answers == 0);
  }  // the slow ones still hang here
  CHECK(names.asked("quick.test") == 1);
}

TEST_CASE("a question taken back is not answered, and is not asked if it still waits for a thread") {
  FakeNames names;
  TestLoop test;
  ResolverOptions options;
  options.threads = 1;
  Resolver resolver(names.look_up(), options);
  ResolverClient client(resolver, test.loop);
  int answers = 0;
  const auto started = client.resolve("slow.test", [&](const Answer&) { ++answers; });
  names.wait_until_asked("slow.test");
  const auto waiting = client.resolve("waiting.test", [&](const Answer&) { ++answers; });
  const auto address = client.resolve("192.0.2.1", [&](const Answer&) { ++answers; });
  client.cancel(waiting);
  client.cancel(started);
  client.cancel(address);
  client.cancel(4711);
  names.let_go();
  CHECK(ask(test, client, "last.test"));
  CHECK(answers == 0);
  CHECK(names.asked("waiting.test") == 0);
}

TEST_CASE("a client may be destroyed inside an answer, and with questions open") {
  FakeNames names;
  TestLoop test;
  Resolver resolver(names.look_up(), {});
  auto client = std::make_unique<ResolverClient>(resolver, test.loop);
  int answers = 0;
  for (int count = 0; count < 3; ++count)
    client->resolve("192.0.2.1", [&](const Answer&) {
      ++answers;
      client.reset();
      test.stop();
    });
  client->resolve("slow.test", [&](const Answer&) { ++answers; });
  REQUIRE(test.run());
  CHECK(answers == 1);
}

TEST_CASE("an open question keeps the loop alive") {
  FakeNames names;
  Loop loop;
  Resolver resolver(names.look_up(), {});
  ResolverClient client(resolver, loop);
  int answers = 0;
  client.resolve("a.test", [&](const Answer&) { ++answers; });
  loop.run();
  CHECK(answers == 1);
}

TEST_CASE("a look-up that throws is that question's failure") {
  TestLoop test;
  Resolver resolver([](const std::string&) -> Answer { throw std::bad_alloc(); }, {});
  ResolverClient client(resolver, test.loop);
  CHECK(ask(test, client, "a.test").error().code == ErrorCode::out_of_memory);
}

TEST_CASE("the system's look-up refuses what is not a name") {
  const LookUp look_up = system_look_up();
  CHECK(look_up("").error().code == ErrorCode::dns_failed);
  CHECK(look_up(std::string("localhost\0.evil.test", 20)).error().code == ErrorCode::dns_failed);
  const auto numeric = look_up("127.1");  // what inet_aton(3) takes for an address comes out as that address
  REQUIRE(numeric);
  CHECK(numeric->at(0).kind() == AddressKind::loopback);
}
