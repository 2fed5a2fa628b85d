// Checks passwords on a thread of its own, since their hashes take as long as they are meant to. Never makes anybody
// wait who asks.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "config/users_file.h"

namespace borehole::config {

class PasswordChecks {
 public:
  struct Limits {                    // of what waits, the same credentials from one network counted once
    std::size_t in_all = 64;         // a check takes some 50 ms
    std::size_t of_one_client = 32;  // so that one network does not make all others wait
  };
  // The thread begins with the first question. `clock` outlives it.
  PasswordChecks(const Clock& clock, Limits limits);
  explicit PasswordChecks(const Clock& clock) : PasswordChecks(clock, Limits{}) {}
  ~PasswordChecks();  // waits for the check that runs; what waits is not answered
  PasswordChecks(const PasswordChecks&) = delete;
  PasswordChecks& operator=(const PasswordChecks&) = delete;

  using Answer = std::function<void(UsersFile::Verdict)>;
  // Any thread. `answer` is called once, on the checks' thread, with what `users->judge` says by then; or at once with
  // too_many_guesses, where too many wait.
  void ask(std::shared_ptr<const UsersFile> users, std::string_view credentials, const std::string& from,
           Answer answer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::config
