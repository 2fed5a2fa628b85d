#include "app/call_follower.h"

#include <algorithm>
#include <utility>

namespace borehole::app {

namespace {

constexpr std::size_t most_at_once = 256;
constexpr std::size_t most_known = 4096;

}  // namespace

CallFollower::CallFollower(std::string path, store::CallFilter filter, WallTime now)
    : path_(std::move(path)), filter_(std::move(filter)), begin_(now) {
  filter_.limit = most_at_once;
}

Result<std::vector<store::ReadCall>> CallFollower::look(std::size_t first) {
  std::vector<store::ReadCall> calls;
  if (reader_ && replaced()) {  // another file has the name now: all of it is new
    reader_.reset();
    last_ = {};
  }
  if (!reader_) {
    auto opened = open(looked_ ? 0 : first, calls);
    if (!opened) return unexpected(std::move(opened).error());
    looked_ = true;
    if (!reader_) return calls;
  }
  const auto version = reader_->version();
  if (!version) return unexpected(version.error());
  if (*version != version_) {
    version_ = *version;
    auto read = read_on(calls);
    if (!read) return unexpected(std::move(read).error());
  }
  return calls;
}

Result<void> CallFollower::open(std::size_t first, std::vector<store::ReadCall>& calls) {
  auto reader = store::CallStoreReader::open(path_);
  if (!reader) {
    if (reader.error().code == ErrorCode::not_found) return {};
    return unexpected(std::move(reader).error());
  }
  if (stat(path_.c_str(), &file_) != 0) return {};
  if (!looked_) {
    auto newest = (*reader)->newest();
    if (!newest) return unexpected(std::move(newest).error());
    last_ = *std::move(newest);
    store::CallFilter last_few = filter_;
    last_few.limit = first;
    auto done = (*reader)->each(last_few, store::CallOrder::newest_first, [&](store::ReadCall call) {
      give(calls, std::move(call));
      return true;
    });
    if (!done) return done;
    std::reverse(calls.begin(), calls.end());
  }
  reader_ = *std::move(reader);
  version_ = -1;  // read on at once
  return {};
}

Result<void> CallFollower::read_on(std::vector<store::ReadCall>& calls) {
  // Numbers come again after the newest calls were taken away: then what started since the beginning is looked through.
  store::CallFilter filter = filter_;
  if (!last_.id.empty()) {
    const auto there = reader_->holds(last_.seq, last_.id);
    if (!there) return unexpected(there.error());
    if (!*there) {
      last_ = {};
      filter.since = std::max(filter.since.value_or(begin_), begin_);
    }
  }
  auto newest = reader_->newest();
  if (!newest) return unexpected(std::move(newest).error());
  for (std::int64_t from = last_.seq;;) {
    auto written = reader_->written_after(from, filter);
    if (!written) return unexpected(std::move(written).error());
    const bool more = written->size() >= most_at_once;
    for (store::ReadCall& call : *written) {
      from = call.summary.seq;
      if (known_.count(call.summary.id) == 0) give(calls, std::move(call));
    }
    if (!more) break;
  }
  last_ = *std::move(newest);
  return {};
}

bool CallFollower::replaced() const {
  struct stat now {};
  return stat(path_.c_str(), &now) != 0 || now.st_ino != file_.st_ino || now.st_dev != file_.st_dev;
}

void CallFollower::give(std::vector<store::ReadCall>& calls, store::ReadCall call) {
  known_.insert(call.summary.id);
  given_.push_back(call.summary.id);
  if (given_.size() > most_known) {
    known_.erase(given_.front());
    given_.pop_front();
  }
  calls.push_back(std::move(call));
}

}  // namespace borehole::app
