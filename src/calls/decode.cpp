#include <algorithm>
#include <optional>
#include <utility>

#include "bedrock/fields.h"
#include "bedrock/hosts.h"
#include "bedrock/model_id.h"
#include "bedrock/operation.h"
#include "bedrock/price.h"
#include "bedrock/sdk.h"
#include "bedrock/streamed_body.h"
#include "bedrock/text.h"
#include "bedrock/usage.h"
#include "calls/captured_call.h"

namespace borehole::calls {

namespace {

std::vector<bedrock::Field> fields_of(const Headers& headers) {
  std::vector<bedrock::Field> fields;
  fields.reserve(headers.size());
  for (const auto& field : headers) fields.push_back(field);
  return fields;
}

// gzip and the like: the record keeps the octets as they came, and nothing is read out of them.
bool content_coded(bedrock::Fields fields) {
  const auto coding = bedrock::find_field(fields, "content-encoding");
  return coding && !coding->empty() && !bedrock::equals_ignoring_case(*coding, "identity");
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
  if (facts.error_message) record.response.error_message = *std::move(facts.error_message);
  if (facts.guardrail_action) record.response.guardrail_action = *std::move(facts.guardrail_action);
  if (record.aws.model_id.empty() && facts.model_id) record.aws.model_id = *std::move(facts.model_id);
  if (facts.latency_ms) record.timing_ms.reported_by_aws = static_cast<double>(*facts.latency_ms);
}

bedrock::AnswerFacts take_stream(CapturedCall& call, bedrock::StreamFormat format, bedrock::Fields response) {
  CallRecord& record = call.record;
  bedrock::StreamedBodyFacts facts = bedrock::read_streamed_body({.format = format,
                                                                  .beginning = record.response.body,
                                                                  .end = call.response_end.octets(),
                                                                  .size = record.response.body_bytes,
                                                                  .whole = record.outcome == Outcome::complete,
                                                                  .fields = response});
  record.response.stream = CallRecord::Stream{};
  CallRecord::Stream& stream = *record.response.stream;
  stream.events = facts.events;
  stream.crc_failures = facts.crc_failures;
  stream.exception = std::move(facts.answer.exception);
  stream.unknown_events = facts.answer.unknown_events;
  for (auto& event : facts.answer.unknown) stream.unknown.emplace_back(std::move(event.name), std::move(event.payload));
  if (!facts.error.empty()) record.notes.push_back("the stream was not decoded to its end: " + facts.error);
  if (facts.left_out != 0) {
    record.notes.push_back(std::to_string(facts.left_out) + " octets of the stream were not decoded: they did not fit");
  }
  if (!facts.answer.role.empty() || !facts.answer.blocks.empty()) {
    record.response.answer = {.role = std::move(facts.answer.role),
                              .content = std::move(facts.answer.blocks),
                              .shortened = facts.answer.shortened || record.response.body_truncated};
  }
  record.response.guardrail_action = std::move(facts.answer.guardrail_action);
  const TokenTimes times = token_times(call.response_marks.marks(), facts.content_ends);
  record.timing_ms.first_token = times.first;
  record.timing_ms.token_gap_p50 = times.gap_p50;
  record.timing_ms.token_gap_max = times.gap_max;
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

bedrock::AnswerFacts take_answer(CapturedCall& call, const bedrock::Operation* operation, bedrock::Fields response) {
  CallRecord& record = call.record;
  if (const auto id = bedrock::find_field(response, "x-amzn-requestid")) record.aws.request_id = *id;
  const auto format = stream_format(response);
  const bool coded = content_coded(response);
  const int status = record.response.status.value_or(0);
  bedrock::AnswerFacts facts;
  if (format && !coded && status / 100 == 2) {
    facts = take_stream(call, *format, response);
  } else {
    facts = bedrock::read_answer(operation, {.status = status,
                                             .fields = response,
                                             .body = record.response.body,
                                             .body_truncated = record.response.body_truncated || coded || format});
  }
  take_facts(record, facts);
  return facts;
}

void decode_all(CapturedCall& call, const bedrock::PriceTable* prices) {
  CallRecord& record = call.record;
  const auto request = fields_of(record.request.headers);
  const auto response = fields_of(record.response.headers);
  take_client(record, request);

  const auto operation = bedrock::recognise(record.upstream.host, record.request.method, call.target, call.amz_target);
  const auto endpoint = bedrock::parse_endpoint(record.upstream.host);
  if (operation) {
    record.aws.operation = operation->name;
    record.aws.service = operation->service;
    record.aws.model_id = operation->model_id;
    if (record.aws.model_id.empty() && !record.request.body_truncated && !content_coded(request)) {
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
  try {
    decode_all(call, prices);
  } catch (...) {  // out of memory: what is not decoded is absent
  }
}

}  // namespace borehole::calls
