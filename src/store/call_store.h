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

// Writes on the recorder's thread.
class CallStoreWriter final : public calls::Sink {
 public:
  // Creates or migrates. A file that is no database, is newer than this program or cannot be written: an error that
  // says what to do. Mode 0600.
  static Result<std::unique_ptr<CallStoreWriter>> open(const std::string& path);
  ~CallStoreWriter() override;
  Result<void> write(const std::vector<calls::CallRecord>& batch) override;

 private:
  struct State;
  explicit CallStoreWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct CallFilter {
  std::optional<std::string> model, operation, outcome, access_key, text;
  std::optional<int> status;
  std::optional<WallTime> since, until;
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
  // Read only; works while a proxy writes and while none does. not_found if there is no file.
  static Result<std::unique_ptr<CallStoreReader>> open(const std::string& path);
  ~CallStoreReader();
  Result<std::vector<CallSummary>> list(const CallFilter& filter) const;        // newest first
  Result<std::vector<std::string>> list_json(const CallFilter& filter) const;   // whole records, newest first
  Result<std::string> find_json(const std::string& id_or_unique_prefix) const;  // the whole record

 private:
  struct State;
  explicit CallStoreReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::store
