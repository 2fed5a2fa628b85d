// Opens TCP connections to a host: resolves, applies the address rules to what was resolved, races the addresses (RFC
// 8305). Never retries a request.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/own_dials.h"
#include "net/resolver.h"
#include "net/tcp_socket.h"

namespace borehole::net {

struct DialTarget {
  std::string host;  // name or IP literal
  std::uint16_t port = 0;
  // Set when configuration names the address (`upstream.resolve`): that one is dialled, without DNS and without the
  // address rules.
  std::optional<Address> fixed;
};

// Why an address may not be dialled; empty: it may.
using AddressRule = std::function<std::string(const Address&)>;

struct DialOptions {
  Duration timeout = std::chrono::seconds(10);              // for resolving and connecting together
  Duration attempt_delay = std::chrono::milliseconds(250);  // RFC 8305 section 5
  AddressRule rule;                                         // null: every address may
  OwnDials* own = nullptr;                                  // where the attempts are entered; outlives the sockets
};

using Dialled = std::function<void(Result<std::unique_ptr<TcpSocket>>)>;

// One attempt to reach one target; destroying it cancels. `done` is called once, never inside the constructor. The
// address that passed the rule is the address that is dialled: there is no second look-up. If every address is refused
// by the rule: address_not_allowed (Fault::client), its text in the detail. dns_failed, connect_failed, connect_timeout
// are Fault::upstream; the detail names host, address and cause. Where memory runs out: out_of_memory. `done` must not
// throw.
class Dial {
 public:
  Dial(Loop& loop, ResolverClient& resolver, DialTarget target, DialOptions options, Dialled done);
  ~Dial();
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::net
