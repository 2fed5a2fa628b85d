#include <algorithm>
#include <utility>

#include "bedrock/fields.h"
#include "bedrock/hosts.h"
#include "bedrock/model_id.h"
#include "bedrock/operation.h"
#include "bedrock/sdk.h"
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

bool streamed(bedrock::Fields fields) {
  const auto type = bedrock::find_field(fields, "content-type");
  if (!type) return false;
  const auto essence = bedrock::trimmed(type->substr(0, type->find(';')));
  return bedrock::equals_ignoring_case(essence, "application/vnd.amazon.eventstream") ||
         bedrock::equals_ignoring_case(essence, "text/event-stream");
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

void take_answer(CallRecord& record, const bedrock::Operation* operation, bedrock::Fields response) {
  const bedrock::AnswerView view{
      .status = record.response.status.value_or(0),
      .fields = response,
      .body = record.response.body,
      .body_truncated = record.response.body_truncated || content_coded(response) || streamed(response)};
  bedrock::AnswerFacts facts = bedrock::read_answer(operation, view);
  record.usage.input_tokens = facts.usage.input_tokens;
  record.usage.output_tokens = facts.usage.output_tokens;
  record.usage.cache_read_tokens = facts.usage.cache_read_tokens;
  record.usage.cache_write_tokens = facts.usage.cache_write_tokens;
  record.usage.total_tokens = facts.usage.total_tokens;
  record.usage.source = std::move(facts.usage.source);
  if (!facts.usage.empty()) record.usage.disagrees = facts.usage.disagrees;
  if (facts.stop_reason) record.response.stop_reason = *std::move(facts.stop_reason);
  if (facts.error_type) record.response.error_type = *std::move(facts.error_type);
  if (facts.error_message) record.response.error_message = *std::move(facts.error_message);
  if (record.aws.model_id.empty() && facts.model_id) record.aws.model_id = *std::move(facts.model_id);
  if (facts.latency_ms) record.timing_ms.reported_by_aws = static_cast<double>(*facts.latency_ms);
  if (const auto id = bedrock::find_field(response, "x-amzn-requestid")) record.aws.request_id = *id;
}

void decode_all(CapturedCall& call) {
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
  take_answer(record, operation ? &*operation : nullptr, response);

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
}

}  // namespace

void decode(CapturedCall& call) noexcept {
  try {
    decode_all(call);
  } catch (...) {  // out of memory: what is not decoded is absent
  }
}

}  // namespace borehole::calls
