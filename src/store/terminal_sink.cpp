#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <iterator>

#include "calls/utf8.h"
#include "store/jsonl_sink.h"
#include "store/output.h"
#include "store/terminal_line.h"

namespace borehole::store {

namespace {

constexpr std::string_view red = "\x1b[31m", green = "\x1b[32m", dim = "\x1b[2m", plain = "\x1b[0m";

// Lines come by the thousand in a second, and the zone's rules are slow to ask.
struct LocalSecond {
  std::time_t seconds = 0;
  std::string text;
};

std::string local_time(WallTime time) {
  thread_local LocalSecond last;
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::system_clock::time_point(std::chrono::floor<std::chrono::seconds>(time)));
  if (last.text.empty() || last.seconds != seconds) {
    std::tm parts{};
    localtime_r(&seconds, &parts);
    std::array<char, 16> out{};
    last.text.assign(out.data(), std::strftime(out.data(), out.size(), "%H:%M:%S", &parts));
    last.seconds = seconds;
  }
  return last.text;
}

class TerminalSink final : public calls::Sink {
 public:
  Result<void> write(const std::vector<calls::CallRecord>& batch) override {
    std::string lines;
    for (const calls::CallRecord& record : batch) lines += terminal_line(record, colours_);
    return write_stdout(lines);
  }

 private:
  bool colours_ = isatty(STDOUT_FILENO) == 1;
};

}  // namespace

std::string terminal_line(const calls::CallRecord& record, bool colours) {
  const bool good = record.outcome == calls::Outcome::complete && record.response.status.value_or(0) < 400;
  const auto in_colour = [colours](std::string_view colour, std::string_view text) {
    return colours ? fmt::format("{}{}{}", colour, text, plain) : std::string(text);
  };
  std::string line = in_colour(dim, local_time(record.started_at));
  line.reserve(160);
  const auto add = [&line](std::string_view before, std::string_view text) {
    line += before;
    line += text;
  };
  add(" ", in_colour(good ? green : red, record.response.status ? std::to_string(*record.response.status) : "---"));
  if (!record.aws.operation.empty()) {
    add(" ", calls::for_terminal(record.aws.operation));
  } else {
    add(" ", calls::for_terminal(record.request.method));
    add(" ", calls::for_terminal(calls::whole_target(record.upstream.host, record.request.target)));
  }
  if (!record.aws.model_id.empty()) add(" ", calls::for_terminal(record.aws.model_id));
  if (record.usage.input_tokens) add(" in ", std::to_string(*record.usage.input_tokens));
  if (record.usage.output_tokens) add(" out ", std::to_string(*record.usage.output_tokens));
  if (record.usage.input_tokens || record.usage.output_tokens) line += " tokens";
  if (record.timing_ms.total) fmt::format_to(std::back_inserter(line), " {:.0f} ms", *record.timing_ms.total);
  if (record.outcome != calls::Outcome::complete) add(" ", in_colour(red, calls::outcome_name(record.outcome)));
  const auto add_error = [&add](std::string_view code, std::string_view words) {
    add(" ", code);
    add(": ", words);
  };
  if (record.error) {
    add_error(error_code_name(record.error->code), calls::for_terminal(record.error->detail));
  } else if (!record.response.error_type.empty()) {
    add_error(calls::for_terminal(record.response.error_type), calls::for_terminal(record.response.error_message));
  }
  line += '\n';
  return line;
}

std::unique_ptr<calls::Sink> make_terminal_sink() { return std::make_unique<TerminalSink>(); }

}  // namespace borehole::store
