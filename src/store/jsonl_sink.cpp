#include "store/jsonl_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "calls/record_json.h"
#include "store/output.h"
#include "store/private_file.h"

namespace borehole::store {

namespace {

class JsonlFile final : public calls::Sink {
 public:
  explicit JsonlFile(std::string path) : path_(std::move(path)) {}
  ~JsonlFile() override { shut(); }
  JsonlFile(const JsonlFile&) = delete;
  JsonlFile& operator=(const JsonlFile&) = delete;

  Result<void> write(const std::vector<calls::CallRecord>& batch) override {
    if (auto ready = reopen_if_moved(); !ready) return ready;
    std::string lines;
    if (torn_) lines += '\n';
    for (const calls::CallRecord& record : batch) {
      lines += calls::to_json(record);
      lines += '\n';
    }
    const off_t before = size();
    std::size_t written = 0;
    auto done = write_all(file_, lines, written);
    if (done) {
      torn_ = false;
    } else {
      done.error().detail = fmt::format("cannot write {}: {}", path_, done.error().detail);
      if (written > 0) take_back(before, written);
    }
    return done;
  }

  Result<void> open_file() {
    auto file = open_private_file(path_, O_RDWR | O_APPEND, "the file of records");
    if (!file) return unexpected(file.error());
    shut();
    file_ = *file;
    char last = '\n';
    const off_t end = size();
    if (end > 0 && pread(file_, &last, 1, end - 1) != 1) last = '\n';
    torn_ = last != '\n';  // a program was stopped while it wrote
    return {};
  }

 private:
  Result<void> reopen_if_moved() {
    struct stat ours {
    }, named{};
    if (file_ >= 0 && fstat(file_, &ours) == 0 && stat(path_.c_str(), &named) == 0 && ours.st_dev == named.st_dev &&
        ours.st_ino == named.st_ino) {
      return {};
    }
    return open_file();
  }

  // The disk is full, say: the lines that were begun are taken back, unless somebody else has written behind them.
  void take_back(off_t before, std::size_t written) {
    const bool only_ours = before >= 0 && size() == before + static_cast<off_t>(written);
    torn_ = !(only_ours && ftruncate(file_, before) == 0) || torn_;
  }

  off_t size() const {
    struct stat now {};
    return fstat(file_, &now) == 0 && S_ISREG(now.st_mode) ? now.st_size : -1;
  }

  void shut() {
    if (file_ >= 0) close(file_);
    file_ = -1;
  }

  std::string path_;
  int file_ = -1;
  bool torn_ = false;  // the file does not end in a line's end
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

Result<std::unique_ptr<calls::Sink>> open_jsonl_sink(const std::string& path) {
  if (path == "-") return std::unique_ptr<calls::Sink>(std::make_unique<JsonlStdout>());
  if (auto made = make_private_folders(path); !made) return unexpected(made.error());
  auto file = std::make_unique<JsonlFile>(path);
  if (auto opened = file->open_file(); !opened) return unexpected(opened.error());
  return std::unique_ptr<calls::Sink>(std::move(file));
}

}  // namespace borehole::store
