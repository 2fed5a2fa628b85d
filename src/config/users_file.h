// Who may use the proxy: names and password hashes as htpasswd writes them (bcrypt). Passwords are never kept or
// logged.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace borehole::config {

// Lines `name:hash`, hash as crypt(5) knows it (bcrypt $2a$, $2b$, $2y$; yescrypt, SHA-512); `#` comments. Any thread.
class UsersFile {
 public:
  static Result<std::shared_ptr<const UsersFile>> load(const std::string& path);
  ~UsersFile();
  // `credentials` is the value of Proxy-Authorization ("Basic dXNlcjpwYXNz", RFC 7617). Constant time in the password
  // and in whether the name exists. What was right once is remembered by a keyed hash, so that a call does not pay for
  // bcrypt again.
  bool accepts(std::string_view credentials) const noexcept;

 private:
  struct State;
  explicit UsersFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::config
