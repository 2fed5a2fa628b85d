// One file, though a long one: it is the list of a record's members, in their order, and what writes each kind.
#include "calls/record_json.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <optional>

#include "bedrock/text.h"
#include "calls/json_text.h"
#include "calls/utf8.h"

namespace borehole::calls {

namespace {

// Writes members in order; those without a value are left out, and so are objects without members.
class Writer {
 public:
  Writer(std::string& out, std::size_t expected) : out_(out, expected) {}
  void finish() { out_.finish(); }

  void open() {
    if (!first_) out_.put(',');
    out_.put('{');
    first_ = true;
  }
  void open(const JsonKey& name) {
    key(name);
    out_.put('{');
    first_ = true;
  }
  void close() {
    out_.put('}');
    first_ = false;
  }
  // An object that is taken back if nothing stands in it.
  template <class F>
  void object(const JsonKey& name, F&& members) {
    const std::size_t before = out_.size();
    const bool was_first = first_;
    open(name);
    members();
    if (first_) {
      out_.cut(before);
      first_ = was_first;
    } else {
      close();
    }
  }

  void text(const JsonKey& name, std::string_view value) {
    if (!value.empty()) text_always(name, value);
  }
  void text_always(const JsonKey& name, std::string_view value) {
    key(name);
    out_.string(value);
  }
  // `json` is a value without blanks.
  void raw(const JsonKey& name, std::string_view json) {
    key(name);
    append_value(json);
  }
  void raws(const JsonKey& name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    key(name);
    char before = '[';
    for (const std::string& value : values) {
      out_.put(before);
      append_value(value);
      before = ',';
    }
    out_.put(']');
  }
  void null(const JsonKey& name) {
    key(name);
    out_.put("null");
  }
  template <class T>
  void number(const JsonKey& name, const std::optional<T>& value) {
    if (!value) return;
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(*value)) return;
      key(name);
      out_.thousandths(*value);
    } else {
      key(name);
      out_.number(*value);
    }
  }
  void flag(const JsonKey& name, const std::optional<bool>& value) {
    if (!value) return;
    key(name);
    out_.put(*value ? "true" : "false");
  }
  void texts(const JsonKey& name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    key(name);
    char before = '[';
    for (const std::string& value : values) {
      out_.put(before);
      out_.string(value);
      before = ',';
    }
    out_.put(']');
  }
  // An object for each item; left out if there is none.
  template <class Items, class F>
  void array(const JsonKey& name, const Items& items, F&& members) {
    if (items.empty()) return;
    key(name);
    out_.put('[');
    first_ = true;
    for (const auto& item : items) {
      open();
      members(item);
      close();
    }
    out_.put(']');
    first_ = false;
  }
  void arrivals(const JsonKey& name, const std::vector<std::pair<std::uint64_t, double>>& values) {
    if (values.empty()) return;
    key(name);
    char before = '[';
    for (const auto& [octets, millis] : values) {
      out_.put(before);
      out_.put('[');
      out_.number(octets);
      out_.put(',');
      out_.number(millis);
      out_.put(']');
      before = ',';
    }
    out_.put(']');
  }
  void headers(const JsonKey& name, const Headers& values) {
    if (values.empty()) return;
    key(name);
    char before = '[';
    for (const auto& [field, value] : values) {
      out_.put(before);
      out_.put('[');
      out_.string(field);
      out_.put(',');
      out_.string(value);
      out_.put(']');
      before = ',';
    }
    out_.put(']');
  }
  template <class Message>
  void body(const Message& message) {
    const std::string_view content = message.body;
    const bool truncated = message.body_truncated;
    number("body_bytes", std::optional(message.body_bytes));
    if (!content.empty() || message.body_bytes == 0) {
      // A cut inside a character does not make a text binary.
      const std::string_view whole = truncated ? without_partial_utf8(content) : content;
      if (is_utf8(whole)) {
        key("body");
        out_.valid_string(whole);
      } else {
        text_always("body", bedrock::base64_encode(content));
        text_always("body_encoding", "base64");
      }
    }
    flag("body_truncated", truncated);
    text("body_sha256", message.body_sha256);
    text("body_withheld", message.body_withheld);
    const CallRecord::BodyCoding& coding = message.coding;
    if (coding.names.empty()) return;
    text("body_coding", coding.names);
    flag("body_decoded", coding.decoded);
    number("body_decoded_bytes", coding.octets);
    object("body_coding_error", [&] {
      text("code", coding.fault);
      text("message", coding.error);
    });
  }
  // Of names that are not this program's own.
  void counts(const JsonKey& name, const std::vector<std::pair<std::string, std::uint64_t>>& values) {
    if (values.empty()) return;
    key(name);
    char before = '{';
    for (const auto& [what, count] : values) {
      out_.put(before);
      out_.string(what);
      out_.put(':');
      out_.number(count);
      before = ',';
    }
    out_.put('}');
  }

 private:
  void key(const JsonKey& name) {
    if (!first_) out_.put(',');
    first_ = false;
    out_.key(name);
  }

  // What a terminal would take for a command can only stand in strings, and is escaped there as in all others.
  void append_value(std::string_view json) {
    for (std::size_t i = 0; i < json.size(); ++i) {
      const auto octet = static_cast<unsigned char>(json[i]);
      const auto next = i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : 0U;
      if (octet == 0x7f) {
        out_.put("\\u007f");
      } else if (octet == 0xc2 && next >= 0x80 && next < 0xa0) {
        out_.put(fmt::format("\\u{:04x}", next));
        ++i;
      } else {
        out_.put(json[i]);
      }
    }
  }

  JsonText out_;
  bool first_ = true;
};

void write_aws(Writer& json, const CallRecord::Aws& aws) {
  json.object("aws", [&] {
    json.text("service", aws.service);
    json.text("operation", aws.operation);
    json.text("region", aws.region);
    json.text("model_id", aws.model_id);
    json.text("provider", aws.provider);
    json.text("inference_scope", aws.inference_scope);
    json.text("request_id", aws.request_id);
    json.text("access_key_id", aws.access_key_id);
    json.text("api_key_name", aws.api_key_name);
    json.text("principal", aws.principal);
    json.text("session_name", aws.session_name);
    json.texts("signed_headers", aws.signed_headers);
    json.flag("signature_intact", aws.signature_intact);
    json.text("invocation_id", aws.invocation_id);
    json.number("attempt", aws.attempt);
    json.number("max_attempts", aws.max_attempts);
    if (aws.signing) {
      json.object("signing", [&] {
        json.text("scheme", aws.signing->scheme);
        json.text("scope", aws.signing->scope);
        json.text("signature_sha256", aws.signing->signature_sha256);
        json.text("api_key", aws.signing->api_key);
        json.text("api_key_fault", aws.signing->api_key_fault);
        json.text("api_key_expires_at", aws.signing->api_key_expires_at);
      });
    }
  });
}

// In the shape of an Anthropic message, which has a place for all that the others have.
void write_block(Writer& json, const bedrock::AnswerBlock& block) {
  using Kind = bedrock::AnswerBlock::Kind;
  switch (block.kind) {
    case Kind::text:
      json.text_always("type", "text");
      json.text_always("text", block.text);
      break;
    case Kind::thinking:
      json.text_always("type", block.redacted.empty() ? "thinking" : "redacted_thinking");
      json.text("thinking", block.text);
      json.text("signature", block.signature);
      json.text("data", block.redacted);
      break;
    case Kind::tool_use:
      json.text_always("type", "tool_use");
      json.text("id", block.tool_id);
      json.text("name", block.tool_name);
      if (block.text_is_json) {
        json.raw("input", block.text);
      } else {
        json.text("input", block.text);
      }
      break;
    case Kind::other:
      json.text_always("type", "other");
      json.text("text", block.text);
      break;
    case Kind::tool_result:
      json.text_always("type", "tool_result");
      json.text("tool_use_id", block.tool_id);
      json.text("content", block.text);
      if (block.failed) json.flag("is_error", true);
      break;
    case Kind::audio:
      json.text_always("type", "audio");
      json.text("media_type", block.media_type);
      json.number("bytes", std::optional(block.octets));
      break;
  }
  json.text("role", block.role);
  json.text("stage", block.stage);
  json.raws("citations", block.citations);
  if (block.choice != 0) json.number("choice", std::optional(block.choice));
}

void write_answer(Writer& json, const CallRecord::Answer& answer) {
  json.object("answer", [&] {
    json.text("role", answer.role);
    json.array("content", answer.content, [&](const bedrock::AnswerBlock& block) { write_block(json, block); });
    if (answer.shortened) json.flag("shortened", true);
  });
}

void write_prompt(Writer& json, const CallRecord::Prompt& prompt) {
  json.object("prompt", [&] {
    json.array("content", prompt.content, [&](const bedrock::AnswerBlock& block) { write_block(json, block); });
    json.texts("tools", prompt.tools);
    if (prompt.shortened) json.flag("shortened", true);
  });
}

void write_stream(Writer& json, const CallRecord::Stream& stream) {
  json.object("stream", [&] {
    json.number("events", std::optional(stream.events));
    if (stream.signed_events != 0) json.number("signed_events", std::optional(stream.signed_events));
    json.number("crc_failures", std::optional(stream.crc_failures));
    json.text("exception", stream.exception);
    if (stream.unknown_events != 0) {
      json.number("unknown_events", std::optional(stream.unknown_events));
      json.array("unknown", stream.unknown, [&](const auto& event) {
        json.text("name", event.first);
        json.text_always("payload", event.second);
      });
    }
  });
}

// Kinds of which there were none are left out.
void write_websocket(Writer& json, const http::WebSocketCounts& counts) {
  const auto number = [&](const JsonKey& name, std::uint64_t count) {
    if (count != 0) json.number(name, std::optional(count));
  };
  json.object("websocket", [&] {
    json.number("frames", std::optional(counts.frames()));
    number("text", counts.text);
    number("binary", counts.binary);
    number("continuation", counts.continuation);
    number("ping", counts.ping);
    number("pong", counts.pong);
    number("close", counts.close);
    number("other", counts.other);
    json.number("payload_bytes", std::optional(counts.payload_bytes));
    json.number("close_code", counts.close_code);
    json.number("unreadable_at", counts.unreadable_at);
  });
}

void write_response(Writer& json, const CallRecord::Response& response) {
  json.object("response", [&] {
    json.number("status", response.status);
    json.headers("headers", response.headers);
    if (response.status) json.body(response);
    if (response.stream) write_stream(json, *response.stream);
    if (response.websocket) write_websocket(json, *response.websocket);
    if (response.answer) write_answer(json, *response.answer);
    json.arrivals("arrivals", response.arrivals);
    json.text("stop_reason", response.stop_reason);
    json.text("guardrail_action", response.guardrail_action);
    json.text("error_type", response.error_type);
    json.text("error_message", response.error_message);
  });
}

void write_counts(Writer& json, const CallRecord::Usage& usage) {
  json.number("input_tokens", usage.input_tokens);
  json.number("output_tokens", usage.output_tokens);
  json.number("cache_read_tokens", usage.cache_read_tokens);
  json.number("cache_write_tokens", usage.cache_write_tokens);
  json.number("cache_write_1h_tokens", usage.cache_write_1h_tokens);
  json.number("total_tokens", usage.total_tokens);
  json.text("source", usage.source);
}

void write_usage(Writer& json, const CallRecord::Usage& usage) {
  json.object("usage", [&] {
    write_counts(json, usage);
    json.flag("disagrees", usage.disagrees);
    json.array("others", usage.others, [&](const CallRecord::Usage& other) { write_counts(json, other); });
  });
}

void write_timing(Writer& json, const CallRecord::Timing& timing) {
  json.object("timing_ms", [&] {
    json.number("connect", timing.connect);
    json.number("tls", timing.tls);
    json.number("upstream_first_byte", timing.upstream_first_byte);
    json.number("first_token", timing.first_token);
    json.number("token_gap_p50", timing.token_gap_p50);
    json.number("token_gap_p95", timing.token_gap_p95);
    json.number("token_gap_max", timing.token_gap_max);
    json.number("output_tokens_per_second", timing.output_tokens_per_second);
    json.number("total", timing.total);
    json.number("reported_by_aws", timing.reported_by_aws);
    json.number("added_by_proxy", timing.added_by_proxy);
  });
}

// More than nearly all records need, so that room is made once; escaping makes texts longer.
std::size_t expected_size(const CallRecord& record) {
  const std::size_t bodies = record.request.body.size() + record.response.body.size();
  return 8 * std::size_t{1024} + bodies + bodies / 8 + record.request.headers.capacity() +
         record.response.headers.capacity();
}

}  // namespace

std::string to_json(const CallRecord& record) {
  std::string out;
  append_json(out, record);
  return out;
}

void append_json(std::string& out, const CallRecord& record) {
  Writer json(out, expected_size(record));
  json.open();
  json.text_always("id", record.id);
  json.text_always("started_at", format_rfc3339(record.started_at));
  json.text_always("way_in", way_in_name(record.way_in));
  json.text("router", record.router);
  json.text("session_id", record.session_id);
  json.text_always("outcome", outcome_name(record.outcome));
  if (record.error) {
    json.object("error", [&] {
      json.text_always("code", error_code_name(record.error->code));
      json.text_always("message", record.error->detail);
      json.text_always("fault", fault_name(record.error->fault));
    });
  }
  json.texts("notes", record.notes);
  json.object("client", [&] {
    json.text("address", record.client.address);
    json.text("user_agent", record.client.user_agent);
    json.text("sdk", record.client.sdk);
    json.text("sdk_version", record.client.sdk_version);
    json.text("app_id", record.client.app_id);
    json.text("framework", record.client.framework);
    json.text("framework_version", record.client.framework_version);
    json.object("process", [&] {
      json.number("pid", record.client.process_pid);
      json.text("name", record.client.process_name);
    });
  });
  json.object("upstream", [&] {
    json.text("host", record.upstream.host);
    if (record.upstream.port != 0) json.number("port", std::optional(record.upstream.port));
    json.text("address", record.upstream.address);
    json.flag("reused", record.upstream.reused);
    json.text("tls_version", record.upstream.tls_version);
    json.text("alpn", record.upstream.alpn);
  });
  write_aws(json, record.aws);
  json.object("request", [&] {
    json.text("method", record.request.method);
    json.text("target", record.request.target);
    json.headers("headers", record.request.headers);
    json.body(record.request);
    if (record.request.stream) write_stream(json, *record.request.stream);
    if (record.request.prompt) write_prompt(json, *record.request.prompt);
    if (record.request.websocket) write_websocket(json, *record.request.websocket);
  });
  write_response(json, record.response);
  write_usage(json, record.usage);
  if (record.cost_usd) {
    json.text_always("cost_usd", *record.cost_usd);
  } else {
    json.null("cost_usd");
  }
  write_timing(json, record.timing_ms);
  json.counts("redactions", record.redactions);
  json.close();
  json.finish();
}

}  // namespace borehole::calls
