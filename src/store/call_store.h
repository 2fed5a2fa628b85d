// The calls on disk: SQLite in WAL mode, with a schema version and migrations. One writer, any number of readers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "calls/sink.h"
#include "store/call_filter.h"
#include "store/call_statistics.h"
#include "store/call_summary.h"

namespace borehole::store {

// How long calls are kept. 0: without limit.
struct StoreKeep {
  int days = 0;
  std::uint64_t max_bytes = 0;  // of the database's pages in use
};

// Writes on the recorder's thread.
class CallStoreWriter final : public calls::Sink {
 public:
  // Creates or migrates. A file that is no database, is another program's, is newer than this program or cannot be
  // written: an error that says what to do, and the file stays as it was. Mode 0600 before anything is in it; folders
  // that are missing are made with 0700.
  // `durable`: what was written is on the disk (fsync), and not only on its way there.
  static Result<std::unique_ptr<CallStoreWriter>> open(const std::string& path, StoreKeep keep = {},
                                                       bool durable = false);
  ~CallStoreWriter() override;
  // One transaction: all of the batch or nothing of it. Goes to the file that has the name now: where the one of before
  // was moved away or deleted, a new one is made, unless its folder is gone too.
  Result<void> write(const std::vector<calls::CallRecord>& batch) override;
  bool keeps() const noexcept override;
  Result<void> tend(WallTime now) override;  // prunes as `keep` says
  void set_keep(StoreKeep keep) noexcept;    // any thread; the next `tend` prunes
  // Takes away what is older, then the oldest until the rest fits; gives disk space back. How many calls were taken
  // away. In steps of a few hundred calls, so that readers and other writers get in between.
  Result<std::uint64_t> prune(StoreKeep keep, WallTime now);

 private:
  struct State;
  explicit CallStoreWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

enum class CallOrder : std::uint8_t { newest_first, oldest_first };  // by when they started

// A call with its whole record, or why that cannot be read.
struct ReadCall {
  CallSummary summary;
  Result<std::string> record;
};

class CallStoreReader {
 public:
  // Read only; works while a proxy writes and while none does, also from where nothing can be written. A store of an
  // older borehole is read as it is. not_found if there is no file. For one thread at a time.
  static Result<std::unique_ptr<CallStoreReader>> open(const std::string& path);
  ~CallStoreReader();
  // What is asked from now on ends in an error once that moment has passed; see `too_late`.
  void stop_at(TimePoint deadline);
  bool too_late() const noexcept;
  // Since it was opened: records that `list` or `statistics` could not look through for a filter's text, and left out.
  std::uint64_t unreadable() const noexcept;
  // For pages: give the last id of one as `before` of the next; not_found where that call is no longer there.
  Result<std::vector<CallSummary>> list(const CallFilter& filter) const;       // newest first
  Result<std::vector<std::string>> list_json(const CallFilter& filter) const;  // whole records, newest first
  // Calls `take` with each call, at most `filter.limit`, until it returns false; calls that are written meanwhile are
  // left out. Nothing is locked and no snapshot held while `take` runs; memory does not grow with the number of calls.
  // With `filter.text` a call whose record cannot be read is taken too: whether it fits is not known.
  Result<void> each(const CallFilter& filter, CallOrder order, const std::function<bool(ReadCall)>& take) const;
  // Those written after `seq`, in the order of writing, at most `filter.limit`.
  Result<std::vector<ReadCall>> written_after(std::int64_t seq, const CallFilter& filter) const;
  // The whole record. not_found where no id begins so, or more than one does; the detail says which.
  Result<std::string> find_json(const std::string& id_or_unique_prefix) const;
  // The calls of one invocation, as far as they are known to be of several: oldest first, at most `most`.
  Result<std::vector<CallSummary>> attempts_of(const std::string& invocation_id, std::size_t most) const;
  // How many fit, whatever the limit; none where counting would mean reading every call.
  Result<std::optional<std::uint64_t>> cheap_count(const CallFilter& filter) const;
  Result<CallStatistics> statistics(const CallFilter& filter, GroupBy by) const;

  // For those who follow: changes with every write of another connection, and costs next to nothing.
  Result<std::int64_t> version() const;
  struct Newest {
    std::int64_t seq = 0;
    std::string id;  // empty: there is no call
  };
  Result<Newest> newest() const;                                      // the one written last
  Result<bool> holds(std::int64_t seq, const std::string& id) const;  // whether that call is still there

 private:
  struct State;
  explicit CallStoreReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::store
