#include "app/call_line.h"

#include "bedrock/json_value.h"
#include "calls/call_record.h"
#include "store/terminal_line.h"

namespace borehole::app {

namespace {

ErrorCode error_code_of(std::string_view name) {
  // The last one of the enumeration bounds the search.
  for (int i = 0; i <= static_cast<int>(ErrorCode::not_found); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (error_code_name(code) == name) return code;
  }
  return ErrorCode::internal;
}

calls::Outcome outcome_of(std::string_view name) {
  using calls::Outcome;
  for (const Outcome outcome :
       {Outcome::complete, Outcome::client_aborted, Outcome::upstream_failed, Outcome::refused}) {
    if (calls::outcome_name(outcome) == name) return outcome;
  }
  return Outcome::complete;
}

}  // namespace

std::string call_line(const store::ReadCall& call, bool colours) {
  const store::CallSummary& summary = call.summary;
  calls::CallRecord record;
  record.started_at = summary.started;
  record.outcome = outcome_of(summary.outcome);
  record.upstream.host = summary.upstream_host;
  record.request.method = summary.method;
  record.request.target = summary.target;
  record.response.status = summary.status;
  record.response.error_type = summary.error_type;
  record.aws.operation = summary.operation;
  record.aws.model_id = summary.model_id;
  record.usage.input_tokens = summary.input_tokens;
  record.usage.output_tokens = summary.output_tokens;
  record.usage.cache_read_tokens = summary.cache_read_tokens;
  record.usage.cache_write_tokens = summary.cache_write_tokens;
  record.cost_usd = summary.cost_usd;
  record.timing_ms.total = summary.total_ms;
  const auto json = call.record ? bedrock::JsonValue::parse(*call.record) : std::nullopt;
  if (!summary.error_code.empty()) {
    record.error = Error{error_code_of(summary.error_code), Fault::proxy,
                         json ? std::string(json->text("error/message")) : std::string()};
  }
  if (json) {
    record.response.error_type = json->text("response/error_type");
    record.response.error_message = json->text("response/error_message");
  }
  return store::terminal_line(record, colours);
}

}  // namespace borehole::app
