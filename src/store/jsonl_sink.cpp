#include "store/jsonl_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "calls/record_json.h"
#include "store/output.h"
#include "store/private_file.h"

namespace borehole::store {

namespace {

constexpr off_t longest_line = off_t{256} << 20;  // that is looked at, where a file ends inside one
constexpr std::string_view record_begins = "{\"id\":\"";

// Of one that is whole or cut at its end.
bool whole_object(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1 == text.size();
    }
  }
  return false;
}

class JsonlFile final : public calls::Sink {
 public:
  JsonlFile(JsonlOptions options, std::shared_ptr<JsonlCounters> counters)
      : options_(std::move(options)), counters_(counters ? std::move(counters) : std::make_shared<JsonlCounters>()) {}
  ~JsonlFile() override { shut(); }
  JsonlFile(const JsonlFile&) = delete;
  JsonlFile& operator=(const JsonlFile&) = delete;

  Result<void> write(const std::vector<calls::CallRecord>& batch) override {
    if (auto ready = reopen_if_moved(); !ready) return ready;
    std::string lines;
    for (const calls::CallRecord& record : batch) {
      const std::size_t before = lines.size();
      lines += calls::to_json(record);
      lines += '\n';
      if (!too_large(before, lines.size())) continue;
      const std::string next = lines.substr(before);
      lines.resize(before);
      if (auto done = append(std::exchange(lines, next)); !done) return done;
      if (auto done = rotate(); !done) return done;
    }
    return append(lines);
  }

  Result<void> open_file() {
    auto file = open_private_file(path(), O_RDWR | O_APPEND, "the file of records");
    if (!file) return unexpected(file.error());
    shut();
    file_ = *file;
    mend_end();
    return {};
  }

 private:
  const std::string& path() const noexcept { return options_.path; }

  Result<void> reopen_if_moved() {
    struct stat ours {
    }, named{};
    if (file_ >= 0 && fstat(file_, &ours) == 0 && stat(path().c_str(), &named) == 0 && ours.st_dev == named.st_dev &&
        ours.st_ino == named.st_ino) {
      return {};
    }
    return open_file();
  }

  Result<void> append(std::string_view lines) {
    if (lines.empty()) return {};
    std::size_t written = 0;
    Result<void> done = torn_ ? write_all(file_, "\n", written) : Result<void>();
    if (done) torn_ = false;
    written = 0;
    const off_t before = size();
    if (done) done = write_all(file_, lines, written);
    if (!done) {
      done.error().detail = fmt::format("cannot write {}: {}", path(), done.error().detail);
      if (written > 0) take_back(before, written);
    }
    return done;
  }

  // The disk is full, say: the lines that were begun are taken back, unless somebody else has written behind them.
  void take_back(off_t before, std::size_t written) {
    const bool only_ours = before >= 0 && size() == before + static_cast<off_t>(written);
    torn_ = !(only_ours && ftruncate(file_, before) == 0) || torn_;
  }

  // --- its size

  // With `more`, where `held` of it are there already; a file that holds nothing yet takes any line.
  bool too_large(std::size_t held, std::size_t more) const {
    if (options_.max_bytes == 0) return false;
    const auto now = static_cast<std::uint64_t>(std::max<off_t>(size(), 0));
    return now + held > 0 && now + more > options_.max_bytes;
  }

  std::string numbered(int n) const { return n == 0 ? path() : fmt::format("{}.{}", path(), n); }

  // Where a name cannot be changed the file stays and grows: no record is lost for it.
  Result<void> rotate() {
    for (int n = options_.files; n > 0; --n) {
      const std::string from = numbered(n - 1);
      if (std::rename(from.c_str(), numbered(n).c_str()) == 0 || errno == ENOENT) continue;
      if (!std::exchange(stuck_, true))
        log::warn("cannot rename {}, so it grows beyond record.jsonl_max_bytes: {}", from, std::strerror(errno));
      return {};
    }
    stuck_ = false;
    counters_->rotations.fetch_add(1, std::memory_order_relaxed);
    return open_file();
  }

  // --- its end

  // A program was stopped while it wrote, say.
  void mend_end() {
    torn_ = false;
    const off_t end = size();
    char last = '\n';
    if (end <= 0 || pread(file_, &last, 1, end - 1) != 1 || last == '\n') return;
    torn_ = true;
    counters_->torn.fetch_add(1, std::memory_order_relaxed);
    const off_t begin = line_before(end);
    std::string line(static_cast<std::size_t>(std::min(end - begin, longest_line)), '\0');
    const ssize_t got = pread(file_, line.data(), line.size(), begin);
    const bool read = got == end - begin;
    if (!read || !line.starts_with(record_begins) || whole_object(line) || ftruncate(file_, begin) != 0) {
      log::warn("{} ended inside a line, as when a program is killed while it writes; the line was ended there",
                path());
      return;
    }
    torn_ = false;
    log::warn("{} ended inside a record, as when borehole is killed while it writes; its {} octets were taken away",
              path(), got);
  }

  // Where the line begins that ends at `end`.
  off_t line_before(off_t end) const {
    std::string piece;
    for (off_t at = end; at > 0 && end - at < longest_line;) {
      const off_t from = std::max<off_t>(0, at - 65536);
      piece.resize(static_cast<std::size_t>(at - from));
      if (pread(file_, piece.data(), piece.size(), from) != at - from) return end;
      if (const auto found = piece.rfind('\n'); found != std::string::npos) return from + static_cast<off_t>(found) + 1;
      at = from;
    }
    return 0;
  }

  off_t size() const {
    struct stat now {};
    return fstat(file_, &now) == 0 && S_ISREG(now.st_mode) ? now.st_size : -1;
  }

  void shut() {
    if (file_ >= 0) close(file_);
    file_ = -1;
  }

  const JsonlOptions options_;
  const std::shared_ptr<JsonlCounters> counters_;
  int file_ = -1;
  bool torn_ = false;   // the file does not end in a line's end
  bool stuck_ = false;  // it could not be rotated, and that was said
};

class JsonlStdout final : public calls::Sink {
 public:
  Result<void> write(const std::vector<calls::CallRecord>& batch) override {
    std::string lines;
    for (const calls::CallRecord& record : batch) {
      lines += calls::to_json(record);
      lines += '\n';
    }
    return write_stdout(lines);
  }
};

}  // namespace

Result<std::unique_ptr<calls::Sink>> open_jsonl_sink(const JsonlOptions& options,
                                                     std::shared_ptr<JsonlCounters> counters) {
  if (options.path == "-") return std::unique_ptr<calls::Sink>(std::make_unique<JsonlStdout>());
  if (auto made = make_private_folders(options.path); !made) return unexpected(made.error());
  auto file = std::make_unique<JsonlFile>(options, std::move(counters));
  if (auto opened = file->open_file(); !opened) return unexpected(opened.error());
  return std::unique_ptr<calls::Sink>(std::move(file));
}

}  // namespace borehole::store
