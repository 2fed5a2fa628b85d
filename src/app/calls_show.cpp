// `borehole calls show`.
#include <unistd.h>

#include <iostream>

#include "app/call_bodies.h"
#include "app/call_page.h"
#include "app/calls_options.h"
#include "app/line_output.h"
#include "app/readable_json.h"
#include "app/record_output.h"
#include "app/terminal_text.h"

namespace borehole::app {

namespace {

constexpr std::size_t most_attempts = 64;

int write_body(const bedrock::JsonValue& record, BodySide side) {
  const auto body = kept_body(record, side);
  if (!body) {
    const std::string why = why_no_body(record, side);
    std::cerr << "borehole: nothing of that body was kept; "
              << (why.empty() ? "raise record.bodies.max_bytes to keep those of later calls" : why) << '\n';
    return 1;
  }
  LineOutput out(STDOUT_FILENO, "stdout");
  out.put(*body);
  return out.finish();
}

}  // namespace

int calls_show(const CallsOptions& options) {
  int status = 0;
  const auto reader = open_store(options, status);
  if (!reader) return status;
  const auto json = find_record(*reader, options.id);
  if (!json) return failed(json.error());
  const auto record = options.json ? std::nullopt : bedrock::JsonValue::parse(*json);
  if (record && !options.raw_body.empty()) {
    return write_body(*record, options.raw_body == "request" ? BodySide::request : BodySide::response);
  }
  LineOutput out(STDOUT_FILENO, "stdout");
  if (options.json) {
    out.put(*json + "\n");
  } else if (!record) {
    out.put(readable(*json));
  } else {
    CallSurroundings around;
    const auto key_id = record->text("aws/access_key_id");
    around.key_name = alias_of(options, std::string(key_id.empty() ? record->text("aws/api_key_name") : key_id));
    auto attempts = reader->attempts_of(std::string(record->text("aws/invocation_id")), most_attempts);
    if (!attempts) return failed(attempts.error());
    around.attempts = *std::move(attempts);
    // Those of the same number are of other invocations: there are clients that give all the same id.
    const auto own = record->count("aws/attempt");
    std::erase_if(around.attempts, [&](const store::CallSummary& one) {
      return own && one.attempt && static_cast<std::uint64_t>(*one.attempt) == *own && one.id != record->text("id");
    });
    out.put(call_page(*record, screen_of(STDOUT_FILENO).colours, around));
  }
  return out.finish();
}

}  // namespace borehole::app
