// Who may use the proxy: names and password hashes as htpasswd writes them (bcrypt). Passwords are never kept or
// logged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
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

  enum class Verdict : std::uint8_t { right, wrong, too_many_guesses };
  // The same, but `from` (octets that name the client's network) may be wrong ten times at once and then once in two
  // seconds; past that nothing new of it is checked. What was seen before costs no guess, be it right or wrong.
  Verdict judge(std::string_view credentials, const std::string& from, TimePoint now) const;
  // What `judge` would say without a hash; nothing: only a hash can tell.
  std::optional<Verdict> judge_at_once(std::string_view credentials, const std::string& from, TimePoint now) const;

 private:
  struct State;
  explicit UsersFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::config
