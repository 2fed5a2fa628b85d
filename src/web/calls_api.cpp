#include "web/calls_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "bedrock/diagnosis.h"
#include "bedrock/json_value.h"
#include "calls/diagnosis_json.h"
#include "calls/utf8.h"
#include "config/nearest.h"
#include "store/call_store.h"
#include "web/moment.h"

namespace borehole::web {

namespace {

constexpr std::size_t most_summaries = 1000;
constexpr std::size_t most_records = 200;
constexpr std::size_t page_bytes = std::size_t{8} * 1024 * 1024;

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), value) != words.end();
}

bool is_id_text(std::string_view text) {
  return !text.empty() && text.size() <= 26 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

bool take(std::optional<std::string>& into, const std::string& value) {
  into = value;
  return !value.empty();
}

bool take_moment(std::optional<WallTime>& into, const std::string& value, WallTime now) {
  into = parse_moment(value, now);
  return into.has_value();
}

bool take_limit(std::size_t& into, const std::string& value) {
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), into);
  return error == std::errc() && end == value.data() + value.size() && into >= 1 && into <= most_summaries;
}

struct Parameter {
  std::string_view name;
  std::string_view wants;
  bool (*read)(CallsQuery& query, const std::string& value, WallTime now);
};

constexpr std::string_view a_moment = "a time such as 2026-01-02T03:04:05Z, a date, or how long ago: 90s, 15m, 2h, 7d";

constexpr std::array<Parameter, 16> known{{
    {"model", "a part of a model's id",
     [](CallsQuery& q, const std::string& v, WallTime) { return take(q.filter.model, v); }},
    {"operation", "an operation such as Converse",
     [](CallsQuery& q, const std::string& v, WallTime) { return take(q.filter.operation, v); }},
    {"status", "a status such as 429, a class such as 4xx, or error",
     [](CallsQuery& q, const std::string& v, WallTime) { return store::choose_status(q.filter, v); }},
    {"outcome", "complete, client_aborted, upstream_failed or refused",
     [](CallsQuery& q, const std::string& v, WallTime) {
       return is_one_of(v, {"complete", "client_aborted", "upstream_failed", "refused"}) && take(q.filter.outcome, v);
     }},
    {"way_in", "connect, absolute, gateway or direct",
     [](CallsQuery& q, const std::string& v, WallTime) {
       return is_one_of(v, {"connect", "absolute", "gateway", "direct"}) && take(q.filter.way_in, v);
     }},
    {"region", "a region such as us-east-1",
     [](CallsQuery& q, const std::string& v, WallTime) { return take(q.filter.region, v); }},
    {"host", "a part of the upstream's name",
     [](CallsQuery& q, const std::string& v, WallTime) { return take(q.filter.host, v); }},
    {"sdk", "a part of an SDK's name",
     [](CallsQuery& q, const std::string& v, WallTime) { return take(q.filter.sdk, v); }},
    {"session", "a session's id",
     [](CallsQuery& q, const std::string& v, WallTime) { return take(q.filter.session, v); }},
    {"access_key", "an access key id",
     [](CallsQuery& q, const std::string& v, WallTime) { return take(q.filter.access_key, v); }},
    {"text", "a text that the record holds",
     [](CallsQuery& q, const std::string& v, WallTime) { return take(q.filter.text, v); }},
    {"since", a_moment,
     [](CallsQuery& q, const std::string& v, WallTime now) { return take_moment(q.filter.since, v, now); }},
    {"until", a_moment,
     [](CallsQuery& q, const std::string& v, WallTime now) { return take_moment(q.filter.until, v, now); }},
    {"limit", "a number from 1 to 1000",
     [](CallsQuery& q, const std::string& v, WallTime) { return take_limit(q.filter.limit, v); }},
    {"before", "the `next` of an earlier answer",
     [](CallsQuery& q, const std::string& v, WallTime) { return is_id_text(v) && take(q.filter.before, v); }},
    {"full", "1 for whole records, or 0",
     [](CallsQuery& q, const std::string& v, WallTime) {
       q.full = v == "1" || v == "true";
       return q.full || v == "0" || v == "false";
     }},
}};

Unexpected<Error> bad(std::string sentence) {
  return unexpected(Error{ErrorCode::malformed_request, Fault::client, std::move(sentence)});
}

Unexpected<Error> unknown(const std::string& name) {
  std::vector<std::string_view> names;
  names.reserve(std::size(known));
  for (const auto& parameter : known) names.push_back(parameter.name);
  const auto meant = config::nearest(name, names);
  return bad(fmt::format("There is no parameter {}{}; there are {}.", name,
                         meant ? fmt::format(", did you mean {}?", *meant) : "", fmt::join(names, ", ")));
}

void append_field(std::string& out, std::string_view name, std::string_view text) {
  out += fmt::format("{}\"{}\":", out.back() == '{' ? "" : ",", name);
  text.empty() ? out += "null" : (calls::append_json_string(out, text), out);
}

template <class Number>
void append_field(std::string& out, std::string_view name, const std::optional<Number>& value) {
  out += value ? fmt::format(",\"{}\":{}", name, *value) : fmt::format(",\"{}\":null", name);
}

void append_summary(std::string& out, const store::CallSummary& call) {
  std::string json = "{";
  append_field(json, "id", call.id);
  append_field(json, "started_at", call.started_at);
  append_field(json, "way_in", call.way_in);
  append_field(json, "outcome", call.outcome);
  append_field(json, "error_code", call.error_code);
  append_field(json, "error_type", call.error_type);
  append_field(json, "upstream_host", call.upstream_host);
  append_field(json, "region", call.region);
  append_field(json, "method", call.method);
  append_field(json, "target", call.target);
  append_field(json, "status", call.status);
  append_field(json, "operation", call.operation);
  append_field(json, "model_id", call.model_id);
  append_field(json, "access_key_id", call.access_key_id);
  append_field(json, "sdk", call.sdk);
  append_field(json, "session_id", call.session_id);
  append_field(json, "input_tokens", call.input_tokens);
  append_field(json, "output_tokens", call.output_tokens);
  append_field(json, "cache_read_tokens", call.cache_read_tokens);
  append_field(json, "cache_write_tokens", call.cache_write_tokens);
  append_field(json, "cost_usd", call.cost_usd.value_or(""));
  append_field(json, "total_ms", call.total_ms);
  append_field(json, "request_bytes", std::optional(call.request_bytes));
  append_field(json, "response_bytes", std::optional(call.response_bytes));
  append_field(json, "first_token_ms", call.first_token_ms);
  append_field(json, "invocation_id", call.invocation_id);
  append_field(json, "attempt", call.attempt);
  append_field(json, "session_name", call.session_name);
  append_field(json, "process_pid", call.process_pid);
  append_field(json, "process_name", call.process_name);
  append_field(json, "app_id", call.app_id);
  append_field(json, "framework", call.framework);
  out += json + "}";
}

Response failed(const store::CallStoreReader* reader, const Error& error) {
  if (reader != nullptr && reader->too_late()) {
    return json_error(503,
                      "The calls could not be read in the time that an answer may take; narrow them down with since, "
                      "until or a smaller limit.");
  }
  return json_error(error.code == ErrorCode::not_found ? 404 : 503, error.detail);
}

Response json(std::string body) {
  Response response;
  response.type = "application/json";
  response.body = std::move(body);
  return response;
}

// What `answer` makes of the record, or why there is none.
template <class F>
Response with_record(const std::string& store, const std::string& id, TimePoint deadline, F&& answer) {
  if (!is_id_text(id)) return json_error(400, "An id has up to 26 letters and digits; /api/calls lists them.");
  auto opened = store::CallStoreReader::open(store);
  if (!opened) return failed(nullptr, opened.error());
  (*opened)->stop_at(deadline);
  auto record = (*opened)->find_json(id);
  if (!record) return failed(opened->get(), record.error());
  return answer(*std::move(record));
}

}  // namespace

Result<CallsQuery> read_calls_query(const Parameters& parameters, WallTime now) {
  CallsQuery query;
  for (const auto& [name, value] : parameters) {
    const auto* const found =
        std::find_if(known.begin(), known.end(), [&, &n = name](const Parameter& p) { return p.name == n; });
    if (found == known.end()) return unknown(name);
    if (!found->read(query, value, now))
      return bad(fmt::format("{}={} is not understood; {} wants {}.", name, value, name, found->wants));
  }
  if (query.full && query.filter.limit > most_records)
    return bad(fmt::format("With full=1 limit goes up to {}; ask for the rest with before.", most_records));
  return query;
}

Response list_calls(const std::string& store, const CallsQuery& query, TimePoint deadline) {
  auto opened = store::CallStoreReader::open(store);
  if (!opened) return failed(nullptr, opened.error());
  store::CallStoreReader& reader = **opened;
  reader.stop_at(deadline);
  store::CallFilter filter = query.filter;
  ++filter.limit;  // one more tells whether there is a next page
  const auto calls = reader.list(filter);
  if (!calls) return failed(&reader, calls.error());

  std::string body = "{\"calls\":[";
  const std::string* last = nullptr;
  bool more = false;
  std::size_t taken = 0;
  std::uint64_t damaged = reader.unreadable();
  for (const auto& call : *calls) {
    more = taken == query.filter.limit || body.size() > page_bytes;
    if (more) break;
    const bool first = body.back() == '[';
    ++taken;
    last = &call.id;
    if (!query.full) {
      if (!first) body += ',';
      append_summary(body, call);
      continue;
    }
    const auto record = reader.find_json(call.id);
    if (!record && reader.too_late()) return failed(&reader, record.error());
    if (!record && record.error().code != ErrorCode::not_found) ++damaged;
    if (!record) continue;  // or taken away meanwhile: it was too old to be kept
    if (!first) body += ',';
    body += *record;
  }
  body += "],\"next\":";
  if (more && last != nullptr) {
    calls::append_json_string(body, *last);
  } else {
    body += "null";
  }
  if (damaged > 0) body += fmt::format(",\"unreadable\":{}", damaged);
  return json(body + "}\n");
}

Result<exporting::Format> read_call_format(const Parameters& parameters) {
  auto format = exporting::Format::jsonl;
  for (const auto& [name, value] : parameters) {
    if (name != "format") return bad(fmt::format("There is no parameter {}; there is format.", name));
    const auto read = exporting::parse_format(value);
    if (!read)
      return bad(fmt::format("format={} is not understood; format wants json, har, csv, curl or boto3.", value));
    format = *read;
  }
  return format;
}

Response show_call(const std::string& store, const std::string& id, exporting::Format format,
                   const std::string& version, TimePoint deadline) {
  return with_record(store, id, deadline, [&](const std::string& record) {
    exporting::Writer writer(format, version);
    auto call = writer.call(record);
    if (!call) return json_error(503, "The record of this call is damaged; a copy of the store may still hold it.");
    Response response;
    response.type = exporting::media_type(format);
    response.body = writer.begin() + *std::move(call) + writer.end();
    return response;
  });
}

Response explain_call(const std::string& store, const std::string& id, TimePoint deadline) {
  return with_record(store, id, deadline, [](const std::string& text) {
    const auto record = bedrock::JsonValue::parse(text);
    if (!record) return json_error(503, "The record is no JSON any more, so that it cannot be explained.");
    return json(calls::to_json(record->text("id"), bedrock::diagnose(*record)) + "\n");
  });
}

}  // namespace borehole::web
