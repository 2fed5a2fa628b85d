#include "store/recorder.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
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
constexpr auto batch_delay = std::chrono::milliseconds(50);
// With the delay, a record is on its way to the disk within 100 ms of its call's end.
constexpr auto process_patience = std::chrono::milliseconds(40);
constexpr auto process_patience_awaited = std::chrono::milliseconds(10);  // where an answer waits for its record
constexpr auto tend_interval = std::chrono::minutes(1);
// A tending that took this long may have stopped half-way: the next one follows soon, and records are written between.
constexpr auto long_tending = std::chrono::milliseconds(50);
constexpr auto tend_again = std::chrono::milliseconds(400);
constexpr auto log_interval = std::chrono::minutes(1);

// Records that are written together, and whoever waits for some of them.
struct Batch {
  std::vector<calls::CallRecord> records;
  std::vector<std::shared_ptr<calls::Receipt>> receipts;
  std::size_t octets = 0;  // of bodies

  void add(calls::CapturedCall&& call) {
    octets += call.record.request.body.size() + call.record.response.body.size();
    records.push_back(std::move(call.record));
    if (call.receipt) receipts.push_back(std::move(call.receipt));
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
  void count(std::uint64_t more, std::string detail) {
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
  bool arrived = false;   // something is in the mailbox
  bool pressing = false;  // a full batch is, or what somebody waits for
  bool stopping = false;
  std::uint64_t flush_wanted = 0, flush_done = 0;

  Complaint failures, drops;
  std::uint64_t drops_seen = 0;
  std::optional<TimePoint> tended_at;
  Duration tend_after = tend_interval;
  std::thread thread;

  void run();
  bool wait(std::uint64_t& ticket);
  using Calls = std::vector<std::unique_ptr<calls::CapturedCall>>;
  static void wait_for_processes(const Calls& calls);
  void write(Calls& calls);
  void write_batch(const Batch& batch);
  void tend();
  void complain();
};

// A record that comes a moment later is worth its client's process. Not where many wait to be written.
void Recorder::State::wait_for_processes(const Calls& calls) {
  if (calls.size() >= batch_records) return;
  const bool awaited =
      std::any_of(calls.begin(), calls.end(), [](const auto& call) { return call->receipt != nullptr; });
  const auto end = std::chrono::steady_clock::now() + (awaited ? process_patience_awaited : process_patience);
  for (const auto& call : calls) {
    if (call->client_process) call->client_process->wait_for(end - std::chrono::steady_clock::now());
  }
}

// True: go on; false: the last round. Whoever asked for `ticket` or an earlier one had delivered before.
bool Recorder::State::wait(std::uint64_t& ticket) {
  std::unique_lock lock(mutex);
  const auto at_once = [this] { return stopping || pressing || flush_wanted > flush_done; };
  wake.wait_for(lock, tend_after, [&] { return at_once() || arrived; });
  if (arrived && !at_once()) wake.wait_for(lock, batch_delay, at_once);
  arrived = false;
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
    tend();
    complain();
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
  wait_for_processes(calls);
  batch.records.reserve(std::min(calls.size(), batch_records));
  for (auto& call : calls) {
    calls::decode(*call, prices_now.get());
    batch.add(std::move(*call));
    call.reset();
    if (!batch.full()) continue;
    write_batch(batch);
    batch.clear();
  }
  if (!batch.records.empty()) write_batch(batch);
}

void Recorder::State::write_batch(const Batch& batch) {
  bool fine = true;
  for (const auto& sink : sinks) {
    Result<void> wrote;
    try {
      wrote = sink->write(batch.records);
    } catch (const std::exception& thrown) {
      wrote = unexpected(Error{ErrorCode::store_failed, Fault::proxy, thrown.what()});
    }
    if (sink->keeps()) {
      const auto fate = wrote ? calls::RecordFate::kept : calls::RecordFate::failed;
      for (const auto& receipt : batch.receipts) receipt->settle(fate);
    }
    if (wrote) continue;
    fine = false;
    failures.count(batch.records.size(), wrote.error().detail);
    const std::lock_guard lock(trouble_mutex);
    failed_at = clock.now();
    failure = wrote.error().detail;
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
    log::warn("{} records were dropped: calls came faster than they can be written", amount);
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
    state.dropped.fetch_add(1, std::memory_order_relaxed);
    state.dropped_at.store(state.clock.now().time_since_epoch().count(), std::memory_order_relaxed);
    return;
  }
  const bool pressing = awaited || number % batch_records == 0;
  if (!was_empty && !pressing) return;
  const std::lock_guard lock(state.mutex);
  state.arrived = true;
  state.pressing = state.pressing || pressing;
  state.wake.notify_one();
}

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
