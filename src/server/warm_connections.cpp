#include "server/warm_connections.h"

#include <algorithm>
#include <new>
#include <utility>

namespace borehole::server {

class WarmConnections::Opening final : public AcquisitionObserver, public Mortal<Opening> {
 public:
  Opening(WarmConnections& owner, const proxy::UpstreamTarget& target)
      : owner_(owner), acquisition_(owner.world_, target, true, *this) {}

  const proxy::UpstreamTarget& target() const noexcept { return acquisition_.target(); }
  void cancel() noexcept { acquisition_.cancel(); }

  void on_tcp_open() noexcept override {}
  void on_ready(std::unique_ptr<UpstreamConnection> connection) noexcept override {
    owner_.opened(*this, std::move(connection));
  }
  void on_acquisition_failed(const Error&) noexcept override { owner_.failed(*this); }

 private:
  WarmConnections& owner_;
  Acquisition acquisition_;
};

WarmConnections::WarmConnections(const UpstreamWorld& world, UpstreamPool& pool, Options options)
    : world_(world),
      pool_(pool),
      options_(options),
      look_(world.loop, [this] { top_up(); }),
      burial_(world.loop, [this] { done_.clear(); }) {}

WarmConnections::~WarmConnections() { stop(); }

void WarmConnections::called(const proxy::UpstreamTarget& target) noexcept {
  if (stopped_) return;
  const TimePoint now = world_.loop.now();
  const auto known = std::find_if(upstreams_.begin(), upstreams_.end(),
                                  [&](const Upstream& upstream) { return upstream.target == target; });
  if (known != upstreams_.end()) {
    upstreams_.splice(upstreams_.begin(), upstreams_, known);
    known->called = now;
  } else {
    try {
      upstreams_.push_front({target, now, now});
    } catch (const std::bad_alloc&) {
      return;
    }
    if (upstreams_.size() > max_upstreams) upstreams_.pop_back();
  }
  if (at_once_ || missing(upstreams_.front()) == 0) return;
  at_once_ = true;
  look_.start(Duration::zero());
}

void WarmConnections::stop() noexcept {
  stopped_ = true;
  look_.stop();
  upstreams_.clear();
  for (const auto& opening : openings_) opening->cancel();
  while (!openings_.empty()) over(*openings_.front());
}

std::size_t WarmConnections::missing(const Upstream& upstream) const {
  if (world_.loop.now() < upstream.not_before) return 0;
  const auto under_way = std::count_if(openings_.begin(), openings_.end(),
                                       [&](const auto& opening) { return opening->target() == upstream.target; });
  const std::size_t there = pool_.count(upstream.target) + static_cast<std::size_t>(under_way);
  return options_.per_upstream - std::min(options_.per_upstream, there);
}

void WarmConnections::top_up() {
  at_once_ = false;
  const TimePoint now = world_.loop.now();
  while (!upstreams_.empty() && now - upstreams_.back().called >= options_.lately) upstreams_.pop_back();
  try {
    for (const Upstream& upstream : upstreams_) {
      for (std::size_t left = missing(upstream); left > 0; --left) {
        const bool scarce = options_.descriptors != nullptr && options_.descriptors->scarce();
        if (scarce || pool_.size() + openings_.size() >= options_.max_idle) break;
        open(upstream.target);
      }
    }
  } catch (const std::bad_alloc&) {  // there may be some when it looks again
  }
  if (!upstreams_.empty()) look_.start(options_.look_again);
}

void WarmConnections::open(const proxy::UpstreamTarget& target) {
  std::list<std::unique_ptr<Opening>> one;
  one.push_back(std::make_unique<Opening>(*this, target));
  openings_.splice(openings_.end(), one);
}

void WarmConnections::opened(Opening& opening, std::unique_ptr<UpstreamConnection> connection) noexcept {
  over(opening);
  connection->mark_found_open();
  pool_.put(std::move(connection));
}

void WarmConnections::failed(Opening& opening) noexcept {
  const auto upstream = std::find_if(upstreams_.begin(), upstreams_.end(),
                                     [&](const Upstream& one) { return one.target == opening.target(); });
  if (upstream != upstreams_.end()) upstream->not_before = world_.loop.now() + options_.after_a_failure;
  over(opening);
}

// It may be on the stack.
void WarmConnections::over(Opening& opening) noexcept {
  const auto found =
      std::find_if(openings_.begin(), openings_.end(), [&](const auto& one) { return one.get() == &opening; });
  done_.bury(std::move(*found));
  openings_.erase(found);
  burial_.start(Duration::zero());
}

}  // namespace borehole::server
