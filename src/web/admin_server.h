// The admin port: whether borehole lives and is ready, and the CA to trust. Loopback names only; reads, never changes
// anything.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"

namespace borehole::web {

struct AdminContent {
  std::function<std::vector<std::string>()> not_ready;  // what is wrong, in sentences; empty: ready
  std::string ca_pem;
};

// Runs on the loop's thread. Answers GET and HEAD of /healthz, /readyz and /ca.pem. A Host that is no loopback name, no
// IP literal and not `listen_host` is refused with 403: a page on the web that rebinds its name to 127.0.0.1 gets
// nothing.
class AdminServer {
 public:
  static Result<std::unique_ptr<AdminServer>> open(net::Loop& loop, const net::Address& address,
                                                   std::string listen_host, AdminContent content);
  ~AdminServer();
  const net::Address& address() const noexcept;

 private:
  struct State;
  explicit AdminServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::web
