// The admin port: health, the CA, metrics and the recorded calls, for people, scripts and monitoring. Reads, never
// changes anything.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/password_checks.h"
#include "net/address.h"
#include "net/loop.h"
#include "web/admin_connection.h"
#include "web/gate.h"
#include "web/live_feed.h"

namespace borehole::web {

struct Readiness {
  std::vector<std::string> wrong;     // sentences; empty: ready
  std::vector<std::string> warnings;  // … that do not make it unready
};

// As clients fetch them; an empty one is not there.
struct CaFiles {
  std::string ca_pem, ca_der, bundle_pem;
};

// What is served. The functions are called on the loop's thread, for each request, and must not block.
struct AdminContent {
  std::function<Readiness()> readiness;
  std::function<std::string()> metrics;  // Prometheus' text format
  std::function<std::string()> status;   // JSON
  CaFiles ca;
  std::optional<std::string> store;  // where the calls are; absent: none are kept
  calls::LiveCalls* live = nullptr;  // the calls that run; null: they are not shown
  std::string version;               // of this program
};

struct AdminOptions {
  GateRules gate;
  config::PasswordChecks* passwords = nullptr;  // outlives the server; there where `gate.users` are
  AdminPatience patience;
  std::size_t connections = 64;  // then the longest idle one makes room, or the new one is told to come again
  Duration query_time = std::chrono::seconds(5);  // for an answer out of the store
  std::size_t queries_waiting = 16;
  LiveFeed::Limits live;
};

// Runs on the loop's thread. Answers GET and HEAD of /healthz, /readyz, /metrics, /ca.pem, /ca.der, /bundle.pem,
// /api/status, /api/calls, /api/calls/ID, /api/calls/ID/explain and /api/calls/live; who is answered at all is the
// gate's business. Calls are shown to other users of this machine only with credentials.
class AdminServer {
 public:
  static Result<std::unique_ptr<AdminServer>> open(net::Loop& loop, const net::Address& address, AdminOptions options,
                                                   AdminContent content);
  ~AdminServer();
  const net::Address& address() const noexcept;
  // For requests that come from now on.
  void replace(std::shared_ptr<const config::UsersFile> users, CaFiles files);
  void end_streams();  // the program is about to end; nobody can look on any more

 private:
  struct State;
  explicit AdminServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::web
