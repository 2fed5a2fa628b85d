// `borehole calls export`.
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <limits>
#include <string>

#include "app/calls_options.h"
#include "app/interruption.h"
#include "app/line_output.h"
#include "app/record_output.h"

namespace borehole::app {

namespace {

int cannot(const std::string& what, const std::string& path) {
  std::cerr << fmt::format("borehole: cannot {} {}: {}; name another file with --out\n", what, path,
                           std::strerror(errno));
  return 1;
}

// What was asked for to `out`; the exit status.
int write_calls(const store::CallStoreReader& reader, const CallsOptions& options, LineOutput& out) {
  if (!options.id.empty()) {
    const auto json = find_record(reader, options.id);
    return json ? write_record(*json, options.format, out) : failed(json.error());
  }
  store::CallFilter filter = options.filter;
  filter.limit = options.limit.value_or(std::numeric_limits<std::size_t>::max());
  return write_records(reader, filter, store::CallOrder::oldest_first, options.format, out);
}

// Beside the file, which takes its place when all is on disk; of mode 0600 as mkstemp makes it.
int write_file(const store::CallStoreReader& reader, const CallsOptions& options) {
  struct stat there {};
  if (stat(options.out.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    std::cerr << fmt::format("borehole: {} is no file; write to stdout instead, and lead that there\n", options.out);
    return 1;
  }
  std::string beside = options.out + ".XXXXXX";
  const int file = mkostemp(beside.data(), O_CLOEXEC);
  if (file < 0) return cannot("make", options.out);
  const Interruption interruption;
  LineOutput out(file, beside);
  int status = write_calls(reader, options, out);
  const bool whole = !out.failed() && !Interruption::requested();
  if (whole && fsync(file) != 0) status = cannot("write", beside);
  if (close(file) != 0 && status == 0) status = cannot("write", beside);
  if (Interruption::requested()) {
    std::cerr << fmt::format("borehole: interrupted; {} is as it was\n", options.out);
    status = 1;
  } else if (whole && std::rename(beside.c_str(), options.out.c_str()) == 0) {
    return status;
  } else if (whole) {
    status = cannot("replace", options.out);
  }
  (void)unlink(beside.c_str());
  return status;
}

}  // namespace

int calls_export(const CallsOptions& options) {
  if (!options.id.empty() && (options.filtered() || options.limit)) {
    std::cerr << "borehole: an id already says which call is meant; leave it or the filters out\n";
    return 2;
  }
  if (options.json && options.format != exporting::Format::jsonl) {
    std::cerr << "borehole: --json is --format jsonl; leave one of them out\n";
    return 2;
  }
  int status = 0;
  const auto reader = open_store(options, status);
  if (!reader) return status;
  if (!options.out.empty()) return write_file(*reader, options);
  LineOutput out(STDOUT_FILENO, "stdout");
  const Interruption interruption;
  return write_calls(*reader, options, out);
}

}  // namespace borehole::app
