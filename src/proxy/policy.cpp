#include "proxy/policy.h"

#include <algorithm>
#include <utility>

namespace borehole::proxy {

Result<std::shared_ptr<const Policy>> Policy::make(std::shared_ptr<const config::Config> config) {
  auto policy = std::make_shared<Policy>();
  if (config->intercept) {
    for (const auto& text : *config->intercept) {
      auto pattern = bedrock::HostPattern::parse(text);
      if (!pattern) return unexpected(std::move(pattern).error());
      policy->intercept.push_back(*std::move(pattern));
    }
  } else {
    policy->intercept = bedrock::default_intercept_patterns();
  }
  if (config->auth.users_file) {
    auto users = config::UsersFile::load(*config->auth.users_file);
    if (!users) return unexpected(std::move(users).error());
    policy->users = *std::move(users);
  }
  policy->config = std::move(config);
  return std::shared_ptr<const Policy>(std::move(policy));
}

std::optional<Policy::Verdict> Policy::judge(const http::RequestHead& head, const std::string& from,
                                             TimePoint now) const {
  if (!users) return Verdict::right;
  const auto credentials = head.find("proxy-authorization");
  return credentials ? users->judge_at_once(*credentials, from, now) : Verdict::wrong;
}

std::optional<Error> Policy::refusal_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::right: return std::nullopt;
    case Verdict::wrong: break;
    case Verdict::too_many_guesses:
      return Error{ErrorCode::too_many_guesses, Fault::client,
                   "too many wrong passwords came from this address, or too many passwords wait for their check; mend "
                   "the one in the proxy URL if it is wrong, and try again in some seconds"};
  }
  return Error{ErrorCode::proxy_auth_required, Fault::client,
               "this proxy asks for a name and password; put them in the proxy URL: http://NAME:PASSWORD@HOST:PORT"};
}

bool Policy::port_allowed(std::uint16_t port) const noexcept {
  const auto& ports = config->upstream.ports;
  return std::any_of(ports.begin(), ports.end(),
                     [&](const config::PortRange& r) { return r.first <= port && port <= r.last; });
}

}  // namespace borehole::proxy
