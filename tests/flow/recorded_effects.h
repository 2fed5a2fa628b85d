// The world around a session, for tests: writes down what is asked of it and watches that nothing is asked that a
// driver could not do. Never calls the session.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proxy/effects.h"

namespace borehole::proxy::test {

struct Asked {
  std::string what;    // "lease bedrock…:443 tls", "to client", …
  std::string octets;  // of "to client", "to upstream" and "open tls"
};

// What one leased connection was used for.
struct Carried {
  bool tunnel = false;
  std::string sent;
  std::string received;  // the test's own note
};

class RecordedEffects final : public Effects {
 public:
  bool pooled = false;           // lease, lease_tunnel and reach are met at once
  std::vector<Asked> asked;      // octets for one side that follow each other are one
  std::string to_client;         // all of them
  std::string to_upstream;       // all of them, whatever connection
  std::vector<Carried> carried;  // the same, by lease
  std::string broken_rule;       // the first thing that was asked against the rules; empty: none
  std::string leases;            // the targets, one a line
  bool finished = false;         // the client's connection was ended, cleanly or not
  bool clean = false;            // … cleanly
  bool there = false;            // an upstream connection is leased
  bool coming = false;           // … asked for
  bool reaching = false;         // `reach` was not answered
  bool client_held = false;
  bool upstream_held = false;
  bool client_writable = true;
  bool upstream_writable = true;
  std::optional<TimePoint> armed;
  TimePoint flushed_at{};    // what `flush` answers
  bool negotiating = false;  // `negotiate` was not answered
  struct LegState {
    std::string target;
    bool there = false, held = false;
    std::string sent;  // all octets
  };
  std::map<LegId, LegState> legs;             // those that were not let go
  std::map<LegId, std::string> sent_on_legs;  // all octets, of those too that were
  std::map<Notice, int> notices;
  bool is_crowded = false;
  QuestionNumber question = 0;  // about credentials, the last one
  RecordNumber records = 0;     // receipts that were asked for
  bool records_fail = false;
  std::vector<RecordNumber> ended_records;  // whose taps are done; the test tells what becomes of them

  void send(Side side, Bytes bytes) override;
  TimePoint flush(Side side) override;
  void hold(Side side) override;
  void resume(Side side) override;
  void open_tls(const TlsPlan& plan) override;
  bool reach(const UpstreamTarget& target) override;
  void prepare(const UpstreamTarget& target) override;
  std::optional<calls::UpstreamFacts> lease(const UpstreamTarget& target) override;
  std::optional<calls::UpstreamFacts> lease_tunnel(const UpstreamTarget& target) override;
  void give_back() override;
  void drop_upstream() override;
  void finish_upstream() override;
  void end_writing(Side side) override;
  void finish_client() override;
  void break_client() override;
  void negotiate(const UpstreamTarget& target, const std::vector<std::string>& alpn, LegId leg) override;
  void open_leg(LegId leg, const UpstreamTarget& target) override;
  void send_leg(LegId leg, Bytes bytes) override;
  void hold_leg(LegId leg) override;
  void resume_leg(LegId leg) override;
  void drop_leg(LegId leg) override;
  void finish_leg(LegId leg) override;
  bool crowded() override { return is_crowded; }
  void noticed(Notice what) override;
  AwaitedRecord await_record() override;
  void judge(QuestionNumber question, std::shared_ptr<const config::UsersFile> users, Bytes credentials,
             const std::string& from) override;
  void arm(TimePoint deadline) override;
  void disarm() override;

  // What a driver does before it tells the session.
  void leased();
  void failed() { coming = reaching = negotiating = false; }

 private:
  void rule(bool holds, const char* what);
  void write(std::string what, Bytes octets = {});
  void gone();

  bool next_is_tunnel_ = false;
};

const calls::UpstreamFacts& facts();
std::string describe(const UpstreamTarget& target);
std::string_view side_name(Side side);

}  // namespace borehole::proxy::test
