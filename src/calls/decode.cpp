#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "base/ignoring_case.h"
#include "bedrock/fields.h"
#include "bedrock/hosts.h"
#include "bedrock/model_id.h"
#include "bedrock/operation.h"
#include "bedrock/price.h"
#include "bedrock/principal.h"
#include "bedrock/sdk.h"
#include "bedrock/streamed_body.h"
#include "bedrock/text.h"
#include "bedrock/usage.h"
#include "calls/captured_call.h"
#include "calls/coded_body.h"
#include "calls/header_fields.h"
#include "calls/redact_call.h"

namespace borehole::calls {

namespace {

http::ContentCodings content_codings(bedrock::Fields fields) {
  http::ContentCodings codings;
  for (const auto& [name, value] : fields) {
    if (equals_ignoring_case(name, "content-encoding")) codings.add(value);
  }
  return codings;
}

// Of a coded body of which something was captured; nullopt for all others.
std::optional<DecodedBody> undo_request_coding(const CapturedCall& call, const http::ContentCodings& codings) {
  const CallRecord::Request& request = call.record.request;
  if (codings.empty() || request.body.empty()) return std::nullopt;
  return undo_coding({.codings = codings,
                      .beginning = request.body,
                      .end = {},
                      .size = request.body_bytes,
                      .whole = call.record.outcome == Outcome::complete,
                      .stream = false,
                      .kept = call.body_max_bytes,
                      .marks = {}});
}

std::optional<DecodedBody> undo_response_coding(const CapturedCall& call, const http::ContentCodings& codings,
                                                bool stream) {
  const CallRecord::Response& response = call.record.response;
  const Bytes end = stream ? call.response_end.octets() : Bytes{};
  if (codings.empty() || (response.body.empty() && end.empty())) return std::nullopt;
  return undo_coding({.codings = codings,
                      .beginning = response.body,
                      .end = end,
                      .size = response.body_bytes,
                      .whole = call.record.outcome == Outcome::complete,
                      .stream = stream,
                      .kept = call.body_max_bytes,
                      .marks = call.response_marks.marks()});
}

std::optional<bedrock::StreamFormat> stream_format(bedrock::Fields fields) {
  const auto type = bedrock::find_field(fields, "content-type");
  return type ? bedrock::stream_format(*type) : std::nullopt;
}

void take_client(CallRecord& record, bedrock::Fields request) {
  if (const auto agent = bedrock::find_field(request, "user-agent")) record.client.user_agent = *agent;
  bedrock::Sdk sdk = bedrock::read_sdk(request);
  record.client.sdk = std::move(sdk.name);
  record.client.sdk_version = std::move(sdk.version);
  bedrock::Application application = bedrock::read_application(request);
  record.client.app_id = std::move(application.id);
  record.client.framework = std::move(application.framework);
  record.client.framework_version = std::move(application.framework_version);
  bedrock::Attempt attempt = bedrock::read_attempt(request);
  record.aws.invocation_id = std::move(attempt.invocation_id);
  record.aws.attempt = attempt.attempt;
  record.aws.max_attempts = attempt.max_attempts;
}

CallRecord::Usage usage_of(bedrock::Usage usage) {
  CallRecord::Usage out;
  out.input_tokens = usage.input_tokens;
  out.output_tokens = usage.output_tokens;
  out.cache_read_tokens = usage.cache_read_tokens;
  out.cache_write_tokens = usage.cache_write_tokens;
  out.cache_write_1h_tokens = usage.cache_write_1h_tokens;
  out.total_tokens = usage.total_tokens;
  if (!usage.empty()) out.disagrees = usage.disagrees;
  out.source = std::move(usage.source);
  return out;
}

// Moves what a record holds out of `facts`.
void take_facts(CallRecord& record, bedrock::AnswerFacts& facts) {
  record.usage = usage_of(facts.usage);
  if (facts.other_usage) record.usage.others.push_back(usage_of(*std::move(facts.other_usage)));
  if (facts.stop_reason) record.response.stop_reason = *std::move(facts.stop_reason);
  if (facts.error_type) record.response.error_type = *std::move(facts.error_type);
  if (facts.error_message) {
    bedrock::Principal principal = bedrock::read_principal(*facts.error_message);
    record.aws.principal = std::move(principal.arn);
    record.aws.session_name = std::move(principal.session_name);
    record.response.error_message = *std::move(facts.error_message);
  }
  if (facts.guardrail_action) record.response.guardrail_action = *std::move(facts.guardrail_action);
  if (record.aws.model_id.empty() && facts.model_id) record.aws.model_id = *std::move(facts.model_id);
  if (facts.latency_ms) record.timing_ms.reported_by_aws = static_cast<double>(*facts.latency_ms);
}

// Of a stream in no coding `decoded` is null.
bedrock::StreamedBody streamed_body(const CapturedCall& call, bedrock::StreamFormat format, bedrock::Fields response,
                                    const DecodedBody* decoded) {
  const CallRecord& record = call.record;
  bedrock::StreamedBody body{.format = format,
                             .beginning = record.response.body,
                             .end = call.response_end.octets(),
                             .size = record.response.body_bytes,
                             .whole = record.outcome == Outcome::complete,
                             .fields = response};
  if (decoded == nullptr) return body;
  body.beginning = decoded->content;
  body.end = decoded->end.octets();
  body.size = decoded->size;
  body.whole = body.whole && !decoded->cut && decoded->sound();
  return body;
}

void take_token_times(CallRecord& record, const TokenTimes& times, bool to_the_end) {
  auto& timing = record.timing_ms;
  timing.first_token = times.first;
  timing.token_gap_p50 = times.gap_p50;
  timing.token_gap_p95 = times.gap_p95;
  timing.token_gap_max = times.gap_max;
  const auto tokens = record.usage.output_tokens.value_or(0);
  if (!to_the_end || !times.first || !times.last || tokens < 2 || *times.last <= *times.first) return;
  // The first token begins the time, and so is none of those that came within it.
  timing.output_tokens_per_second = static_cast<double>(tokens - 1) * 1000 / (*times.last - *times.first);
}

// `what`: the stream, as notes name it.
CallRecord::Stream stream_of(bedrock::StreamedBodyFacts& facts, const std::string& what,
                             std::vector<std::string>& notes) {
  CallRecord::Stream stream;
  stream.events = facts.events;
  stream.signed_events = facts.signed_events;
  stream.crc_failures = facts.crc_failures;
  stream.exception = std::move(facts.answer.exception);
  stream.unknown_events = facts.answer.unknown_events;
  for (auto& event : facts.answer.unknown) stream.unknown.emplace_back(std::move(event.name), std::move(event.payload));
  if (!facts.error.empty()) notes.push_back(what + " was not decoded to its end: " + facts.error);
  if (!facts.inner_error.empty()) notes.push_back("an event of " + what + " was not decoded: " + facts.inner_error);
  if (facts.left_out != 0) {
    notes.push_back(std::to_string(facts.left_out) + " octets of " + what + " were not decoded: they did not fit");
  }
  return stream;
}

bedrock::AnswerFacts take_stream(CapturedCall& call, bedrock::StreamFormat format, bedrock::Fields response,
                                 const DecodedBody* decoded) {
  CallRecord& record = call.record;
  const bedrock::StreamedBody body = streamed_body(call, format, response, decoded);
  bedrock::StreamedBodyFacts facts = bedrock::read_streamed_body(body);
  record.response.stream = stream_of(facts, "the stream", record.notes);
  const bool cut = decoded != nullptr && (decoded->cut || !decoded->sound());
  if (cut && record.outcome == Outcome::complete) {
    record.notes.emplace_back("the compressed stream was not decoded to its end: usage and answer may be incomplete");
  }
  if (!facts.answer.role.empty() || !facts.answer.blocks.empty()) {
    record.response.answer = {.role = std::move(facts.answer.role),
                              .content = std::move(facts.answer.blocks),
                              .shortened = facts.answer.shortened || record.response.body_truncated || cut ||
                                           body.size > body.beginning.size()};
  }
  record.response.guardrail_action = std::move(facts.answer.guardrail_action);
  const std::span<const StreamMarks::Mark> marks =
      decoded != nullptr ? std::span<const StreamMarks::Mark>(decoded->marks) : call.response_marks.marks();
  if (decoded == nullptr || decoded->sound()) {  // then `body` is what is kept
    record.response.arrivals = arrival_times(marks, body.beginning.size());
  }
  take_facts(record, facts.answer.facts);
  take_token_times(record, token_times(marks, facts.content_ends), !cut && facts.left_out == 0 && facts.error.empty());
  return std::move(facts.answer.facts);
}

void take_cost(CallRecord& record, const bedrock::AnswerFacts& facts, bedrock::Fields request,
               const bedrock::PriceTable& prices) {
  if (facts.priced_otherwise || bedrock::priced_otherwise(request) || !record.usage.spent()) return;
  const bedrock::ModelPrice* const price = prices.find(record.aws.service, record.aws.region, record.aws.model_id);
  if (price == nullptr) return;
  const auto amount = bedrock::cost(*price, {.usage = facts.usage, .images = facts.images});
  if (amount) record.cost_usd = bedrock::dollars_text(*amount);
}

// The body in the record is what its sender meant.
bool as_meant(const CallRecord::BodyCoding& coding) { return coding.names.empty() || coding.decoded; }

bedrock::AnswerFacts take_answer(CapturedCall& call, const bedrock::Operation* operation, bedrock::Fields response) {
  CallRecord& record = call.record;
  if (const auto id = bedrock::find_field(response, "x-amzn-requestid")) record.aws.request_id = *id;
  const auto format = stream_format(response);
  const int status = record.response.status.value_or(0);
  const bool stream = format && status / 100 == 2;
  const http::ContentCodings codings = content_codings(response);
  record.response.coding.names = record.response.body_bytes == 0 ? std::string() : codings.names;
  if (codings.empty()) call.secrets.cleanse(record.response.body, record.response.body_truncated);
  std::optional<DecodedBody> decoded = undo_response_coding(call, codings, stream);
  const auto keep_decoded = [&] {
    if (!decoded) return;
    keep(*std::move(decoded), codings, call.secrets, record.response.body, record.response.body_truncated,
         record.response.coding);
  };
  if (stream) {
    bedrock::AnswerFacts facts = take_stream(call, *format, response, decoded ? &*decoded : nullptr);
    keep_decoded();
    return facts;
  }
  keep_decoded();
  bedrock::AnswerFacts facts = bedrock::read_answer(
      operation, {.status = status,
                  .fields = response,
                  .body = record.response.body,
                  .body_truncated = record.response.body_truncated || format || !as_meant(record.response.coding)});
  take_facts(record, facts);
  return facts;
}

// What a client says on a stream of its own (InvokeModelWithBidirectionalStream).
void take_request_stream(CapturedCall& call, bedrock::StreamFormat format) {
  CallRecord& record = call.record;
  CallRecord::Request& request = record.request;
  const bool decoded = request.coding.decoded;
  const Bytes end = decoded ? Bytes() : call.request_end.octets();
  bedrock::StreamedBodyFacts facts = bedrock::read_streamed_body(
      {.format = format,
       .beginning = request.body,
       .end = end,
       .size = decoded ? request.coding.octets.value_or(request.body.size()) : request.body_bytes,
       .whole = record.outcome == Outcome::complete && (!decoded || !request.body_truncated),
       .fields = {}});
  request.stream = stream_of(facts, "the request's stream", record.notes);
  if (facts.answer.blocks.empty() && facts.answer.tools.empty()) return;
  request.prompt = {.content = std::move(facts.answer.blocks),
                    .tools = std::move(facts.answer.tools),
                    .shortened = facts.answer.shortened || request.body_truncated};
}

void take_request_body(CapturedCall& call, bedrock::Fields fields) {
  CallRecord::Request& request = call.record.request;
  const http::ContentCodings codings = content_codings(fields);
  request.coding.names = request.body_bytes == 0 ? std::string() : codings.names;
  if (auto decoded = undo_request_coding(call, codings)) {
    keep(*std::move(decoded), codings, {}, request.body, request.body_truncated, request.coding);
  }
  if (const auto format = stream_format(fields); format && request.body_bytes != 0 && as_meant(request.coding)) {
    take_request_stream(call, *format);
  }
}

void decode_all(CapturedCall& call, const std::optional<bedrock::Endpoint>& endpoint,
                const std::optional<bedrock::Operation>& operation, const bedrock::PriceTable* prices) {
  CallRecord& record = call.record;
  const auto request = fields_of(record.request.headers);
  const auto response = fields_of(record.response.headers);
  take_client(record, request);
  if (auto process = call.client_process ? call.client_process->value() : std::nullopt) {
    record.client.process_pid = process->pid;
    record.client.process_name = std::move(process->name);
  }
  take_request_body(call, request);

  if (operation) {
    record.aws.operation = operation->name;
    record.aws.service = operation->service;
    record.aws.model_id = operation->model_id;
    if (record.aws.model_id.empty() && !record.request.body_truncated && as_meant(record.request.coding)) {
      if (auto told = bedrock::read_request(*operation, record.request.body).model_id) {
        record.aws.model_id = *std::move(told);
      }
    }
  } else if (endpoint) {
    record.aws.service = endpoint->service;
  } else {
    record.aws.service = call.signing_service;
  }
  const bedrock::AnswerFacts facts = take_answer(call, operation ? &*operation : nullptr, response);

  std::string arn_region;
  if (!record.aws.model_id.empty()) {
    bedrock::ModelName model = bedrock::parse_model_id(record.aws.model_id);
    record.aws.provider = std::move(model.provider);
    record.aws.inference_scope = std::move(model.inference_scope);
    arn_region = std::move(model.arn_region);
  }
  record.aws.region = call.signing_region;
  if (record.aws.region.empty() && endpoint) record.aws.region = endpoint->region;
  if (record.aws.region.empty()) record.aws.region = std::move(arn_region);
  if (prices != nullptr) take_cost(record, facts, request, *prices);
}

}  // namespace

void decode(CapturedCall& call, const bedrock::PriceTable* prices) noexcept {
  std::optional<bedrock::Operation> operation;
  try {
    const CallRecord& record = call.record;
    const auto endpoint = bedrock::parse_endpoint(record.upstream.host);
    operation = bedrock::recognise_at(endpoint, record.request.method, call.target, call.amz_target);
    decode_all(call, endpoint, operation, prices);
  } catch (...) {                                               // out of memory: what is not decoded is absent
    if (!call.secrets.empty()) call.record.response.body = {};  // and what may quote them
    try {
      call.record.notes.emplace_back("memory ran out while this call was decoded, so parts of this record are missing");
    } catch (...) {
    }
  }
  call.secrets = {};
  redact(call, operation ? &*operation : nullptr);
}

}  // namespace borehole::calls
