#include "store/recorder.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "catch.h"
#include "unit/store/scratch.h"

namespace borehole::store {

namespace {

// What several tests and the recorder's thread look at together.
struct Seen {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> ids;
  std::size_t largest_batch = 0;
  std::size_t most_octets = 0;  // of bodies in one batch
  bool held = false;            // the sink waits while this is set
  bool waiting = false;         // and says so here
  int tended = 0;
};

class FakeSink final : public calls::Sink {
 public:
  explicit FakeSink(Seen& seen, bool fails = false) : seen_(seen), fails_(fails) {}
  Result<void> write(const std::vector<calls::CallRecord>& batch) override {
    std::unique_lock lock(seen_.mutex);
    seen_.waiting = true;
    seen_.changed.notify_all();
    seen_.changed.wait(lock, [this] { return !seen_.held; });
    seen_.largest_batch = std::max(seen_.largest_batch, batch.size());
    std::size_t octets = 0;
    for (const auto& call : batch) octets += call.request.body.size() + call.response.body.size();
    seen_.most_octets = std::max(seen_.most_octets, octets);
    if (fails_) return unexpected(Error{ErrorCode::store_failed, Fault::proxy, "the test says so"});
    for (const auto& call : batch) seen_.ids.push_back(call.id);
    seen_.changed.notify_all();
    return {};
  }
  Result<void> tend(WallTime) override {
    const std::lock_guard lock(seen_.mutex);
    ++seen_.tended;
    return {};
  }

 private:
  Seen& seen_;
  bool fails_;
};

std::vector<std::unique_ptr<calls::Sink>> one(std::unique_ptr<calls::Sink> sink) {
  std::vector<std::unique_ptr<calls::Sink>> out;
  out.push_back(std::move(sink));
  return out;
}

std::unique_ptr<calls::CapturedCall> captured(const std::string& id) {
  auto call = std::make_unique<calls::CapturedCall>();
  call->record = record(id);
  return call;
}

}  // namespace

TEST_CASE("a batch of large bodies is written before it is complete", "[recorder]") {
  constexpr std::size_t megabyte = std::size_t{1} << 20;
  Seen seen;
  Recorder recorder(one(std::make_unique<FakeSink>(seen)), {.mailbox_bytes = 200 * megabyte});
  for (int i = 0; i < 150; ++i) {
    auto call = captured(std::to_string(i));
    call->record.response.body.assign(megabyte, 'x');
    recorder.deliver(std::move(call));
  }
  recorder.flush();
  CHECK(seen.ids.size() == 150);
  CHECK(seen.most_octets <= 65 * megabyte);
}

TEST_CASE("what was delivered before a flush is written after it, in order", "[recorder]") {
  Seen seen;
  Recorder recorder(one(std::make_unique<FakeSink>(seen)), {});
  std::vector<std::string> sent;
  for (int i = 0; i < 2000; ++i) {
    sent.push_back(std::to_string(i));
    recorder.deliver(captured(sent.back()));
  }
  recorder.flush();
  CHECK(seen.ids == sent);
  CHECK(seen.largest_batch <= 512);
  CHECK(seen.tended == 1);
  recorder.flush();  // with nothing to do
  const RecorderCounters counters = recorder.counters();
  CHECK(counters.delivered == 2000);
  CHECK(counters.written == 2000);
  CHECK(counters.dropped == 0);
  CHECK(counters.failed == 0);
}

TEST_CASE("destroying the recorder writes what is left", "[recorder]") {
  Seen seen;
  {
    Recorder recorder(one(std::make_unique<FakeSink>(seen)), {});
    for (int i = 0; i < 10; ++i) recorder.deliver(captured(std::to_string(i)));
  }
  CHECK(seen.ids.size() == 10);
}

namespace {

// Stands still until it is set.
class SetClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return TimePoint(std::chrono::hours(1)) + Duration(since_.load()); }
  WallTime wall() const noexcept override { return at_second(0); }
  void set(Duration since) { since_ = since.count(); }

 private:
  std::atomic<Duration::rep> since_{0};
};

// Whether so many records were written at last.
bool written(Seen& seen, std::size_t count) {
  std::unique_lock lock(seen.mutex);
  return seen.changed.wait_for(lock, std::chrono::seconds(30), [&] { return seen.ids.size() >= count; });
}

}  // namespace

TEST_CASE("a record is begun to be written within 90 ms, also where another batch was being written when it came",
          "[recorder]") {
  using std::chrono::milliseconds;
  SetClock clock;
  Seen seen;
  Recorder recorder(one(std::make_unique<FakeSink>(seen)), {.clock = &clock});
  recorder.deliver(captured("A"));
  clock.set(milliseconds(50));  // and no further: it is written 50 ms after it came
  REQUIRE(written(seen, 1));
  {
    const std::lock_guard lock(seen.mutex);
    seen.held = true;
    seen.waiting = false;
  }
  recorder.deliver(captured("B"));
  clock.set(milliseconds(100));
  {
    std::unique_lock lock(seen.mutex);
    REQUIRE(seen.changed.wait_for(lock, std::chrono::seconds(30), [&] { return seen.waiting; }));
  }
  recorder.deliver(captured("C"));  // while B is being written, which takes 60 ms
  auto with_process = captured("D");
  with_process->client_process = std::make_shared<const calls::AwaitedProcess>();  // that is never found out
  recorder.deliver(std::move(with_process));
  clock.set(milliseconds(160));
  {
    const std::lock_guard lock(seen.mutex);
    seen.held = false;
    seen.changed.notify_all();
  }
  CHECK(written(seen, 4));  // the clock stands still: nothing waits any longer
  CHECK(seen.ids == std::vector<std::string>{"A", "B", "C", "D"});
  CHECK(seen.largest_batch == 2);
}

TEST_CASE("a call without a record is counted as dropped, and told", "[recorder]") {
  Seen seen;
  Recorder recorder(one(std::make_unique<FakeSink>(seen)), {});
  recorder.missed();
  recorder.deliver(captured("A"));
  recorder.missed();
  recorder.flush();
  const RecorderCounters counters = recorder.counters();
  CHECK(counters.dropped == 2);
  CHECK(counters.delivered == 1);
  CHECK(counters.written == 1);
  CHECK(recorder.trouble().dropped_at);
}

TEST_CASE("a delivery alone is written without a flush", "[recorder]") {
  Seen seen;
  Recorder recorder(one(std::make_unique<FakeSink>(seen)), {});
  recorder.deliver(captured("A"));
  std::unique_lock lock(seen.mutex);
  CHECK(seen.changed.wait_for(lock, std::chrono::seconds(30), [&] { return seen.waiting; }));
}

namespace {

// What a receipt told, for whoever waits for it.
struct Told {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::pair<std::string, calls::RecordFate>> all;

  std::unique_ptr<calls::CapturedCall> call(const std::string& id) {
    auto made = captured(id);
    made->receipt = std::make_shared<calls::Receipt>([this, id](calls::RecordFate fate) {
      const std::lock_guard lock(mutex);
      all.emplace_back(id, fate);
      changed.notify_all();
    });
    return made;
  }
  std::vector<std::pair<std::string, calls::RecordFate>> wait(std::size_t count) {
    std::unique_lock lock(mutex);
    CHECK(changed.wait_for(lock, std::chrono::seconds(30), [&] { return all.size() >= count; }));
    return all;
  }
};

class KeepingSink final : public calls::Sink {
 public:
  explicit KeepingSink(Seen& seen, bool fails = false) : sink_(seen, fails) {}
  Result<void> write(const std::vector<calls::CallRecord>& batch) override { return sink_.write(batch); }
  bool keeps() const noexcept override { return true; }

 private:
  FakeSink sink_;
};

using Answers = std::vector<std::pair<std::string, calls::RecordFate>>;
using enum calls::RecordFate;

}  // namespace

TEST_CASE("who waits for a record is told once it is kept, and for all that came meanwhile at once", "[recorder]") {
  Seen seen, others;
  seen.held = true;
  Told told;
  std::vector<std::unique_ptr<calls::Sink>> sinks;
  sinks.push_back(std::make_unique<KeepingSink>(seen));
  sinks.push_back(std::make_unique<FakeSink>(others, true));  // which is no matter
  Recorder recorder(std::move(sinks), {});
  recorder.deliver(told.call("A"));
  {
    std::unique_lock lock(seen.mutex);
    REQUIRE(seen.changed.wait_for(lock, std::chrono::seconds(30), [&] { return seen.waiting; }));
  }
  recorder.deliver(captured("B"));
  recorder.deliver(told.call("C"));
  recorder.deliver(told.call("D"));
  CHECK(told.all.empty());
  {
    const std::lock_guard lock(seen.mutex);
    seen.held = false;
    seen.changed.notify_all();
  }
  CHECK(told.wait(3) == Answers{{"A", kept}, {"C", kept}, {"D", kept}});
  recorder.flush();
  CHECK(seen.ids == std::vector<std::string>{"A", "B", "C", "D"});
  CHECK(seen.largest_batch == 3);
}

TEST_CASE("who waits for a record that is not kept is told so", "[recorder]") {
  Seen seen;
  Told told;
  SECTION("the sink fails") {
    Recorder recorder(one(std::make_unique<KeepingSink>(seen, true)), {});
    recorder.deliver(told.call("A"));
    CHECK(told.wait(1) == Answers{{"A", failed}});
  }
  SECTION("no sink keeps it") {
    Recorder recorder(one(std::make_unique<FakeSink>(seen)), {});
    recorder.deliver(told.call("A"));
    CHECK(told.wait(1) == Answers{{"A", let_go}});
  }
  SECTION("it is dropped") {
    seen.held = true;
    Recorder recorder(one(std::make_unique<KeepingSink>(seen)), {.mailbox_bytes = 1});
    recorder.deliver(told.call("first"));
    {
      std::unique_lock lock(seen.mutex);
      REQUIRE(seen.changed.wait_for(lock, std::chrono::seconds(30), [&] { return seen.waiting; }));
    }
    recorder.deliver(told.call("waits"));
    recorder.deliver(told.call("dropped"));
    CHECK(told.wait(1) == Answers{{"dropped", let_go}});
    {
      const std::lock_guard lock(seen.mutex);
      seen.held = false;
      seen.changed.notify_all();
    }
    CHECK(told.wait(3) == Answers{{"dropped", let_go}, {"first", kept}, {"waits", kept}});
    CHECK(recorder.counters().dropped == 1);
  }
}

TEST_CASE("a full mailbox drops, and every drop is counted", "[recorder]") {
  Seen seen;
  seen.held = true;
  const std::size_t each = captured("x")->cost();
  Recorder recorder(one(std::make_unique<FakeSink>(seen)), {.mailbox_bytes = each * 10});
  recorder.deliver(captured("first"));
  {
    std::unique_lock lock(seen.mutex);  // the sink holds the first one: the mailbox is empty
    REQUIRE(seen.changed.wait_for(lock, std::chrono::seconds(30), [&] { return seen.waiting; }));
  }
  for (int i = 0; i < 25; ++i) recorder.deliver(captured("x"));
  RecorderCounters counters = recorder.counters();
  CHECK(counters.delivered == 11);
  CHECK(counters.dropped == 15);
  CHECK(counters.written == 0);
  CHECK(counters.mailbox_bytes == each * 10);
  CHECK(recorder.trouble().dropped_at);
  CHECK_FALSE(recorder.trouble().failed_at);
  {
    const std::lock_guard lock(seen.mutex);
    seen.held = false;
    seen.changed.notify_all();
  }
  recorder.flush();
  counters = recorder.counters();
  CHECK(counters.delivered == 11);
  CHECK(counters.written == 11);
  CHECK(counters.dropped == 15);
  CHECK(counters.mailbox_bytes == 0);
  CHECK(seen.ids.size() == 11);
}

TEST_CASE("a failing sink costs its records only, and they are counted", "[recorder]") {
  Seen good, bad;
  std::vector<std::unique_ptr<calls::Sink>> sinks;
  sinks.push_back(std::make_unique<FakeSink>(bad, true));
  sinks.push_back(std::make_unique<FakeSink>(good));
  Recorder recorder(std::move(sinks), {});
  for (int i = 0; i < 7; ++i) recorder.deliver(captured(std::to_string(i)));
  recorder.flush();
  CHECK(recorder.counters().failed == 7);
  CHECK(recorder.counters().written == 0);
  CHECK(good.ids.size() == 7);
  CHECK(recorder.trouble().failed_at);
  CHECK(recorder.trouble().failure == "the test says so");
  CHECK_FALSE(recorder.trouble().dropped_at);
}

TEST_CASE("a sink that writes again ends the trouble", "[recorder]") {
  struct Mended final : calls::Sink {
    Result<void> write(const std::vector<calls::CallRecord>&) override {
      if (++batches > 1) return {};
      return unexpected(Error{ErrorCode::store_failed, Fault::proxy, "not yet"});
    }
    int batches = 0;
  };
  Recorder recorder(one(std::make_unique<Mended>()), {});
  recorder.deliver(captured("a"));
  recorder.flush();
  CHECK(recorder.trouble().failed_at);
  recorder.deliver(captured("b"));
  recorder.flush();
  CHECK_FALSE(recorder.trouble().failed_at);
  CHECK(recorder.counters().failed == 1);
}

TEST_CASE("many threads deliver; nothing is lost and nothing counted twice", "[recorder]") {
  Seen seen;
  constexpr int threads = 4, each = 3000;
  Recorder recorder(one(std::make_unique<FakeSink>(seen)), {.mailbox_bytes = captured("x")->cost() * 200});
  std::atomic<bool> stop{false};
  std::thread watcher([&] {
    while (!stop) {
      const RecorderCounters now = recorder.counters();
      if (now.written + now.failed > now.delivered) stop = true;
    }
  });
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&recorder, t] {
      for (int i = 0; i < each; ++i) {
        recorder.deliver(captured(std::to_string(t)));
        if (i % 500 == 0) recorder.flush();
      }
    });
  }
  for (auto& worker : workers) worker.join();
  recorder.flush();
  CHECK_FALSE(stop.exchange(true));
  watcher.join();
  const RecorderCounters counters = recorder.counters();
  CHECK(counters.delivered + counters.dropped == threads * each);
  CHECK(counters.written == counters.delivered);
  CHECK(seen.ids.size() == counters.written);
}

}  // namespace borehole::store
