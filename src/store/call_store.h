// The calls on disk: SQLite in WAL mode, with a schema version and migrations. One writer, any number of readers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "calls/sink.h"

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
  static Result<std::unique_ptr<CallStoreWriter>> open(const std::string& path, StoreKeep keep = {});
  ~CallStoreWriter() override;
  // One transaction: all of the batch or nothing of it.
  Result<void> write(const std::vector<calls::CallRecord>& batch) override;
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

// All that is set must hold. Comparisons ignore ASCII case.
struct CallFilter {
  std::optional<std::string> model;  // part of the model's id: "haiku"
  std::optional<std::string> operation, outcome, access_key, session;
  std::optional<std::string> text;  // anywhere in the record, as written or as JSON escapes it; not in binary bodies
  std::optional<int> status;
  std::optional<WallTime> since, until;  // started at or after; started before
  std::size_t limit = 50;
};

// One line of `calls list`.
struct CallSummary {
  std::string id, started_at, way_in, outcome, operation, model_id, upstream_host, method, target, error_code;
  std::optional<int> status;
  std::optional<std::uint64_t> input_tokens, output_tokens;
  std::optional<double> total_ms;
  std::uint64_t request_bytes = 0, response_bytes = 0;
};

class CallStoreReader {
 public:
  // Read only; works while a proxy writes and while none does. not_found if there is no file. For one thread at a time.
  static Result<std::unique_ptr<CallStoreReader>> open(const std::string& path);
  ~CallStoreReader();
  Result<std::vector<CallSummary>> list(const CallFilter& filter) const;       // newest first
  Result<std::vector<std::string>> list_json(const CallFilter& filter) const;  // whole records, newest first
  // The whole record. not_found where no id begins so, or more than one does; the detail says which.
  Result<std::string> find_json(const std::string& id_or_unique_prefix) const;

 private:
  struct State;
  explicit CallStoreReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::store
