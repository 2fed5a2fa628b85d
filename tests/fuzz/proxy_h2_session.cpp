// Drives an HTTP/2 session with a script of events read out of the input. Never lets it ask for what a driver could not
// do, keep a connection after its end, hold what nothing will let go, or finish a tap twice; what goes upstream is
// judged by a second reader of RFC 9113.
//
// The first octet chooses: 1 prior knowledge instead of a direct connection, 2 octets come one by one, 4 responses wait
// for their records, 8 there is more held in all than should be at every second event. Then come events, one a letter:
// `c` and `u` with two octets of length and as many octets that the client or the newest leg sends, and the rest
// without arguments; see `play`.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../flow/hello.h"
#include "../flow/recorded_effects.h"
#include "../flow/witness.h"
#include "h2_dialogue_judge.h"
#include "invariant.h"
#include "proxy/session.h"

using namespace borehole;
using namespace borehole::proxy;
using namespace borehole::proxy::test;

namespace {

constexpr const char* host = "bedrock-runtime.us-east-1.amazonaws.com";
constexpr Bytes preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::shared_ptr<const Policy> policy() {
  static const auto made = [] {
    config::Config config;
    config.limits.head_bytes = 4096;
    config.limits.h2_streams = 8;
    config.routers.push_back({"/", "", std::nullopt, {}});
    config.routers.push_back({"/s/", "https", config::HostPort{host, 443}, {}});
    return *Policy::make(std::make_shared<const config::Config>(std::move(config)));
  }();
  return made;
}

const calls::UpstreamFacts& h2_facts() {
  static const calls::UpstreamFacts known{"192.0.2.7:443", false, "TLSv1.3", "h2", {}, {}};
  return known;
}

class Play {
 public:
  explicit Play(unsigned choice)
      : by_prior_knowledge_((choice & 1U) != 0), octet_by_octet_((choice & 2U) != 0), crowds_((choice & 8U) != 0) {
    SessionContext context;
    context.policy = policy();
    context.taps = &witness_;
    context.strict_records = (choice & 4U) != 0;
    context.pages = &pages_;
    context.local_ip = "127.0.0.1";
    context.local_port = 5380;
    session_.emplace(std::move(context), world_);
    session_->started(now_);
    if (by_prior_knowledge_) {
      session_->received(Side::client, preface, now_);
    } else {
      session_->received(Side::client, client_hello(host, {"h2"}), now_);
      world_.negotiating = false;
      world_.legs[1].there = true;
      session_->negotiated("h2", h2_facts(), now_);
      session_->received(Side::client, preface, now_);
    }
    check();
  }

  void run(Bytes script) {
    while (!script.empty() && !session_->over()) {
      const char event = script.front();
      script.remove_prefix(1);
      one(event, script);
      world_.is_crowded = crowds_ && !world_.is_crowded;  // from one event to the next
    }
    if (!session_->over()) session_->cut(now_);
    check();
    for (const auto& seen : witness_.seen) demand(seen->outcome.has_value(), "every call has its record");
    std::vector<std::string> legs;
    for (const auto& [id, sent] : world_.sent_on_legs) legs.push_back(sent);
    H2DialogueJudge({"/s/", host, by_prior_knowledge_}).judge(said_, legs);
  }

 private:
  void one(char event, Bytes& script) {
    switch (event) {
      case 'c': return say(0, octets(script));
      case 'u': return say(newest(true), octets(script));
      case 'o': return open();
      case 'f': return fail();
      case 'g': return go();
      case 'C': congested_ = !congested_; return mark();
      case 'L': return mark_leg();
      case 'e': session_->ended(Side::client, now_); return check();
      case 't': return time_passes();
      case 'r': return settle_records(true);
      case 'R': return settle_records(false);
      case 's': session_->shut_down(now_); return check();
      default: return;
    }
  }

  static std::string octets(Bytes& script) {
    if (script.size() < 2) return {};
    const auto size =
        static_cast<std::size_t>(static_cast<unsigned char>(script[0])) << 8U | static_cast<unsigned char>(script[1]);
    std::string text(script.substr(2, size));
    script.remove_prefix(2 + text.size());
    return text;
  }

  LegId newest(bool there) const {
    LegId found = 0;
    for (const auto& [id, leg] : world_.legs) {
      if (leg.there == there) found = id;
    }
    return found;
  }

  // Of leg 0, the client says it.
  void say(LegId leg, Bytes text) {
    const bool from_leg = leg != 0;
    while (!text.empty() && !session_->over()) {
      if (from_leg && !world_.legs.contains(leg)) return;
      const Bytes piece = text.substr(0, octet_by_octet_ ? 1 : text.size());
      text.remove_prefix(piece.size());
      if (!from_leg) said_ += piece;
      from_leg ? session_->leg_received(leg, piece, now_) : session_->received(Side::client, piece, now_);
      check();
    }
  }

  void open() {
    const LegId leg = newest(false);
    if (leg == 0) return;
    world_.legs[leg].there = true;
    session_->leg_opened(leg, h2_facts(), now_);
    check();
  }

  void fail() {
    const LegId leg = newest(false);
    if (leg == 0) return;
    session_->leg_failed(leg, {ErrorCode::connect_failed, Fault::upstream, "nobody listens"}, now_);
    check();
  }

  void go() {
    const LegId leg = newest(true);
    if (leg == 0) return;
    session_->leg_gone(leg, {ErrorCode::upstream_closed, Fault::upstream, "it closed"}, now_);
    check();
  }

  // What became of the records whose calls are over.
  void settle_records(bool on_disk) {
    while (!session_->over() && !world_.ended_records.empty()) {
      const RecordNumber number = world_.ended_records.front();
      world_.ended_records.erase(world_.ended_records.begin());
      session_->recorded(number, on_disk, now_);
      check();
    }
  }

  void mark() {
    congested_ ? session_->congested(Side::client, now_) : session_->drained(Side::client, now_);
    check();
  }

  void mark_leg() {
    const LegId leg = newest(true);
    if (leg == 0) return;
    session_->leg_congested(leg, now_);
    if (!session_->over()) session_->leg_drained(leg, now_);
    check();
  }

  void time_passes() {
    if (!world_.armed) return;
    now_ = *world_.armed;
    world_.armed.reset();
    session_->timed_out(now_);
    check();
  }

  void check() {
    demand(world_.broken_rule.empty(), world_.broken_rule.c_str());
    const std::string order = witness_.broken_rule();
    demand(order.empty(), order.c_str());
    demand(session_->over() == world_.finished, "a session is over where its client is let go");
    if (session_->over()) {
      demand(!world_.armed, "no timer is left");
      demand(world_.legs.empty(), "no leg is left");
      return;
    }
    demand(world_.armed.has_value() || all_are_tunnels(), "there is always something that ends waiting");
    if (!congested_) {
      for (const auto& [id, leg] : world_.legs) demand(!leg.held, "no leg is held for a client that reads");
    }
  }

  // Those of RFC 8441, accepted: like behind a 101, both sides may be silent for as long as they like; the client also
  // when the upstream has ended its half, and the call has its record.
  bool all_are_tunnels() const {
    bool any = false;
    for (const auto& seen : witness_.seen) {
      const bool tunnel = !seen->start.protocol.empty() && seen->response_heads.find("HTTP/1.1 2") != std::string::npos;
      const bool half_closed = seen->outcome == calls::Outcome::complete && !seen->request_complete;
      if (!seen->outcome && !tunnel) return false;
      any = any || (tunnel && (!seen->outcome || half_closed));
    }
    return any;
  }

  OwnPages pages_{"root", "der", "bundle", "ab"};
  RecordedEffects world_;
  Witness witness_;
  TimePoint now_{std::chrono::hours(1)};
  std::optional<Session> session_;
  std::string said_{preface};  // by the client
  bool by_prior_knowledge_;
  bool octet_by_octet_;
  bool crowds_;
  bool congested_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes script(reinterpret_cast<const char*>(data) + 1, size - 1);
  Play(data[0]).run(script);
  if (size < 4096) Play(data[0] ^ 2U).run(script);
  return 0;
}
