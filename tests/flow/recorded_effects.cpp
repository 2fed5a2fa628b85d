#include "recorded_effects.h"

#include <fmt/format.h>

namespace borehole::proxy::test {

std::string_view side_name(Side side) { return side == Side::client ? "client" : "upstream"; }

std::string describe(const UpstreamTarget& target) {
  std::string text = fmt::format("{}:{}", target.host, target.port);
  if (target.tls) text += " tls";
  if (target.tls_name != target.host) text += " as " + target.tls_name;
  if (target.configured) text += " configured";
  return text;
}

const calls::UpstreamFacts& facts() {
  static const calls::UpstreamFacts known{"192.0.2.7:443", false, "TLSv1.3", "http/1.1", {}, {}};
  return known;
}

void RecordedEffects::rule(bool holds, const char* what) {
  if (!holds && broken_rule.empty()) broken_rule = what;
}

void RecordedEffects::write(std::string what, Bytes octets) {
  rule(!finished, "nothing is asked once the session is over");
  if (!octets.empty() && !asked.empty() && asked.back().what == what) {
    asked.back().octets += octets;
  } else {
    asked.push_back({std::move(what), std::string(octets)});
  }
}

void RecordedEffects::send(Side side, Bytes bytes) {
  rule(!bytes.empty(), "an empty send is no send");
  if (side == Side::upstream) {
    rule(there, "octets go upstream on a leased connection only");
    rule(upstream_writable, "nothing is written upstream behind its end");
    to_upstream += bytes;
    if (there) carried.back().sent += bytes;
    write("to upstream", bytes);
  } else {
    rule(client_writable, "nothing is written to the client behind its end");
    to_client += bytes;
    write("to client", bytes);
  }
}

TimePoint RecordedEffects::flush(Side) {
  rule(!finished, "nothing is asked once the session is over");
  return flushed_at;
}

void RecordedEffects::hold(Side side) {
  bool& held = side == Side::client ? client_held : upstream_held;
  rule(!held, "what is held is not held again");
  rule(side == Side::client || there, "only a leased connection is held");
  held = true;
  write(fmt::format("hold {}", side_name(side)));
}

void RecordedEffects::resume(Side side) {
  bool& held = side == Side::client ? client_held : upstream_held;
  rule(held, "only what is held is resumed");
  held = false;
  write(fmt::format("resume {}", side_name(side)));
}

void RecordedEffects::open_tls(const TlsPlan& plan) {
  write(fmt::format("open tls for {}{}", plan.leaf_name.empty() ? "itself" : plan.leaf_name,
                    plan.alpn == "http/1.1" ? "" : " with " + plan.alpn),
        plan.received);
}

bool RecordedEffects::reach(const UpstreamTarget& target) {
  rule(!there && !coming, "one upstream connection at a time");
  write("reach " + describe(target));
  reaching = !pooled;
  return pooled;
}

void RecordedEffects::prepare(const UpstreamTarget& target) { write("prepare " + describe(target)); }

std::optional<calls::UpstreamFacts> RecordedEffects::lease(const UpstreamTarget& target) {
  rule(!there && !coming, "one upstream connection at a time");
  leases += describe(target) + "\n";
  write("lease " + describe(target));
  next_is_tunnel_ = false;
  coming = true;
  if (!pooled) return std::nullopt;
  leased();
  return facts();
}

std::optional<calls::UpstreamFacts> RecordedEffects::lease_tunnel(const UpstreamTarget& target) {
  rule(!there && !coming, "one upstream connection at a time");
  rule(!target.tls, "a tunnel is opaque");
  leases += describe(target) + "\n";
  write("tunnel " + describe(target));
  next_is_tunnel_ = true;
  coming = true;
  if (!pooled) return std::nullopt;
  leased();
  return facts();
}

void RecordedEffects::leased() {
  coming = false;
  there = upstream_writable = true;
  upstream_held = false;
  carried.push_back({next_is_tunnel_, {}, {}});
}

void RecordedEffects::gone() { there = coming = reaching = negotiating = upstream_held = false; }

void RecordedEffects::give_back() {
  rule(there, "only what is leased is given back");
  rule(!upstream_held, "what is given back is not held");
  gone();
  write("give back");
}

void RecordedEffects::drop_upstream() {
  rule(there || coming || reaching || negotiating, "only what is there or asked for is dropped");
  gone();
  write("drop upstream");
}

void RecordedEffects::finish_upstream() {
  rule(there, "only what is leased is finished");
  gone();
  write("finish upstream");
}

void RecordedEffects::end_writing(Side side) {
  bool& writable = side == Side::client ? client_writable : upstream_writable;
  rule(writable, "an end is written once");
  rule(side == Side::client || there, "only a leased connection is ended");
  writable = false;
  write(fmt::format("end writing to {}", side_name(side)));
}

void RecordedEffects::negotiate(const UpstreamTarget& target, const std::vector<std::string>& alpn, LegId) {
  rule(!there && !coming && !negotiating, "one negotiation at a time");
  std::string offered;
  for (const std::string& protocol : alpn) offered += " " + protocol;
  write("negotiate " + describe(target) + " with" + offered);
  negotiating = true;
  reaching = false;
}

void RecordedEffects::open_leg(LegId leg, const UpstreamTarget& target) {
  rule(!legs.contains(leg), "a leg's id is used once");
  legs[leg].target = describe(target);
  write(fmt::format("open leg {} to {}", leg, describe(target)));
}

void RecordedEffects::send_leg(LegId leg, Bytes bytes) {
  rule(legs.contains(leg) && legs[leg].there, "octets go to legs that are there");
  rule(!bytes.empty(), "an empty send is no send");
  legs[leg].sent += bytes;
  sent_on_legs[leg] += bytes;
}

void RecordedEffects::hold_leg(LegId leg) {
  rule(legs.contains(leg) && !legs[leg].held, "what is held is not held again");
  legs[leg].held = true;
  write(fmt::format("hold leg {}", leg));
}

void RecordedEffects::resume_leg(LegId leg) {
  rule(legs.contains(leg) && legs[leg].held, "only what is held is resumed");
  legs[leg].held = false;
  write(fmt::format("resume leg {}", leg));
}

void RecordedEffects::drop_leg(LegId leg) {
  rule(legs.erase(leg) == 1, "only a leg that is there or asked for is dropped");
  write(fmt::format("drop leg {}", leg));
}

void RecordedEffects::finish_leg(LegId leg) {
  rule(legs.erase(leg) == 1, "only a leg that is there or asked for is finished");
  write(fmt::format("finish leg {}", leg));
}

void RecordedEffects::noticed(Notice what) { ++notices[what]; }

AwaitedRecord RecordedEffects::await_record() {
  rule(!finished, "nothing is asked once the session is over");
  const RecordNumber number = ++records;
  auto receipt = std::make_shared<calls::Receipt>([this, number](auto) { ended_records.push_back(number); });
  return {number, std::move(receipt), records_fail};
}

void RecordedEffects::judge(QuestionNumber number, std::shared_ptr<const config::UsersFile> users, Bytes credentials,
                            const std::string&) {
  rule(users != nullptr, "credentials are of a users file");
  rule(number != question, "a question's number is never used again");
  question = number;
  write("judge " + std::string(credentials));
}

void RecordedEffects::finish_client() {
  rule(legs.empty() && !negotiating, "legs are let go before the client");
  rule(!there && !coming && !reaching, "the upstream is let go before the client");
  write("finish client");
  finished = clean = true;
}

void RecordedEffects::break_client() {
  rule(!there && !coming && !reaching, "the upstream is let go before the client");
  write("break client");
  finished = true;
}

void RecordedEffects::arm(TimePoint deadline) {
  rule(!finished, "no timer is armed once the session is over");
  armed = deadline;
}

void RecordedEffects::disarm() { armed.reset(); }

}  // namespace borehole::proxy::test
