// What a session is told at its beginning. Never changes while it lives.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "calls/tap.h"
#include "http/target.h"
#include "proxy/own_pages.h"
#include "proxy/policy.h"

namespace borehole::proxy {

struct SessionContext {
  std::shared_ptr<const Policy> policy;  // the one that was in force when the connection came
  calls::TapSource* taps = nullptr;      // outlives the session
  const OwnPages* pages = nullptr;       // outlives the session; null: nothing of borehole's own is served
  std::string client_address;            // "127.0.0.1:51234"
  std::string client_holder;             // octets that all addresses of the client's network share
  std::shared_ptr<const calls::AwaitedProcess> client_process;  // null: it cannot be known
  std::string local_ip;                                         // where it was accepted
  std::uint16_t local_port = 0;
  // The address that the client called, where a firewall rule took the connection from there; nothing: it called
  // borehole.
  std::optional<http::Authority> meant_for;
  bool strict_records = false;   // no response ends before its record is on disk (`record.durability`)
  std::optional<Error> refusal;  // every request is answered with it: over a limit, or a client that is not allowed
  bool refuse_tls = false;       // with `refusal`: not even a handshake is made for it
};

}  // namespace borehole::proxy
