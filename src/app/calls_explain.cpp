// `borehole calls explain`.
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "app/calls_options.h"
#include "app/diagnosis_page.h"
#include "app/line_output.h"
#include "app/record_output.h"
#include "app/terminal_text.h"
#include "calls/diagnosis_json.h"

namespace borehole::app {

namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): this command has one thread
  return value == nullptr ? std::string() : std::string(value);
}

// What the environment holds to recompute a signature with. It is compared, and goes nowhere.
std::optional<bedrock::SigningSecret> secret_of_environment() {
  std::string secret = variable("AWS_SECRET_ACCESS_KEY");
  if (secret.empty()) return std::nullopt;
  return bedrock::SigningSecret{variable("AWS_ACCESS_KEY_ID"), std::move(secret), variable("AWS_SESSION_TOKEN")};
}

}  // namespace

int calls_explain(const CallsOptions& options) {
  int status = 0;
  const auto reader = open_store(options, status);
  if (!reader) return status;
  const auto json = find_record(*reader, options.id);
  if (!json) return failed(json.error());
  const auto record = bedrock::JsonValue::parse(*json);
  if (!record) {
    return failed(Error{
        ErrorCode::store_failed, Fault::proxy,
        "the record is no JSON any more, so that it cannot be explained; take it away with `borehole calls prune`"});
  }
  const auto secret = secret_of_environment();
  const bedrock::Diagnosis diagnosis = bedrock::diagnose(*record, secret ? &*secret : nullptr);
  LineOutput out(STDOUT_FILENO, "stdout");
  out.put(options.json ? calls::to_json(record->text("id"), diagnosis) + "\n"
                       : diagnosis_page(*record, diagnosis, screen_of(STDOUT_FILENO).colours));
  return out.finish();
}

}  // namespace borehole::app
