// Text for a pipe, a terminal or a file, as commands write it. Never fails a command whose reader has enough.
#pragma once

#include <string>
#include <string_view>

namespace borehole::app {

// Buffers; whatever is left goes out with `finish` or `flush`. From its making on a closed pipe is no signal any more.
class LineOutput {
 public:
  // `name` is what an error calls it: "stdout", a file's name.
  LineOutput(int file, std::string name);
  // False: there is no use in going on (the reader went away, writing failed, or the user wants an end).
  bool put(std::string_view text);
  bool flush();
  // Writes what is left. The exit status: 1 after a failure, whose sentence then was printed on stderr.
  int finish();
  bool failed() const noexcept { return !failure_.empty(); }

 private:
  int file_;
  std::string name_, waiting_, failure_;
  bool over_ = false;
};

}  // namespace borehole::app
