// A session spoken with: `d >> received(client, "…") << to_upstream("…")`. Every effect of an event is named before
// the next event, in order; timers aside. No socket; the clock is handed on by `time_passes`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/session.h"
#include "recorded_effects.h"
#include "witness.h"

namespace borehole::proxy::test {

constexpr Side client = Side::client;
constexpr Side upstream = Side::upstream;

constexpr const char* bedrock_host = "bedrock-runtime.us-east-1.amazonaws.com";
inline const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";

// The defaults, with the gateway router of conf/borehole.yaml.
config::Config gateway_config();
std::shared_ptr<const Policy> policy_of(config::Config config);

struct Event {
  std::string name;
  std::function<void(class Dialogue&)> run;
};

Event received(Side side, std::string octets);
Event ended(Side side);
Event broken(Side side);
Event client_tls_fails();
Event reached();
Event leased();
Event connect_fails(ErrorCode code, Fault fault = Fault::upstream);
Event congested(Side side);
Event drained(Side side);
Event time_passes(Duration how_long);
Event shut_down();
Event judged(Policy::Verdict verdict);  // the credentials that were asked about last
Event recorded(bool on_disk);           // the record that was begun last

struct Expected {
  std::string what;
  std::string octets;
  std::function<std::string(const std::string&)> fault;  // of the octets; empty: equality is wanted
};

Expected to_client(std::string octets);
Expected to_upstream(std::string octets);
Expected to_client_something();
// A refusal in the shape of CONTRACT section 5, whose message has `says` in it.
Expected refusal(int status, std::string type, std::string code, std::string says = {}, bool closes = false);
Expected last_refusal(int status, std::string type, std::string code, std::string says = {});  // closes
Expected open_tls(std::string leaf_name, std::string octets);
Expected reach(const std::string& host_and_port);
Expected prepare(const std::string& host_and_port);
Expected lease(const std::string& host_and_port);
Expected tunnel(const std::string& host_and_port);
Expected judge(const std::string& credentials);
Expected hold(Side side);
Expected resume(Side side);
Expected give_back();
Expected drop_upstream();
Expected finish_upstream();
Expected end_writing(Side side);
Expected finish_client();
Expected break_client();

class Dialogue {
 public:
  explicit Dialogue(config::Config config = gateway_config(), std::optional<Error> refusal = {}, bool tapped = true);
  // A connection that a firewall rule took from that address.
  explicit Dialogue(http::Authority meant_for, config::Config config = gateway_config(),
                    std::optional<Error> refusal = {});
  ~Dialogue();
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;

  Dialogue& operator>>(const Event& event);
  Dialogue& operator<<(const Expected& expected);

  // Behind CONNECT and TLS, or with the request sent: where a test begins that is about what follows.
  Dialogue& opened(const std::string& host = bedrock_host, const std::string& port = "443");

  void nothing_more();                    // every effect was named
  const Seen& call(std::size_t i) const;  // the finished ones
  std::size_t calls() const { return witness.finished().size(); }
  bool over() const { return session->over(); }

  OwnPages own_pages{"the root\n", "DER", "the bundle\n", "ab12"};
  RecordedEffects world;
  Witness witness;
  TimePoint now{std::chrono::hours(1)};
  std::unique_ptr<Session> session;

 private:
  void begin(config::Config config, std::optional<Error> refusal, bool tapped,
             std::optional<http::Authority> meant_for);
  std::string last_event_ = "the beginning";
};

std::string printable(std::string_view octets);

}  // namespace borehole::proxy::test
