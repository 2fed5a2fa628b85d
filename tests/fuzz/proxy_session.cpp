// Fuzzes the session: a dialogue of events read out of the input, played whole and octet by octet, and judged by a
// second reading of what went either way. Never lets it ask for what a driver could not do, lease twice for one head,
// keep a hold, forward other octets for other pieces, or others than were received.
//
// The first octet chooses how leases are met, whether a tap looks, whether a firewall rule led the client here and
// whether responses wait for their records. Then come events, one a letter: `c` and `u` with two octets of length and
// as many octets that the client or the upstream sends, `h` with one octet (what a ClientHello offers), and the rest
// without arguments; see `play`.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "../flow/hello.h"
#include "../flow/recorded_effects.h"
#include "../flow/witness.h"
#include "dialogue_judge.h"
#include "invariant.h"
#include "proxy/session.h"
#include "tls/client_hello.h"

using namespace borehole;
using namespace borehole::proxy;
using namespace borehole::proxy::test;

namespace {

std::shared_ptr<const Policy> policy() {
  static const auto made = [] {
    config::Config config;
    config.routers.push_back({"/", "", std::nullopt, {}});
    config.routers.push_back({"/s/", "https", config::HostPort{"bedrock-runtime.us-east-1.amazonaws.com", 443}, {}});
    return *Policy::make(std::make_shared<const config::Config>(std::move(config)));
  }();
  return made;
}

struct Outcome {
  std::string to_client, to_upstream, leases;
  bool over = false, clean = false;
  bool strayed = false;  // an upstream beside its responses, somebody from RFC 9113, or what begins TLS
  bool waited = false;   // time passed
};

class Play {
 public:
  Play(unsigned choice, bool octet_by_octet) : octet_by_octet_(octet_by_octet), late_((choice & 4U) != 0) {
    world_.pooled = (choice & 1U) != 0;
    SessionContext context;
    context.policy = policy();
    if ((choice & 2U) != 0) context.taps = &witness_;
    context.strict_records = (choice & 16U) != 0;
    context.pages = &pages_;
    if ((choice & 8U) != 0) context.meant_for = http::Authority{"198.51.100.7", 443, true, true};
    context.local_ip = "127.0.0.1";
    context.local_port = 5380;
    session_.emplace(std::move(context), world_);
    session_->started(now_);
    check();
  }

  Outcome run(Bytes script) {
    while (!script.empty() && !session_->over()) {
      const char event = script.front();
      script.remove_prefix(1);
      one(event, script);
      if (!late_) meet();
    }
    settle_records(true);
    const bool straight =
        DialogueJudge(std::vector<rfc9112::Gateway>{{"/s/", "bedrock-runtime.us-east-1.amazonaws.com"}})
            .judge(client_said_, client_streams_, world_.carried, world_.to_client);
    return {world_.to_client, world_.to_upstream,
            world_.leases,    session_->over(),
            world_.clean,     !straight || tls_strayed_ || world_.notices.contains(Notice::h2_malformed),
            waited_};
  }

 private:
  void one(char event, Bytes& script) {
    switch (event) {
      case 'c': return say(Side::client, octets(script));
      case 'u': return say(Side::upstream, octets(script));
      case 'h': return hello(script);
      case 'l': return meet();
      case 'r': return settle_records(true);
      case 'R': return settle_records(false);
      case 'f': return fail();
      case 'C': return mark(Side::client);
      case 'U': return mark(Side::upstream);
      case 'e': return end(Side::client);
      case 'E': return end(Side::upstream);
      case 'b': return shatter(Side::client);
      case 'B': return shatter(Side::upstream);
      case 't': return time_passes();
      case 's': session_->shut_down(now_); return check();
      default: return;
    }
  }

  bool open(Side side) const { return side == Side::client ? !client_ended_ : world_.there && !upstream_ended(); }
  bool upstream_ended() const { return upstream_ended_at_ == world_.leases.size() && upstream_ended_at_ > 0; }

  static std::string octets(Bytes& script) {
    if (script.size() < 2) return {};
    const auto size =
        static_cast<std::size_t>(static_cast<unsigned char>(script[0])) << 8U | static_cast<unsigned char>(script[1]);
    std::string text(script.substr(2, size));
    script.remove_prefix(2 + text.size());
    return text;
  }

  void say(Side side, Bytes text) {
    while (!text.empty() && !session_->over() && open(side)) {
      const std::string piece(text.substr(0, octet_by_octet_ ? 1 : text.size()));
      text.remove_prefix(piece.size());
      if (side == Side::client) {
        client_said_ += piece;
        client_streams_.back() += piece;
      } else {
        world_.carried.back().received += piece;
      }
      session_->received(side, piece, now_);
      check();
      if (!late_) meet();
    }
  }

  void hello(Bytes& script) {
    const unsigned choice = script.empty() ? 0 : static_cast<unsigned char>(script.front());
    if (!script.empty()) script.remove_prefix(1);
    const std::string name = (choice & 1U) != 0   ? "bedrock-runtime.us-east-1.amazonaws.com"
                             : (choice & 2U) != 0 ? "example.com"
                                                  : "";
    say(Side::client, client_hello(name, {(choice & 4U) != 0 ? "h2" : "http/1.1"}));
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

  // What was asked for is there.
  void meet() {
    while (!session_->over() && (world_.reaching || world_.coming)) {
      if (world_.reaching) {
        world_.reaching = false;
        session_->reached(now_);
      } else {
        world_.leased();
        session_->leased(facts(), now_);
      }
      check();
    }
    settle_records(true);
  }

  void fail() {
    if (!world_.reaching && !world_.coming) return;
    world_.failed();
    session_->connect_failed({ErrorCode::connect_failed, Fault::upstream, "nobody listens"}, now_);
    check();
  }

  void mark(Side side) {
    bool& over_mark = side == Side::client ? client_over_mark_ : upstream_over_mark_;
    if (side == Side::upstream && !world_.there) return;
    over_mark = !over_mark;
    over_mark ? session_->congested(side, now_) : session_->drained(side, now_);
    check();
  }

  void end(Side side) {
    if (!open(side)) return;
    ended(side);
    session_->ended(side, now_);
    check();
  }

  void shatter(Side side) {
    if (side == Side::upstream && !world_.there) return;
    ended(side);
    session_->broken(side, {ErrorCode::connect_failed, Fault::upstream, "reset"}, now_);
    check();
  }

  void ended(Side side) {
    if (side == Side::client) {
      client_ended_ = true;
    } else {
      upstream_ended_at_ = world_.leases.size();
    }
  }

  void time_passes() {
    if (!world_.armed) return;
    waited_ = true;
    now_ = *world_.armed;
    world_.armed.reset();
    session_->timed_out(now_);
    check();
  }

  // What TLS takes is no part of what the client says inside.
  void note_tls() {
    for (; looked_at_ < world_.asked.size(); ++looked_at_) {
      const Asked& asked = world_.asked[looked_at_];
      if (!asked.what.starts_with("open tls")) continue;
      demand(client_streams_.back().ends_with(asked.octets), "TLS gets the last octets that came");
      client_streams_.back().resize(client_streams_.back().size() - asked.octets.size());
      client_streams_.emplace_back();
      tls_strayed_ = tls_strayed_ || !is_hello_alone(asked.octets);
    }
  }

  // What stands behind a ClientHello in one piece with it is TLS's; here, in a piece of its own, it would be what was
  // said inside.
  static bool is_hello_alone(Bytes octets) {
    if (octets.size() < 5 || tls::read_client_hello(octets).status != tls::HelloStatus::complete) return false;
    const auto octet = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(octets[at])}; };
    return octets.size() == 5 + (octet(3) << 8U | octet(4));
  }

  void check() {
    note_tls();
    if (!world_.there) upstream_over_mark_ = false;
    demand(world_.broken_rule.empty(), world_.broken_rule.c_str());
    const std::string order = witness_.broken_rule();
    demand(order.empty(), order.c_str());
    demand(session_->over() == world_.finished, "a session is over where its client is let go");
    if (session_->over()) {
      demand(!world_.armed, "no timer is left");
      return;
    }
    if (!world_.there) {
      demand(
          !world_.client_held || client_over_mark_ || world_.coming || world_.reaching || !world_.ended_records.empty(),
          "no hold outlives its exchange");
    }
  }

  OwnPages pages_{"root", "der", "bundle", "ab"};
  RecordedEffects world_;
  Witness witness_;
  TimePoint now_{std::chrono::hours(1)};
  std::optional<Session> session_;
  std::string client_said_;
  std::vector<std::string> client_streams_{1};
  std::size_t looked_at_ = 0;  // of what was asked
  bool waited_ = false;
  bool tls_strayed_ = false;
  bool octet_by_octet_;
  bool late_;  // what is asked for comes when the input says so
  bool client_ended_ = false;
  bool client_over_mark_ = false;
  bool upstream_over_mark_ = false;
  std::size_t upstream_ended_at_ = 0;
};

bool is_malformed(const Outcome& outcome) {
  return outcome.strayed || outcome.to_client.find("borehole-error: ") != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  const Bytes script(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = Play(choice, false).run(script);
  const Outcome again = Play(choice ^ 2U, false).run(script);
  const bool waits = (choice & 16U) != 0;  // then who looks says when responses end
  demand(waits || (whole.to_client == again.to_client && whole.to_upstream == again.to_upstream &&
                   whole.leases == again.leases && whole.over == again.over && whole.clean == again.clean),
         "a tap changes nothing");
  if (size > 8192) return 0;
  const Outcome split = Play(choice, true).run(script);
  // Where the client or the upstream is malformed, it depends on the pieces how much was passed on before it was seen.
  if (is_malformed(whole) || is_malformed(split) || (whole.over && !whole.clean)) return 0;
  // A body that comes too slowly is given up at its next octet, unless that is its last.
  if (whole.waited && (whole.over || split.over)) return 0;
  if (waits && script.find('R') != Bytes::npos) return 0;  // what had begun by then is cut, else refused
  demand(whole.to_client == split.to_client, "the client gets the same, whatever the pieces");
  demand(whole.leases == split.leases, "the same is leased, whatever the pieces");
  return 0;
}
