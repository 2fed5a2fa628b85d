// What `borehole calls …` was asked for, and the store it is about. Prints what is wrong; never reads a call.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/command_line.h"
#include "base/error.h"
#include "config/config.h"
#include "export/format.h"
#include "store/call_store.h"

namespace CLI {
class App;
}

namespace borehole::app {

struct CallsOptions {
  std::shared_ptr<const config::Config> config;  // loaded before a sub-command runs
  store::CallFilter filter;                      // all but the limit
  std::optional<std::size_t> limit;
  bool json = false;
  bool attempts = false;                                // list: each call, not each invocation
  std::string id;                                       // show, explain; export: empty: what the filters let through
  std::string raw_body;                                 // show: "request", "response" or empty
  store::GroupBy group_by = store::GroupBy::model;      // stats
  std::string out;                                      // export: a file; empty: stdout
  exporting::Format format = exporting::Format::jsonl;  // export
  std::optional<bool> tokens;                           // tail; nullopt: on a terminal
  std::optional<std::chrono::microseconds> older_than;  // prune
  bool all = false, dry_run = false, yes = false;       // prune

  // Whether any filter is set.
  bool filtered() const noexcept;
};

// --model and its like.
void add_filters(CLI::App& command, CallsOptions& options);

// Loads the configuration, and takes `--key NAME` for the keys that it gives this name. False after what is wrong was
// printed.
bool load(const CommandLine& line, CallsOptions& options);

// The file that `record.store` names. None after the reason was printed; then `status` is the exit status.
std::optional<std::string> store_path(const CallsOptions& options, int& status);
std::unique_ptr<store::CallStoreReader> open_store(const CallsOptions& options, int& status);

// The name that the configuration gives a key; empty: none.
std::string alias_of(const CallsOptions& options, const std::string& key);
// "ci (AKIAONE)", or the key.
std::string named_key(const CallsOptions& options, const std::string& key);

// Prints the error's sentence; the exit status.
int failed(const Error& error);
// The same for so many records that could not be read while the others were.
int failed_records(std::uint64_t damaged);
// Says how many records could not be looked through for `--text`, if some could not; `status` else.
int told_of_unreadable(std::uint64_t unreadable, int status);

// How a call gets into the store, as the end of a sentence.
inline constexpr const char* how_to_send =
    "send one with `borehole run -- COMMAND`, or through a proxy that runs with the variables that `borehole env` "
    "prints";

// The sub-commands. What they print goes to stdout; the result is the exit status.
int calls_list(const CallsOptions& options);
int calls_explain(const CallsOptions& options);
int calls_show(const CallsOptions& options);
int calls_tail(const CallsOptions& options);
int calls_stats(const CallsOptions& options);
int calls_export(const CallsOptions& options);
int calls_prune(const CallsOptions& options);

}  // namespace borehole::app
