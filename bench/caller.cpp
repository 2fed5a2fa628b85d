#include "caller.h"

#include <fmt/format.h>

#include <utility>

#include "event.h"

namespace borehole::bench {

namespace {

TimePoint now() { return std::chrono::steady_clock::now(); }

}  // namespace

Caller::Caller(const Plan& plan, Tally& tally, Told told, std::unique_ptr<net::TcpSocket> socket,
               std::unique_ptr<tls::Engine> engine, TimePoint since)
    : plan_(plan),
      tally_(tally),
      told_(std::move(told)),
      since_(since),
      channel_(std::move(socket), std::move(engine), *this) {}

void Caller::send(const std::string& request) {
  busy_ = true;
  since_ = now();
  octets_ = 0;
  event_.clear();
  reader_.expect_response_to(plan_.method);
  channel_.send(request);
  channel_.flush();
}

void Caller::on_open() noexcept {
  tally_.handshakes.add(now() - since_);
  told_.open(*this);
}

void Caller::on_plaintext(Bytes bytes) noexcept {
  while (!over_) {
    auto progress = reader_.feed(bytes);
    if (!progress) return give_up(progress.error().detail);
    bytes.remove_prefix(progress->consumed);
    for (const Bytes content : reader_.content()) take(content);
    if (progress->step == http::MessageReader::Step::complete) {
      answered();
    } else if (progress->step == http::MessageReader::Step::head) {
      continue;
    }
    if (bytes.empty()) return;
  }
}

void Caller::take(Bytes content) {
  octets_ += content.size();
  if (!plan_.events) return;
  event_ += content;
  while (event_.size() >= event_octets) {
    if (const auto sent = sent_at(event_)) tally_.delays.add(now() - *sent);
    event_.erase(0, event_octets);
  }
}

void Caller::answered() {
  const TimePoint at = now();
  const int status = reader_.response_head().status();
  busy_ = false;
  const bool whole = plan_.events ? octets_ % event_octets == 0 && octets_ > 0 : octets_ == plan_.body_octets;
  if (status == 200 && whole) {
    ++tally_.done;
    tally_.waits.add(at - since_);
  } else {
    tally_.failure(fmt::format("status {}, {} octets", status, octets_));
  }
  if (!reader_.keep_alive()) return give_up("the answer ends the connection");
  told_.answered(*this);
}

void Caller::give_up(const std::string& why) {
  if (over_) return;
  over_ = true;
  busy_ = false;
  tally_.failure(why);
  told_.over(*this);
}

}  // namespace borehole::bench
