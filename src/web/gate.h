// Decides whether a request to the admin port is answered at all: its Host, Origin, method, body and credentials. Pure;
// never looks at what is asked for beyond its path.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/users_file.h"
#include "http/message_reader.h"
#include "web/response.h"

namespace borehole::web {

struct GateRules {
  std::string listen_host;                         // the name or address that `admin` gives
  std::shared_ptr<const config::UsersFile> users;  // null: there are no credentials
  bool users_only = false;                         // the port is open to other machines
};

// Who asks, by the credentials that were brought; nothing: there were none, or nobody has any.
using Asker = std::optional<config::UsersFile::Verdict>;

// Absent: let it pass. A Host that is no loopback name, no IP literal and not `listen_host` is refused with 403: a page
// on the web that rebinds its name to 127.0.0.1 gets nothing. So is an Origin that is not this port's own, 405 another
// method than GET and HEAD, 413 a body.
std::optional<Response> refuse_form(const http::RequestHead& head, http::Framing framing, std::uint64_t content_length,
                                    const GateRules& rules);
// The credentials that are to be judged before anything else is done; absent: there are none, or nobody has any.
std::optional<Bytes> credentials_of(const http::RequestHead& head, const GateRules& rules);
// 401 without the credentials of a user, 429 where so many were wrong that these were not judged. /healthz, /readyz and
// the CA's certificates, which tell nobody anything, want none.
std::optional<Response> refuse_stranger(Bytes path, const GateRules& rules, Asker asker);

bool is_user(Asker asker) noexcept;
// May it see more than whether borehole is well?
bool trusted(const GateRules& rules, Asker asker) noexcept;

}  // namespace borehole::web
