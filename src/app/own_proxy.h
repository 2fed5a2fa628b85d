// A proxy for the length of one command: the same program as a child process, out of the terminal's sight. It ends when
// this process does, however that ends.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/held_signals.h"
#include "base/result.h"
#include "config/config.h"

namespace borehole::app {

class OwnProxy {
 public:
  // Ready when it returns. It has the configuration of `line` and listens on loopback ports that are free, unless
  // `line` says where. Where it does not start, the error's detail is what it said itself.
  static Result<std::unique_ptr<OwnProxy>> start(const CommandLine& line);
  ~OwnProxy();  // ends it at once if it still runs

  const config::HostPort& address() const noexcept { return address_; }

  // Lets calls under way end (a signal meanwhile ends them at once); then every record is in the report.
  void stop(const HeldSignals& signals);

  // After `stop`. The records, one JSON object each (see report_sink.h).
  std::vector<std::string> records() const;
  // What its log says went wrong, and whether it ended by itself.
  std::vector<std::string> problems() const;

 private:
  OwnProxy() = default;
  [[noreturn]] void become(const CommandLine& line, pid_t parent, int out) const;
  bool wait_until_ready(int out);
  bool ended(bool wait);
  static std::string content_of(int file);

  pid_t process_ = -1;  // -1: it has ended
  int end_status_ = 0;  // as waitpid tells
  bool asked_to_end_ = false;
  int log_ = -1, report_ = -1;  // files without a name
  config::HostPort address_;
};

}  // namespace borehole::app
