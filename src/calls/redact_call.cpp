#include "calls/redact_call.h"

#include <new>
#include <utility>
#include <vector>

#include "bedrock/fields.h"
#include "bedrock/streamed_body.h"
#include "bedrock/usage.h"
#include "calls/header_fields.h"
#include "calls/redactor.h"
#include "calls/stream_redactor.h"
#include "tls/digest.h"

namespace borehole::calls {

namespace {

// What a message's fields said of its body, before anything was hidden in them.
struct BodyShape {
  template <class Message>
  explicit BodyShape(const Message& message) {
    coded = !message.coding.names.empty() && !message.coding.decoded;
    const auto fields = fields_of(message.headers);
    if (const auto type = bedrock::find_field(fields, "content-type")) format = bedrock::stream_format(*type);
  }
  bool coded = false;
  std::optional<bedrock::StreamFormat> format;
};

// One call's. Headers and other texts first: what is read again out of bodies goes by them.
class CallRedaction {
 public:
  CallRedaction(CapturedCall& call, const bedrock::Operation* operation)
      : call_(call), record_(call.record), operation_(operation), redactor_(*call.redaction) {}

  void run() {
    const BodyKeep keep = redactor_.rules().keep_of(record_.aws.model_id, record_.router);
    if (redactor_.rules().hides()) {
      const BodyShape request(record_.request);
      const BodyShape response(record_.response);
      headers(record_.request.headers);
      headers(record_.response.headers);
      request_body(request);
      response_body(response);
      texts();
      record_.redactions = redactor_.counts();
    }
    keep_body(record_.request, keep);
    keep_body(record_.response, keep);
    if (keep != BodyKeep::kept) forget_content();
  }

 private:
  void clean(std::string& text) { redactor_.clean(text); }

  void headers(Headers& headers) {
    Headers cleaned;
    cleaned.reserve(headers.size(), headers.capacity());
    bool changed = false;
    for (const auto& [name, value] : headers) {
      std::string name_text(name);
      std::string value_text;
      changed = redactor_.clean(name_text) || changed;
      if (redactor_.clean_value(value, name, false, 0, value_text)) {
        changed = true;
      } else {
        value_text = value;
      }
      cleaned.emplace_back(name_text, value_text);
    }
    if (changed) headers = std::move(cleaned);
  }

  template <class Message>
  void withhold(Message& message, std::string_view why) {
    std::string().swap(message.body);
    message.body_withheld = why;
  }

  // False: there is none, or nothing of it may be kept. Streams are left for later.
  template <class Message>
  bool clean_body(Message& message, const BodyShape& shape) {
    if (message.body.empty()) return false;
    if (shape.coded) {
      withhold(message, "its content-encoding cannot be looked into");
      return false;
    }
    if (message.websocket) {
      withhold(message, "the frames of a WebSocket cannot be looked into");
      return false;
    }
    if (shape.format) return true;
    if (const auto why = redactor_.clean_body(message.body, message.body_truncated)) withhold(message, *why);
    return message.body_withheld.empty();
  }

  void request_body(const BodyShape& shape) {
    auto& request = record_.request;
    const bool fine = clean_body(request, shape);
    if (!request.body_withheld.empty()) forget_prompt();
    if (shape.format && (fine || (request.stream && request.body_withheld.empty()))) {
      streamed_request(*shape.format);
    } else if (model_from_body()) {
      record_.aws.model_id = fine ? bedrock::read_request(*operation_, request.body).model_id.value_or("") : "";
    }
  }

  bool model_from_body() const {
    return operation_ != nullptr && operation_->model_id.empty() && !record_.request.body_truncated &&
           !redactor_.rules().paths.empty();
  }

  template <class Message>
  static StreamPart part_of(const Message& message) {
    return message.body_truncated ? StreamPart::beginning : StreamPart::whole;
  }

  template <class Message>
  void take(Message& message, RedactedStream& stream) {
    message.body = std::move(stream.octets);
    if (stream.withheld) {
      withhold(message, *stream.withheld);
    } else if (stream.left_out != 0 && !message.body_truncated) {
      record_.notes.push_back(std::to_string(stream.left_out) +
                              " octets of a stream are not kept: they are no whole event, and cannot be redacted");
    }
  }

  // As streamed_body, of what was put together of the client's own events.
  void streamed_request(bedrock::StreamFormat format) {
    auto& request = record_.request;
    RedactedStream stream = redact_stream(redactor_, format, request.body, part_of(request));
    if (request.stream && !stream.withheld && (stream.changed || request.body_truncated)) {
      bedrock::StreamedBodyFacts facts = read_redacted(format, request, call_.request_end.octets(), stream, {});
      request.stream->exception = std::move(facts.answer.exception);
      take_unknown(*request.stream, facts.answer.unknown);
      if (request.prompt) {
        request.prompt->content = std::move(facts.answer.blocks);
        request.prompt->tools = std::move(facts.answer.tools);
        request.prompt->shortened = request.prompt->shortened || facts.answer.shortened;
      }
    }
    take(request, stream);
    if (!request.body_withheld.empty()) forget_prompt();
    if (request.stream && clean_prompt() && request.body_withheld.empty()) {
      withhold(request, "what must be hidden is spread over its events; what was put together of them is kept");
    }
  }

  // True where something was hidden.
  bool clean_prompt() {
    auto& request = record_.request;
    bool changed = clean_unknown(*request.stream);
    if (!request.prompt) return changed;
    changed = clean_blocks(request.prompt->content) || changed;
    for (std::string& tool : request.prompt->tools) changed = redactor_.clean(tool) || changed;
    return changed;
  }

  void forget_prompt() {
    record_.request.prompt.reset();
    if (record_.request.stream) record_.request.stream->unknown.clear();
  }

  // What a stream says once it is redacted. `end`: the last octets of one that is not kept whole.
  template <class Message>
  bedrock::StreamedBodyFacts read_redacted(bedrock::StreamFormat format, const Message& message, Bytes end,
                                           const RedactedStream& beginning, bedrock::Fields fields) {
    if (message.coding.decoded) end = {};
    RedactedStream last = redact_stream(redactor_, format, end, StreamPart::end);
    // The end is read from the first event that begins behind an empty line.
    if (format == bedrock::StreamFormat::sse) last.octets.insert(0, "\n\n");
    const std::uint64_t gap = message.body_truncated ? 1 : 0;
    return bedrock::read_streamed_body({.format = format,
                                        .beginning = beginning.octets,
                                        .end = gap != 0 ? Bytes(last.octets) : Bytes(),
                                        .size = beginning.octets.size() + (gap != 0 ? gap + last.octets.size() : 0),
                                        .whole = false,
                                        .fields = fields});
  }

  static void take_unknown(CallRecord::Stream& stream, const std::vector<bedrock::StreamEvent>& events) {
    stream.unknown.clear();
    for (const auto& event : events) stream.unknown.emplace_back(event.name, event.payload);
  }

  void response_body(const BodyShape& shape) {
    auto& response = record_.response;
    const auto fields = fields_of(response.headers);
    const bool fine = clean_body(response, shape);
    if (!response.body_withheld.empty()) {
      forget_answer();
      read_again({}, fields);
    } else if (shape.format && (fine || response.stream)) {  // of a stream the end was read, whatever is kept of it
      streamed_body(*shape.format, fields);
    } else if (fine && !redactor_.rules().paths.empty()) {
      read_again(response.body, fields);
    }
  }

  // What the answer's body told in words is read out of what is kept of it.
  void read_again(Bytes body, bedrock::Fields fields) {
    auto& response = record_.response;
    bedrock::AnswerFacts facts = bedrock::read_answer(operation_, {.status = response.status.value_or(0),
                                                                   .fields = fields,
                                                                   .body = body,
                                                                   .body_truncated = response.body_truncated});
    take_words(facts);
  }

  void take_words(bedrock::AnswerFacts& facts) {
    auto& response = record_.response;
    response.guardrail_action = std::move(facts.guardrail_action).value_or("");
    response.stop_reason = std::move(facts.stop_reason).value_or("");
    response.error_type = std::move(facts.error_type).value_or("");
    response.error_message = std::move(facts.error_message).value_or("");
  }

  void streamed_body(bedrock::StreamFormat format, bedrock::Fields fields) {
    auto& response = record_.response;
    RedactedStream stream = redact_stream(redactor_, format, response.body, part_of(response));
    const bool read = response.stream.has_value();  // an error's body may call itself a stream
    if (read && !stream.withheld && (stream.changed || response.body_truncated)) {
      read_stream_again(read_redacted(format, response, call_.response_end.octets(), stream, fields));
    }
    take(response, stream);
    if (!response.body_withheld.empty()) forget_answer();
    if (read && clean_answer() && response.body_withheld.empty()) {
      withhold(response, "what must be hidden is spread over its events; the answer put together of them is kept");
    }
  }

  void read_stream_again(bedrock::StreamedBodyFacts facts) {
    auto& response = record_.response;
    response.stream->exception = std::move(facts.answer.exception);
    take_unknown(*response.stream, facts.answer.unknown);
    const std::string reason = response.stop_reason;
    take_words(facts.answer.facts);
    response.guardrail_action = std::move(facts.answer.guardrail_action);
    // The end of a compressed stream was gone through, and is no more.
    if (response.stop_reason.empty() && response.coding.decoded && redactor_.rules().paths.empty()) {
      response.stop_reason = reason;
    }
    if (!response.answer) return;
    response.answer->role = std::move(facts.answer.role);
    response.answer->content = std::move(facts.answer.blocks);
    response.answer->shortened = response.answer->shortened || facts.answer.shortened;
  }

  // True where something was hidden.
  bool clean_answer() {
    auto& response = record_.response;
    bool changed = clean_unknown(*response.stream);
    if (!response.answer) return changed;
    changed = redactor_.clean(response.answer->role) || changed;
    return clean_blocks(response.answer->content) || changed;
  }

  bool clean_unknown(CallRecord::Stream& stream) {
    bool changed = false;
    for (auto& [name, payload] : stream.unknown) {
      changed = redactor_.clean(name) || changed;
      changed = redactor_.clean(payload) || changed;
    }
    return changed;
  }

  bool clean_blocks(std::vector<bedrock::AnswerBlock>& blocks) {
    bool changed = false;
    for (bedrock::AnswerBlock& block : blocks) {
      const bool json = block.text_is_json || block.kind == bedrock::AnswerBlock::Kind::tool_use;
      changed = (json ? redactor_.clean_json(block.text) : redactor_.clean(block.text)) || changed;
      for (std::string* text : {&block.signature, &block.redacted, &block.tool_id, &block.tool_name, &block.role,
                                &block.stage, &block.media_type}) {
        changed = redactor_.clean(*text) || changed;
      }
      for (std::string& citation : block.citations) changed = redactor_.clean_json(citation) || changed;
    }
    return changed;
  }

  void forget_answer() {
    record_.response.answer.reset();
    if (record_.response.stream) record_.response.stream->unknown.clear();
  }

  void texts() {
    clean(record_.session_id);
    if (record_.error) clean(record_.error->detail);
    for (std::string& note : record_.notes) clean(note);
    auto& client = record_.client;
    for (std::string* text : {&client.user_agent, &client.sdk, &client.sdk_version, &client.app_id, &client.framework,
                              &client.framework_version, &client.process_name}) {
      clean(*text);
    }
    clean(record_.upstream.host);
    auto& aws = record_.aws;
    for (std::string* text :
         {&aws.service, &aws.operation, &aws.region, &aws.model_id, &aws.provider, &aws.inference_scope,
          &aws.request_id, &aws.invocation_id, &aws.api_key_name, &aws.principal, &aws.session_name}) {
      clean(*text);
    }
    for (std::string& name : aws.signed_headers) clean(name);
    redactor_.clean_but_aws_keys(aws.access_key_id);
    for (auto* coding : {&record_.request.coding, &record_.response.coding}) {
      for (std::string* text : {&coding->names, &coding->fault, &coding->error}) clean(*text);
    }
    clean(record_.request.method);
    clean(record_.request.target);
    auto& response = record_.response;
    for (std::string* text :
         {&response.stop_reason, &response.error_type, &response.error_message, &response.guardrail_action}) {
      clean(*text);
    }
    for (auto* stream : {&record_.request.stream, &response.stream}) {
      if (*stream) clean((*stream)->exception);
    }
  }

  template <class Message>
  void keep_body(Message& message, BodyKeep keep) {
    if (keep == BodyKeep::kept || message.body_bytes == 0) return;
    if (keep == BodyKeep::hashed && !message.body.empty()) message.body_sha256 = tls::sha256_hex(message.body);
    if (keep == BodyKeep::off && message.body_withheld.empty()) message.body_withheld = body_off;
    std::string().swap(message.body);
  }

  void forget_content() {
    record_.request.prompt.reset();
    record_.response.answer.reset();
    for (auto* stream : {&record_.request.stream, &record_.response.stream}) {
      if (!*stream) continue;
      for (auto& event : (*stream)->unknown) event.second.clear();
    }
  }

  CapturedCall& call_;
  CallRecord& record_;
  const bedrock::Operation* operation_;
  Redactor redactor_;
};

// Everything that came from outside goes. Allocates nothing but the reason.
void forget(CallRecord& record, const char* why) noexcept {
  record.session_id.clear();
  if (record.error) record.error->detail.clear();
  record.notes.clear();
  record.client.user_agent.clear();
  record.client.sdk.clear();
  record.client.sdk_version.clear();
  record.client.app_id.clear();
  record.client.framework.clear();
  record.client.framework_version.clear();
  record.upstream.host.clear();
  record.aws = {};
  record.request.target.clear();
  record.request.headers = {};
  std::string().swap(record.request.body);
  record.request.prompt.reset();
  if (record.request.stream) {
    record.request.stream->exception.clear();
    record.request.stream->unknown.clear();
  }
  auto& response = record.response;
  response.headers = {};
  std::string().swap(response.body);
  response.stop_reason.clear();
  response.error_type.clear();
  response.error_message.clear();
  response.guardrail_action.clear();
  response.answer.reset();
  if (response.stream) {
    response.stream->exception.clear();
    response.stream->unknown.clear();
  }
  record.redactions.clear();
  try {
    record.request.body_withheld = why;
    record.response.body_withheld = why;
    record.notes.emplace_back("nothing that client and upstream sent is kept: redaction did not come to its end");
  } catch (...) {
  }
}

}  // namespace

void redact(CapturedCall& call, const bedrock::Operation* operation) noexcept {
  if (!call.redaction || call.redaction->nothing()) return;
  try {
    CallRedaction(call, operation).run();
  } catch (const OutOfTime&) {
    forget(call.record, "looking through it took too long");
  } catch (...) {
    forget(call.record, "no memory");
  }
}

}  // namespace borehole::calls
