// Streamed answers as a person reads them while they come, several at once told apart. Pure: gives text, writes none.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bedrock/json_value.h"

namespace borehole::app {

// On a terminal, the text of a lone call stands below its head line as it comes. Of several, and elsewhere, whole lines
// are given, each with the end of its call's id before it.
class LiveView {
 public:
  LiveView(bool terminal, bool colours) : terminal_(terminal), colours_(colours) {}

  // What the events of /api/calls/live say; the result is to be written.
  void started(const bedrock::JsonValue& call);
  std::string delta(const bedrock::JsonValue& delta, TimePoint now);
  std::string lost(const bedrock::JsonValue& event);
  std::string ended(const std::string& id);
  // What has waited too long for the end of its line.
  std::string overdue(TimePoint now);
  // To be written before anything else is, so that it begins a line.
  std::string own_line();

 private:
  struct Call {
    std::string title;
    bool shown = false;  // its head line is
    std::string line;    // the part of a line that has come
    TimePoint since{};   // that it waits
    std::string block;   // which block came last, and its kind
  };
  std::string prefix(const std::string& id) const;
  std::string lines_of(const std::string& id, Call& call, TimePoint now);

  bool terminal_, colours_;
  bool apart_ = false;  // several calls came at once: lines, until all have ended
  bool open_ = false;   // a line of the terminal is not ended
  std::map<std::string, Call> calls_;
};

}  // namespace borehole::app
