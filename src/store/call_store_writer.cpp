#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "store/call_insertion.h"
#include "store/call_removal.h"
#include "store/call_store.h"
#include "store/private_file.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace borehole::store {

namespace {

constexpr int prune_step = 256;  // calls taken away in one transaction
constexpr auto prune_interval = std::chrono::minutes(10);
constexpr auto prune_turn = std::chrono::milliseconds(100);  // records wait meanwhile
// So many calls are counted for the totals at once, a fiftieth of a second's work: the more, the less often are the
// same sums written; who asks for statistics counts those that are left.
constexpr std::uint64_t fold_step = 8192;
constexpr auto fold_turn = std::chrono::milliseconds(60);  // records wait meanwhile
constexpr std::uint64_t most_counted = 100'000;            // calls, where no more than about how many is wanted

// Which file a name stands for.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

std::optional<FileIdentity> identity_of(const std::string& path) {
  struct stat there {};
  if (stat(path.c_str(), &there) != 0) return std::nullopt;
  return FileIdentity{there.st_dev, there.st_ino};
}

// One file, open for writing.
class OpenedStore {
 public:
  static Result<std::unique_ptr<OpenedStore>> open(const std::string& path, bool durable);

  // `done`: nothing is left to be taken away; else `until` had passed.
  Result<std::uint64_t> prune(StoreKeep keep, WallTime now, TimePoint until, bool& done);
  Result<void> write(std::span<const calls::CallRecord> batch) { return insertion_->write(batch); }
  // Counts calls that are not in the totals yet, once they are many, a step at a time until `until`.
  Result<void> fold(TimePoint until);
  // The same, where one step is all that is due: calls of an older store wait for `fold`.
  void fold_new();
  bool still_at(const std::string& path) const { return identity_of(path) == file_; }
  // What is in the log goes into the file, which may have got another name since, and then has all of it.
  void finish() { (void)database_.execute("PRAGMA wal_checkpoint(TRUNCATE)"); }

 private:
  explicit OpenedStore(Database database) : database_(std::move(database)) {}
  Result<void> fold_step_now();
  Result<std::uint64_t> bytes_in_use() const;
  Result<std::int64_t> about_how_many() const;
  Result<std::uint64_t> take_away(const std::string& which);
  Result<std::int64_t> end_of_first(std::uint64_t count) const;

  Database database_;
  std::optional<CallTotals> totals_;
  std::optional<CallInsertion> insertion_;
  std::optional<FileIdentity> file_;
};

Result<std::unique_ptr<OpenedStore>> OpenedStore::open(const std::string& path, bool durable) {
  for (const char* suffix : {"", "-wal", "-shm"}) {  // SQLite gives the others the mode of the first
    const std::string file = path + suffix;
    if (*suffix != '\0' && !identity_of(file)) continue;
    if (auto made = make_private_file(file, "the call store"); !made) return unexpected(made.error());
  }
  auto database = Database::open(path, SQLITE_OPEN_READWRITE);
  if (!database) return unexpected(database.error());
  const auto version = check_version(*database, path, migrations().size());
  if (!version) return unexpected(version.error());
  // Incremental vacuum has to be chosen before the first table. NORMAL: a power cut may cost the last batches, never
  // the file. FULL: what was committed is on the disk.
  const std::string settings = fmt::format(
      "{}PRAGMA journal_mode=WAL; PRAGMA synchronous={}; PRAGMA secure_delete=FAST;"
      "PRAGMA journal_size_limit=16777216; PRAGMA trusted_schema=OFF",
      *version == 0 ? "PRAGMA auto_vacuum=INCREMENTAL;" : "", durable ? "FULL" : "NORMAL");
  if (auto set = database->execute(settings); !set) return unexpected(set.error());
  if (auto migrated = migrate(*database, migrations()); !migrated) return unexpected(migrated.error());
  auto opened = std::unique_ptr<OpenedStore>(new OpenedStore(*std::move(database)));
  auto totals = CallTotals::prepare(opened->database_);
  if (!totals) return unexpected(totals.error());
  opened->totals_ = *std::move(totals);
  auto insertion = CallInsertion::prepare(opened->database_, *opened->totals_);
  if (!insertion) return unexpected(insertion.error());
  opened->insertion_ = *std::move(insertion);
  opened->file_ = identity_of(path);
  return opened;
}

Result<std::uint64_t> OpenedStore::bytes_in_use() const {
  const auto pages = database_.integer("PRAGMA page_count");
  if (!pages) return unexpected(pages.error());
  const auto free_pages = database_.integer("PRAGMA freelist_count");
  if (!free_pages) return unexpected(free_pages.error());
  const auto page_size = database_.integer("PRAGMA page_size");
  if (!page_size) return unexpected(page_size.error());
  return static_cast<std::uint64_t>((*pages - *free_pages) * *page_size);
}

// Counted as far as that costs little. The numbers of most stores have no gaps; those of a store whose owner chose
// calls to be removed may, and then it is fewer.
Result<std::int64_t> OpenedStore::about_how_many() const {
  auto counted = database_.integer(fmt::format("SELECT count(*) FROM (SELECT 1 FROM calls LIMIT {})", most_counted));
  if (!counted || static_cast<std::uint64_t>(*counted) < most_counted) return counted;
  return database_.integer("SELECT (SELECT max(seq) FROM calls) - (SELECT min(seq) FROM calls) + 1");
}

Result<std::uint64_t> OpenedStore::take_away(const std::string& which) {
  if (auto begun = database_.execute("BEGIN IMMEDIATE"); !begun) return unexpected(begun.error());
  Result<std::uint64_t> taken = std::uint64_t{0};
  try {
    taken = remove_calls(database_, &*totals_, which, SharedBlock::stays);
  } catch (...) {  // memory ran out
    (void)database_.execute("ROLLBACK");
    throw;
  }
  if (taken) {
    if (auto committed = database_.execute("COMMIT"); !committed) taken = unexpected(committed.error());
  }
  if (!taken) (void)database_.execute("ROLLBACK");
  return taken;
}

Result<void> OpenedStore::fold(TimePoint until) {
  while (std::chrono::steady_clock::now() < until) {
    auto behind = totals_->behind();
    if (!behind) return unexpected(behind.error());
    if (*behind < fold_step) break;
    if (auto folded = fold_step_now(); !folded) return folded;
  }
  return {};
}

void OpenedStore::fold_new() {
  // What goes wrong is tried again, and told, by `fold`: the calls themselves are written.
  try {
    const auto behind = totals_->behind();
    if (behind && *behind >= fold_step && *behind < 2 * fold_step) (void)fold_step_now();
  } catch (const std::exception&) {  // memory ran out
  }
}

Result<void> OpenedStore::fold_step_now() {
  if (auto begun = database_.execute("BEGIN IMMEDIATE"); !begun) return begun;
  Result<std::uint64_t> folded = std::uint64_t{0};
  try {
    folded = totals_->fold(fold_step);
  } catch (...) {  // memory ran out
    (void)database_.execute("ROLLBACK");
    throw;
  }
  Result<void> ended = folded ? database_.execute("COMMIT") : unexpected(folded.error());
  if (!ended) (void)database_.execute("ROLLBACK");
  return ended;
}

// The last of the `count` calls that were written first, and of those that share its block: the block's space is only
// free without all of them.
Result<std::int64_t> OpenedStore::end_of_first(std::uint64_t count) const {
  return database_.integer(
      fmt::format("WITH last AS (SELECT max(seq) AS seq FROM (SELECT seq FROM calls ORDER BY seq LIMIT {})) "
                  "SELECT coalesce((SELECT CASE WHEN first_seq <= last.seq THEN last_seq END FROM record_blocks "
                  "WHERE last_seq >= last.seq ORDER BY block LIMIT 1), last.seq) FROM last",
                  count));
}

Result<std::uint64_t> OpenedStore::prune(StoreKeep keep, WallTime now, TimePoint until, bool& done) {
  std::uint64_t taken = 0;
  const auto late = [until] { return std::chrono::steady_clock::now() >= until; };
  if (keep.days > 0) {
    const auto oldest = (now - std::chrono::hours(24) * keep.days).time_since_epoch().count();
    const auto which = fmt::format("seq IN (SELECT seq FROM calls WHERE started_us < {} ORDER BY started_us LIMIT {})",
                                   oldest, prune_step);
    for (;;) {
      auto some = take_away(which);
      if (!some) return some;
      taken += *some;
      if (*some < prune_step || late()) break;
    }
  }
  while (keep.max_bytes > 0 && !late()) {
    auto used = bytes_in_use();
    if (!used) return used;
    if (*used <= keep.max_bytes) break;
    const auto calls = about_how_many();
    if (!calls) return unexpected(calls.error());
    if (*calls == 0) break;  // the empty tables are larger than the limit
    // No more than the excess is worth, so that a few large calls do not cost hundreds of small ones.
    const auto excess = static_cast<std::uint64_t>(*calls) * (*used - keep.max_bytes) / *used;
    const auto step = std::min<std::uint64_t>(std::max<std::uint64_t>(excess, 1), prune_step);
    const auto end = end_of_first(step);
    if (!end) return unexpected(end.error());
    auto some = take_away(fmt::format("seq <= {}", *end));
    if (!some) return some;
    taken += *some;
    if (*some == 0) break;
  }
  done = !late();
  if (taken > 0) {
    if (auto freed = database_.execute("PRAGMA incremental_vacuum"); !freed) return unexpected(freed.error());
  }
  return taken;
}

}  // namespace

struct CallStoreWriter::State {
  std::string path;
  bool durable;
  std::unique_ptr<OpenedStore> opened;  // null: the last try to open it failed
  std::optional<WallTime> pruned_at{};
  std::mutex keep_mutex{};  // guards what follows
  StoreKeep keep{};
  bool keep_is_new = false;

  // The file that has the name now: where another one was put there, or it was taken away, that is opened, or made.
  Result<void> find_file() {
    if (opened && opened->still_at(path)) return {};
    const bool had = opened != nullptr;
    if (opened) opened->finish();
    opened.reset();  // before: SQLite takes the log of the file of that name away when it closes
    auto found = OpenedStore::open(path, durable);
    if (!found) return unexpected(std::move(found).error());
    opened = *std::move(found);
    log::warn("the call store {} {}: calls are written to the file that is there now", path,
              had ? "was moved or deleted" : "could not be opened, and now can");
    return {};
  }

  Result<void> prune_if_due(WallTime now) {
    StoreKeep wanted;
    {
      const std::lock_guard lock(keep_mutex);
      const bool is_new = std::exchange(keep_is_new, false);
      // In the future where the clock was set back.
      if (!is_new && pruned_at && now >= *pruned_at && now - *pruned_at < prune_interval) return {};
      wanted = keep;
    }
    pruned_at = now;
    bool done = true;
    const auto pruned = opened->prune(wanted, now, std::chrono::steady_clock::now() + prune_turn, done);
    if (!done) pruned_at.reset();  // goes on the next time
    if (!pruned) return unexpected(pruned.error());
    return {};
  }
};

CallStoreWriter::CallStoreWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
CallStoreWriter::~CallStoreWriter() = default;

Result<std::unique_ptr<CallStoreWriter>> CallStoreWriter::open(const std::string& path, StoreKeep keep, bool durable) {
  if (auto made = make_private_folders(path); !made) return unexpected(made.error());
  auto opened = OpenedStore::open(path, durable);
  if (!opened) return unexpected(std::move(opened).error());
  auto state = std::unique_ptr<State>(new State{path, durable, *std::move(opened)});
  state->keep = keep;
  return std::unique_ptr<CallStoreWriter>(new CallStoreWriter(std::move(state)));
}

Result<void> CallStoreWriter::write(const std::vector<calls::CallRecord>& batch) {
  if (batch.empty()) return {};
  if (auto found = state_->find_file(); !found) return found;
  auto wrote = state_->opened->write(batch);
  if (wrote) state_->opened->fold_new();
  return wrote;
}

bool CallStoreWriter::keeps() const noexcept { return true; }

Result<void> CallStoreWriter::tend(WallTime now) {
  if (auto found = state_->find_file(); !found) return found;
  auto folded = state_->opened->fold(std::chrono::steady_clock::now() + fold_turn);
  auto pruned = state_->prune_if_due(now);
  return pruned ? folded : pruned;  // a full disk may be in the way of the one, and the other makes room
}

void CallStoreWriter::set_keep(StoreKeep keep) noexcept {
  const std::lock_guard lock(state_->keep_mutex);
  state_->keep = keep;
  state_->keep_is_new = true;
}

Result<std::uint64_t> CallStoreWriter::prune(StoreKeep keep, WallTime now) {
  if (auto found = state_->find_file(); !found) return unexpected(found.error());
  bool done = true;
  return state_->opened->prune(keep, now, TimePoint::max(), done);
}

}  // namespace borehole::store
