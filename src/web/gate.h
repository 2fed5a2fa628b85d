// Decides whether a request to the admin port is answered at all: its Host, Origin, method, body and credentials. Pure;
// never looks at what is asked for beyond its path.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "config/users_file.h"
#include "http/message_reader.h"
#include "web/response.h"

namespace borehole::web {

struct GateRules {
  std::string listen_host;                         // the name or address that `admin` gives
  std::shared_ptr<const config::UsersFile> users;  // null: there are no credentials
  bool users_only = false;                         // the port is open to other machines
};

// Who asks, and when: wrong passwords are slowed down by it.
struct Asker {
  std::string holder;  // octets that name the client's network
  TimePoint now{};
};

// Absent: let it pass. A Host that is no loopback name, no IP literal and not `listen_host` is refused with 403: a page
// on the web that rebinds its name to 127.0.0.1 gets nothing. So is an Origin that is not this port's own, 405 another
// method than GET and HEAD, 413 a body, 401 missing credentials. /healthz, /readyz and the CA's certificates, which
// tell nobody anything, want none.
std::optional<Response> refuse(const http::RequestHead& head, Bytes path, http::Framing framing,
                               std::uint64_t content_length, const GateRules& rules, const Asker& asker);

// Does it bring the credentials of a user?
bool of_a_user(const http::RequestHead& head, const GateRules& rules, const Asker& asker);
// May it see more than whether borehole is well?
bool trusted(const http::RequestHead& head, const GateRules& rules, const Asker& asker);

}  // namespace borehole::web
