#include "dialogue.h"

#include <fmt/format.h>

#include "catch.h"
#include "hello.h"

namespace borehole::proxy::test {

std::string printable(std::string_view octets) {
  std::string out;
  for (const char c : octets) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n\n    ";
    } else if (u < 0x20 || u >= 0x7f) {
      out += fmt::format("\\x{:02x}", u);
    } else {
      out += c;
    }
  }
  return out;
}

config::Config gateway_config() {
  config::Config config;
  config.routers.push_back({"/", "", std::nullopt, {}});
  config.routers.push_back({"/service/standard/", "https", config::HostPort{bedrock_host, 443}, {}});
  return config;
}

std::shared_ptr<const Policy> policy_of(config::Config config) {
  auto policy = Policy::make(std::make_shared<const config::Config>(std::move(config)));
  REQUIRE(policy);
  return *std::move(policy);
}

// --- events

Event received(Side side, std::string octets) {
  return {fmt::format("received({}, \"{}\")", side_name(side), printable(octets)),
          [side, octets = std::move(octets)](Dialogue& d) { d.session->received(side, octets, d.now); }};
}
Event ended(Side side) {
  return {fmt::format("ended({})", side_name(side)), [side](Dialogue& d) { d.session->ended(side, d.now); }};
}
Event broken(Side side) {
  return {fmt::format("broken({})", side_name(side)), [side](Dialogue& d) {
            d.session->broken(side, {ErrorCode::connect_failed, Fault::upstream, "connection reset"}, d.now);
          }};
}
Event client_tls_fails() {
  return {"client_tls_fails()", [](Dialogue& d) {
            d.session->broken(client, {ErrorCode::client_tls_failed, Fault::client, "unknown CA"}, d.now);
          }};
}
Event reached() {
  return {"reached()", [](Dialogue& d) {
            d.world.reaching = false;
            d.session->reached(d.now);
          }};
}
Event leased() {
  return {"leased()", [](Dialogue& d) {
            d.world.leased();
            d.session->leased(facts(), d.now);
          }};
}
Event connect_fails(ErrorCode code, Fault fault) {
  return {"connect_fails()", [code, fault](Dialogue& d) {
            d.world.failed();
            d.session->connect_failed({code, fault, "it could not be reached"}, d.now);
          }};
}
Event congested(Side side) {
  return {fmt::format("congested({})", side_name(side)), [side](Dialogue& d) { d.session->congested(side, d.now); }};
}
Event drained(Side side) {
  return {fmt::format("drained({})", side_name(side)), [side](Dialogue& d) { d.session->drained(side, d.now); }};
}
Event time_passes(Duration how_long) {
  return {"time_passes()", [how_long](Dialogue& d) {
            const TimePoint until = d.now + how_long;
            while (d.world.armed && *d.world.armed <= until) {
              d.now = *d.world.armed;
              d.world.armed.reset();
              d.session->timed_out(d.now);
            }
            d.now = until;
          }};
}
Event shut_down() {
  return {"shut_down()", [](Dialogue& d) { d.session->shut_down(d.now); }};
}

Event judged(Policy::Verdict verdict) {
  return {fmt::format("judged({})", static_cast<int>(verdict)),
          [verdict](Dialogue& d) { d.session->judged(d.world.question, verdict, d.now); }};
}

Event recorded(bool on_disk) {
  return {fmt::format("recorded({})", on_disk),
          [on_disk](Dialogue& d) { d.session->recorded(d.world.records, on_disk, d.now); }};
}

// --- effects

Expected to_client(std::string octets) { return {"to client", std::move(octets), {}}; }
Expected to_upstream(std::string octets) { return {"to upstream", std::move(octets), {}}; }
Expected to_client_something() {
  return {"to client", "", [](const std::string&) { return std::string(); }};
}

namespace {

std::string fault_of_refusal(const std::string& octets, int status, const std::string& type, const std::string& code,
                             const std::string& says, bool closes) {
  const auto head_end = octets.find("\r\n\r\n");
  if (head_end == std::string::npos) return "no head";
  const std::string head = octets.substr(0, head_end + 2);
  const std::string body = octets.substr(head_end + 4);
  if (!head.starts_with(fmt::format("HTTP/1.1 {} ", status))) return "another status";
  const auto has = [&](const std::string& line) { return head.find("\r\n" + line + "\r\n") != std::string::npos; };
  if (type.empty() ? head.find("ErrorType") != std::string::npos : !has("x-amzn-ErrorType: " + type))
    return "another type";
  if (!has("borehole-error: " + code)) return "another code";
  if (!has("content-type: application/json")) return "another content-type";
  if (!has(fmt::format("content-length: {}", body.size()))) return "another content-length";
  if (has("connection: close") != closes) return closes ? "it does not say close" : "it says close";
  if (!body.starts_with("{\"message\": \"") || !body.ends_with("\"}")) return "another body";
  if (body.find(says) == std::string::npos) return "it does not say: " + says;
  return {};
}

}  // namespace

Expected refusal(int status, std::string type, std::string code, std::string says, bool closes) {
  return {"to client", fmt::format("a refusal {} {} {}{} {}", status, type, code, closes ? " that closes" : "", says),
          [=](const std::string& octets) { return fault_of_refusal(octets, status, type, code, says, closes); }};
}
Expected last_refusal(int status, std::string type, std::string code, std::string says) {
  return refusal(status, std::move(type), std::move(code), std::move(says), true);
}
Expected open_tls(std::string leaf_name, std::string octets) {
  return {"open tls for " + std::move(leaf_name), std::move(octets), {}};
}
Expected reach(const std::string& host_and_port) { return {"reach " + host_and_port, "", {}}; }
Expected prepare(const std::string& host_and_port) { return {"prepare " + host_and_port, "", {}}; }
Expected lease(const std::string& host_and_port) { return {"lease " + host_and_port, "", {}}; }
Expected tunnel(const std::string& host_and_port) { return {"tunnel " + host_and_port, "", {}}; }
Expected judge(const std::string& credentials) { return {"judge " + credentials, "", {}}; }
Expected hold(Side side) { return {fmt::format("hold {}", side_name(side)), "", {}}; }
Expected resume(Side side) { return {fmt::format("resume {}", side_name(side)), "", {}}; }
Expected give_back() { return {"give back", "", {}}; }
Expected drop_upstream() { return {"drop upstream", "", {}}; }
Expected finish_upstream() { return {"finish upstream", "", {}}; }
Expected end_writing(Side side) { return {fmt::format("end writing to {}", side_name(side)), "", {}}; }
Expected finish_client() { return {"finish client", "", {}}; }
Expected break_client() { return {"break client", "", {}}; }

// --- the dialogue

Dialogue::Dialogue(config::Config config, std::optional<Error> refusal, bool tapped) {
  begin(std::move(config), std::move(refusal), tapped, std::nullopt);
}

Dialogue::Dialogue(http::Authority meant_for, config::Config config, std::optional<Error> refusal) {
  begin(std::move(config), std::move(refusal), true, std::move(meant_for));
}

void Dialogue::begin(config::Config config, std::optional<Error> refusal, bool tapped,
                     std::optional<http::Authority> meant_for) {
  SessionContext context;
  context.meant_for = std::move(meant_for);
  context.strict_records = config.record.strict_durability;
  context.policy = policy_of(std::move(config));
  if (tapped) context.taps = &witness;
  context.pages = &own_pages;
  context.client_address = "127.0.0.1:51234";
  context.local_ip = "127.0.0.1";
  context.local_port = 5380;
  context.refusal = std::move(refusal);
  session = std::make_unique<Session>(std::move(context), world);
  session->started(now);
}

Dialogue::~Dialogue() {
  nothing_more();
  CHECK(world.broken_rule == "");
  CHECK(witness.broken_rule() == "");
  CHECK(session->over() == world.finished);
}

void Dialogue::nothing_more() {
  for (const Asked& left : world.asked) {
    INFO("not expected after " << last_event_ << ":\n  " << left.what << " " << printable(left.octets));
    CHECK(false);
  }
  world.asked.clear();
}

Dialogue& Dialogue::operator>>(const Event& event) {
  nothing_more();
  last_event_ = event.name;
  event.run(*this);
  return *this;
}

Dialogue& Dialogue::operator<<(const Expected& expected) {
  INFO("after " << last_event_ << "\nexpected: " << expected.what << " " << printable(expected.octets));
  if (world.asked.empty()) {
    INFO("there was: nothing more");
    CHECK(false);
    return *this;
  }
  const Asked asked = world.asked.front();
  world.asked.erase(world.asked.begin());
  INFO("there was: " << asked.what << " " << printable(asked.octets));
  bool same = asked.what == expected.what;
  if (same && expected.fault) {
    const std::string fault = expected.fault(asked.octets);
    INFO(fault);
    CHECK(fault.empty());
  } else {
    same = same && asked.octets == expected.octets;
    CHECK(same);
  }
  return *this;
}

Dialogue& Dialogue::opened(const std::string& host, const std::string& port) {
  const std::string authority = host + ":" + port;
  const bool was_pooled = std::exchange(world.pooled, true);
  *this >> received(client, "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n")
               << reach(authority + " tls") << to_client(established);
  *this >> received(client, client_hello(host)) << open_tls(host, client_hello(host)) << prepare(authority + " tls");
  world.pooled = was_pooled;
  return *this;
}

const Seen& Dialogue::call(std::size_t i) const {
  const auto calls = witness.finished();
  REQUIRE(i < calls.size());
  return *calls[i];
}

}  // namespace borehole::proxy::test
