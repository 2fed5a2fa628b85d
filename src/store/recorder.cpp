#include "store/recorder.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/bounded_queue.h"
#include "base/log.h"
#include "base/thread_name.h"

namespace borehole::store {

namespace {

constexpr std::size_t batch_records = 512;
// Decoded bodies may be much larger than what the mailbox held of them.
constexpr std::size_t batch_bytes = std::size_t{64} << 20;
constexpr auto batch_delay = std::chrono::milliseconds(50);  // from the first record's arrival
// With the delay, a record is on its way to the disk within 100 ms of its call's end.
constexpr auto process_patience = std::chrono::milliseconds(40);
constexpr auto begin_within = batch_delay + process_patience;
constexpr auto process_patience_awaited = std::chrono::milliseconds(10);  // where an answer waits for its record
constexpr auto tend_interval = std::chrono::minutes(1);
// A tending that took this long may have stopped half-way: the next one follows soon, and records are written between.
constexpr auto long_tending = std::chrono::milliseconds(50);
constexpr auto tend_again = std::chrono::milliseconds(400);
constexpr auto log_interval = std::chrono::minutes(1);

// What a sink threw, in words; without memory in few enough to need none.
std::string words_of(const std::exception& thrown) noexcept {
  try {
    if (dynamic_cast<const std::bad_alloc*>(&thrown) == nullptr) return thrown.what();
    return "there is not enough memory for them; give borehole more, or lower record.bodies.max_bytes";
  } catch (...) {
    return "memory ran out";
  }
}

// Records that are written together, and whoever waits for some of them.
struct Batch {
  std::vector<calls::CallRecord> records;
  std::vector<std::shared_ptr<calls::Receipt>> receipts;
  std::size_t octets = 0;  // of bodies

  // False where there is no memory: then nothing was taken.
  bool add(calls::CapturedCall& call) noexcept {
    const std::size_t more = call.record.request.body.size() + call.record.response.body.size();
    const std::size_t waiting = receipts.size();
    try {
      if (call.receipt) receipts.push_back(call.receipt);
      records.push_back(std::move(call.record));
    } catch (...) {
      receipts.resize(waiting);
      return false;
    }
    octets += more;
    return true;
  }
  void expect(std::size_t more) noexcept {
    try {
      records.reserve(std::min(more, batch_records));
    } catch (const std::bad_alloc&) {  // then it grows as it can
    }
  }
  void clear() noexcept {
    records.clear();
    receipts.clear();
    octets = 0;
  }
  bool full() const { return records.size() >= batch_records || octets >= batch_bytes; }
};

// Says the same thing at most once in `log_interval`, with how much came together since.
class Complaint {
 public:
  void count(std::uint64_t more, std::string detail) noexcept {
    since_ += more;
    if (!detail.empty()) detail_ = std::move(detail);
  }
  // True when it is time to speak; `amount` and `detail` are then for this time.
  bool due(TimePoint now, std::uint64_t& amount, std::string& detail) {
    if (since_ == 0 || (last_ && now - *last_ < log_interval)) return false;
    last_ = now;
    amount = std::exchange(since_, 0);
    detail = std::exchange(detail_, {});
    return true;
  }

 private:
  std::uint64_t since_ = 0;
  std::string detail_;
  std::optional<TimePoint> last_;
};

}  // namespace

struct Recorder::State {
  State(std::vector<std::unique_ptr<calls::Sink>> to, const RecorderOptions& options)
      : sinks(std::move(to)),
        clock(options.clock != nullptr ? *options.clock : system_clock),
        mailbox(options.mailbox_bytes),
        prices(options.prices) {}

  const SystemClock system_clock;
  std::vector<std::unique_ptr<calls::Sink>> sinks;  // the thread's own, as all that `run` uses alone
  const Clock& clock;
  BoundedQueue<std::unique_ptr<calls::CapturedCall>> mailbox;
  std::atomic<std::uint64_t> delivered{0}, written{0}, dropped{0}, failed{0};
  std::atomic<TimePoint::rep> dropped_at{0};  // 0: never

  mutable std::mutex trouble_mutex;  // guards what follows
  std::optional<TimePoint> failed_at;
  std::string failure;

  std::mutex mutex;  // guards what follows
  std::shared_ptr<const bedrock::PriceTable> prices;
  std::condition_variable wake, done;
  std::optional<TimePoint> arrived;  // something is in the mailbox, since then
  bool pressing = false;             // a full batch is, or what somebody waits for
  bool stopping = false;
  std::uint64_t flush_wanted = 0, flush_done = 0;

  Complaint failures, drops;
  std::uint64_t drops_seen = 0;
  TimePoint begin_by{};  // when what was drained is to be written
  std::optional<TimePoint> tended_at;
  Duration tend_after = tend_interval;
  std::thread thread;

  void run();
  bool wait(std::uint64_t& ticket);
  using Calls = std::vector<std::unique_ptr<calls::CapturedCall>>;
  void wait_for_processes(const Calls& calls, TimePoint begin) const;
  void write(Calls& calls);
  void write_batch(const Batch& batch) noexcept;
  void note_failure(std::uint64_t records, std::string detail) noexcept;
  void drop() noexcept;
  void tend();
  void complain();
};

// A record that comes a moment later, though not after `begin`, is worth its client's process. Not where many wait to
// be written.
void Recorder::State::wait_for_processes(const Calls& calls, TimePoint begin) const {
  if (calls.size() >= batch_records) return;
  const bool awaited =
      std::any_of(calls.begin(), calls.end(), [](const auto& call) { return call->receipt != nullptr; });
  const Duration patience =
      std::min<Duration>(awaited ? process_patience_awaited : process_patience, begin - clock.now());
  const auto end = std::chrono::steady_clock::now() + patience;
  for (const auto& call : calls) {
    if (call->client_process) call->client_process->wait_for(end - std::chrono::steady_clock::now());
  }
}

// True: go on; false: the last round. Whoever asked for `ticket` or an earlier one had delivered before.
bool Recorder::State::wait(std::uint64_t& ticket) {
  std::unique_lock lock(mutex);
  const auto at_once = [this] { return stopping || pressing || flush_wanted > flush_done; };
  wake.wait_for(lock, tend_after, [&] { return at_once() || arrived; });
  while (arrived && !at_once()) {
    const Duration left = *arrived + batch_delay - clock.now();
    if (left <= Duration::zero()) break;
    wake.wait_for(lock, left);
  }
  begin_by = arrived.value_or(clock.now()) + begin_within;
  arrived.reset();
  pressing = false;
  ticket = flush_wanted;
  return !stopping;
}

void Recorder::State::run() {
  Calls calls;
  for (bool go_on = true; go_on;) {
    std::uint64_t ticket = 0;
    go_on = wait(ticket);
    mailbox.drain(calls);
    write(calls);
    calls.clear();
    try {
      tend();
      complain();
    } catch (const std::exception&) {  // memory ran out; they come again
    }
    const std::lock_guard lock(mutex);
    flush_done = ticket;
    done.notify_all();
  }
}

void Recorder::State::write(Calls& calls) {
  Batch batch;
  std::shared_ptr<const bedrock::PriceTable> prices_now;
  {
    const std::lock_guard lock(mutex);
    prices_now = prices;
  }
  wait_for_processes(calls, begin_by);
  batch.expect(calls.size());
  for (auto& call : calls) {
    calls::decode(*call, prices_now.get());
    if (!batch.add(*call)) {
      write_batch(batch);  // which gives memory back
      batch = {};
      if (!batch.add(*call)) {
        if (call->receipt) call->receipt->settle(calls::RecordFate::failed);
        note_failure(1, words_of(std::bad_alloc()));
        failed.fetch_add(1, std::memory_order_release);
      }
    }
    call.reset();
    if (!batch.full()) continue;
    write_batch(batch);
    batch.clear();
  }
  write_batch(batch);
}

void Recorder::State::drop() noexcept {
  dropped.fetch_add(1, std::memory_order_relaxed);
  dropped_at.store(clock.now().time_since_epoch().count(), std::memory_order_relaxed);
}

void Recorder::State::note_failure(std::uint64_t records, std::string detail) noexcept {
  try {
    const std::lock_guard lock(trouble_mutex);
    failed_at = clock.now();
    failure = detail;
  } catch (const std::exception&) {  // the sentence of an earlier one stays
  }
  failures.count(records, std::move(detail));
}

void Recorder::State::write_batch(const Batch& batch) noexcept {
  if (batch.records.empty()) return;
  bool fine = true;
  for (const auto& sink : sinks) {
    Result<void> wrote;
    try {
      wrote = sink->write(batch.records);
    } catch (const std::exception& thrown) {
      wrote = unexpected(Error{ErrorCode::store_failed, Fault::proxy, words_of(thrown)});
    }
    if (sink->keeps()) {
      const auto fate = wrote ? calls::RecordFate::kept : calls::RecordFate::failed;
      for (const auto& receipt : batch.receipts) receipt->settle(fate);
    }
    if (wrote) continue;
    fine = false;
    note_failure(batch.records.size(), std::move(wrote.error().detail));
  }
  if (fine) {
    const std::lock_guard lock(trouble_mutex);
    failed_at.reset();
  }
  (fine ? written : failed).fetch_add(batch.records.size(), std::memory_order_release);
}

void Recorder::State::tend() {
  const TimePoint now = clock.now();
  if (tended_at && now - *tended_at < tend_after) return;
  tended_at = now;
  const auto begun = std::chrono::steady_clock::now();
  for (const auto& sink : sinks) {
    try {
      if (const auto done_so = sink->tend(clock.wall()); !done_so) log::warn("{}", done_so.error().detail);
    } catch (const std::exception& thrown) {
      log::warn("the call store was not tended: {}", thrown.what());
    }
  }
  tend_after = std::chrono::steady_clock::now() - begun < long_tending ? Duration(tend_interval) : Duration(tend_again);
}

void Recorder::State::complain() {
  const std::uint64_t all_drops = dropped.load(std::memory_order_relaxed);
  drops.count(all_drops - std::exchange(drops_seen, all_drops), {});
  std::uint64_t amount = 0;
  std::string detail;
  if (drops.due(clock.now(), amount, detail)) {
    log::warn("{} records were dropped: calls came faster than they can be written, or memory ran out", amount);
  }
  if (failures.due(clock.now(), amount, detail)) log::error("{} records were not written: {}", amount, detail);
}

Recorder::Recorder(std::vector<std::unique_ptr<calls::Sink>> sinks, const RecorderOptions& options)
    : state_(std::make_unique<State>(std::move(sinks), options)) {
  state_->thread = std::thread([state = state_.get()] {
    name_this_thread("recorder");
    state->run();
  });
}

Recorder::~Recorder() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->wake.notify_one();
  }
  state_->thread.join();
}

void Recorder::deliver(std::unique_ptr<calls::CapturedCall> call) noexcept {
  State& state = *state_;
  bool was_empty = false;
  // Counted first, so that no reader of the counters sees more written than delivered.
  const std::uint64_t number = state.delivered.fetch_add(1, std::memory_order_relaxed) + 1;
  const bool awaited = call->receipt != nullptr;
  bool taken = false;
  try {
    const std::size_t cost = call->cost();
    taken = state.mailbox.push(std::move(call), cost, &was_empty);
  } catch (...) {  // out of memory
  }
  if (!taken) {
    state.delivered.fetch_sub(1, std::memory_order_relaxed);
    return state.drop();
  }
  const bool pressing = awaited || number % batch_records == 0;
  if (!was_empty && !pressing) return;
  const std::lock_guard lock(state.mutex);
  // That of a first record; else the mailbox has had one since then.
  if (was_empty || !state.arrived) state.arrived = state.clock.now();
  state.pressing = state.pressing || pressing;
  state.wake.notify_one();
}

void Recorder::missed() noexcept { state_->drop(); }

RecorderCounters Recorder::counters() const noexcept {
  RecorderCounters out;
  out.written = state_->written.load(std::memory_order_acquire);
  out.failed = state_->failed.load(std::memory_order_acquire);
  out.dropped = state_->dropped.load(std::memory_order_relaxed);
  out.delivered = state_->delivered.load(std::memory_order_relaxed);
  out.mailbox_bytes = state_->mailbox.cost();
  return out;
}

RecorderTrouble Recorder::trouble() const {
  RecorderTrouble out;
  if (const auto at = state_->dropped_at.load(std::memory_order_relaxed); at != 0) {
    out.dropped_at = TimePoint(TimePoint::duration(at));
  }
  const std::lock_guard lock(state_->trouble_mutex);
  out.failed_at = state_->failed_at;
  out.failure = state_->failure;
  return out;
}

void Recorder::set_prices(std::shared_ptr<const bedrock::PriceTable> prices) {
  const std::lock_guard lock(state_->mutex);
  state_->prices = std::move(prices);
}

void Recorder::flush() {
  std::unique_lock lock(state_->mutex);
  const std::uint64_t ticket = ++state_->flush_wanted;
  state_->wake.notify_one();
  state_->done.wait(lock, [&] { return state_->flush_done >= ticket; });
}

}  // namespace borehole::store
