// What the configuration lets a session do, prepared for looking up. Immutable; shared by the sessions that began under
// it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bedrock/hosts.h"
#include "config/config.h"
#include "config/users_file.h"
#include "http/head.h"

namespace borehole::proxy {

struct Policy {
  std::shared_ptr<const config::Config> config;
  std::vector<bedrock::HostPattern> intercept;
  std::shared_ptr<const config::UsersFile> users;  // null: nobody is asked for credentials

  static Result<std::shared_ptr<const Policy>> make(std::shared_ptr<const config::Config> config);

  bool intercepts(const std::string& host) const noexcept { return bedrock::matches(intercept, host); }
  using Verdict = config::UsersFile::Verdict;
  // On the credentials that a request brings; `from` as UsersFile has it. Nothing: they must be checked, which takes a
  // while.
  std::optional<Verdict> judge(const http::RequestHead& head, const std::string& from, TimePoint now) const;
  // What a request is refused with after that.
  static std::optional<Error> refusal_for(Verdict verdict);
  bool port_allowed(std::uint16_t port) const noexcept;
};

}  // namespace borehole::proxy
