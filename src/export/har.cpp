#include "export/har.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <vector>

#include "bedrock/text.h"
#include "calls/record_reading.h"
#include "calls/utf8.h"
#include "export/request_view.h"
#include "export/stream_messages.h"

namespace borehole::exporting {

namespace {

using bedrock::JsonValue;
using calls::BodySide;

// Members of one object.
class Members {
 public:
  Members& raw(std::string_view name, std::string_view json) {
    out_ += fmt::format("{}{}:{}", out_.empty() ? "" : ",", calls::json_string(name), json);
    return *this;
  }
  Members& text(std::string_view name, std::string_view value) { return raw(name, calls::json_string(value)); }
  template <class Number>
  Members& number(std::string_view name, Number value) {
    return raw(name, fmt::format("{}", value));
  }
  // Left out where there is nothing to say.
  Members& comment(const std::vector<std::string>& sentences) {
    return sentences.empty() ? *this : text("comment", fmt::format("{}", fmt::join(sentences, "; ")));
  }
  std::string object() const { return "{" + out_ + "}"; }

 private:
  std::string out_;
};

std::string list_of(const std::vector<std::string>& items) { return fmt::format("[{}]", fmt::join(items, ",")); }

std::string pair_of(std::string_view name, std::string_view value) {
  return Members().text("name", name).text("value", value).object();
}

std::string headers_of(const JsonValue& record, BodySide side) {
  std::vector<std::string> items;
  for (const JsonValue& field : record.list(fmt::format("{}/headers", calls::side_name(side)))) {
    items.push_back(pair_of(field.text("0"), field.text("1")));
  }
  return list_of(items);
}

std::string query_of(std::string_view query) {
  std::vector<std::string> items;
  while (!query.empty()) {
    std::string_view value = bedrock::take_part(query, '&');
    const std::string_view name = bedrock::take_part(value, '=');
    items.push_back(pair_of(bedrock::percent_decode(name), bedrock::percent_decode(value)));
  }
  return list_of(items);
}

std::string_view version_of(const JsonValue& record) {
  return record.text("upstream/alpn") == "h2" ? "HTTP/2.0" : "HTTP/1.1";
}

// Why a body is not, or not wholly, there.
std::vector<std::string> gaps_of(const JsonValue& message) {
  const std::uint64_t size = message.count("body_bytes").value_or(0);
  if (size != 0 && message.at("body") == nullptr) {
    return {fmt::format("its {} octets were not kept (record.bodies.max_bytes)", size)};
  }
  if (message.flag("body_truncated").value_or(false)) {
    return {fmt::format("truncated: only the first of its {} octets were kept (record.bodies.max_bytes)", size)};
  }
  return {};
}

// HAR's text is that of the decoded body.
void note_coding(std::vector<std::string>& comments, const JsonValue& message) {
  const std::string_view coding = message.text("body_coding");
  if (coding.empty() || message.flag("body_decoded") == true) return;
  comments.push_back(fmt::format("its content-encoding ({}) is not undone: the text is as it came", coding));
}

std::string request_of(const JsonValue& record, const std::optional<RequestView>& view) {
  Members request;
  request.text("method", record.text("request/method"));
  request.text("url", view ? view->url() : std::string(record.text("request/target")));
  request.text("httpVersion", version_of(record));
  request.raw("cookies", "[]").raw("headers", headers_of(record, BodySide::request));
  request.raw("queryString", view ? query_of(view->query()) : "[]");
  const JsonValue* const message = record.at("request");
  const std::uint64_t size = message == nullptr ? 0 : message->count("body_bytes").value_or(0);
  if (size != 0) {
    Members post;
    post.text("mimeType", calls::header_of(record, BodySide::request, "content-type"));
    post.text("text", message->text("body"));
    auto comments = gaps_of(*message);
    note_coding(comments, *message);
    if (message->text("body_encoding") == "base64") {
      post.text("_encoding", "base64");  // HAR 1.2 knows an encoding of responses only
      comments.emplace_back("binary, in base64");
    }
    request.raw("postData", post.comment(comments).object());
  }
  return request.number("headersSize", -1).number("bodySize", size).object();
}

std::string response_of(const JsonValue& record) {
  static const JsonValue nothing;
  const JsonValue* found = record.at("response");
  const JsonValue& message = found == nullptr ? nothing : *found;
  const std::uint64_t size = message.count("body_bytes").value_or(0);
  Members content;
  content.number("size", message.count("body_decoded_bytes").value_or(size));
  if (const auto decoded = message.count("body_decoded_bytes"); decoded && *decoded > size) {
    content.number("compression", *decoded - size);
  }
  const std::string_view type = calls::header_of(record, BodySide::response, "content-type");
  content.text("mimeType", type.empty() ? "x-unknown" : type);
  auto comments = gaps_of(message);
  if (message.at("body") != nullptr) {
    content.text("text", message.text("body"));
    if (message.text("body_encoding") == "base64") content.text("encoding", "base64");
  }
  note_coding(comments, message);
  Members response;
  const std::uint64_t status = message.count("status").value_or(0);
  response.number("status", status).text("statusText", "").text("httpVersion", version_of(record));
  response.raw("cookies", "[]").raw("headers", headers_of(record, BodySide::response));
  response.raw("content", content.comment(comments).object());
  response.text("redirectURL", calls::header_of(record, BodySide::response, "location"));
  response.number("headersSize", -1).number("bodySize", size);
  if (status == 0) response.comment({"there was no response"});
  return response.object();
}

struct Timings {
  double time = 0;
  std::string json;
};

// What was opened for this very request lies in the time until the first octet. In the ways connect and direct it was
// opened while the client shook hands, before there was a request.
Timings timings_of(const JsonValue& record) {
  const auto of = [&](std::string_view name) { return record.number(fmt::format("timing_ms/{}", name)); };
  const auto total = std::max(0.0, of("total").value_or(0));
  const double first = std::clamp(of("upstream_first_byte").value_or(total), 0.0, total);
  const double ssl = of("tls").value_or(0);
  const double connect = of("connect").value_or(0) + ssl;
  const bool opened = of("connect").has_value();
  const bool before = record.text("way_in") == "connect" || record.text("way_in") == "direct";
  const bool inside = opened && !before && connect <= first;

  Members timings;
  timings.number("blocked", -1).number("dns", -1).number("connect", inside ? connect : -1.0);
  timings.number("ssl", inside && of("tls") ? ssl : -1.0).number("send", 0);
  const double wait = first - (inside ? connect : 0);
  timings.number("wait", wait).number("receive", total - first);
  if (opened && !inside) {
    timings.comment({fmt::format("the connection was opened before the request was there, in {} ms", connect)});
  }
  return {(inside ? connect : 0) + wait + (total - first), timings.object()};
}

// Seconds since 1970 of "2026-01-02T03:04:05.000006Z".
std::optional<double> seconds_of(std::string_view started_at) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  double second = 0;
  const std::string text(started_at);
  if (std::sscanf(text.c_str(), "%d-%u-%uT%d:%d:%lfZ", &year, &month, &day, &hour, &minute, &second) != 6) {
    return std::nullopt;
  }
  const std::chrono::sys_days date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return static_cast<double>(date.time_since_epoch().count()) * 86400 + hour * 3600 + minute * 60 + second;
}

// As Chrome writes what an EventSource got; `_time_ms` is the time since the request.
std::string messages_of(const std::vector<StreamMessage>& messages, double started) {
  std::vector<std::string> items;
  items.reserve(messages.size());
  for (const StreamMessage& message : messages) {
    Members item;
    item.raw("time", fmt::format("{:.6f}", started + message.time_ms.value_or(0) / 1000));
    item.text("eventName", message.name).text("eventId", message.id).text("data", message.data);
    if (message.time_ms) item.number("_time_ms", *message.time_ms);
    if (message.exception) item.raw("_exception", "true");
    items.push_back(item.object());
  }
  return list_of(items);
}

std::string json_of(const JsonValue& value) {
  std::string out;
  calls::append_json(out, value);
  return out;
}

// All of the record but heads and bodies, which stand in HAR's own fields.
std::string own_fields(const JsonValue& record) {
  static constexpr std::array<std::string_view, 9> elsewhere{
      "method", "target", "headers", "body", "body_bytes", "body_encoding", "status", "arrivals", "body_truncated"};
  Members out;
  for (const auto& [name, value] : record.object("")) {
    if (name != "request" && name != "response") {
      out.raw(name, json_of(value));
      continue;
    }
    Members message;
    bool any = false;
    for (const auto& [field, content] : value.object("")) {
      if (std::find(elsewhere.begin(), elsewhere.end(), field) != elsewhere.end()) continue;
      message.raw(field, json_of(content));
      any = true;
    }
    if (any) out.raw(name, message.object());
  }
  return out.object();
}

std::vector<std::string> comments_of(const JsonValue& record) {
  std::vector<std::string> out{title_of(record)};
  if (const auto message = record.text("error/message"); !message.empty()) out.emplace_back(message);
  for (const JsonValue& note : record.list("notes")) out.emplace_back(note.text(""));
  return out;
}

}  // namespace

std::string har_begin(std::string_view version) {
  return fmt::format(R"({{"log":{{"version":"1.2","creator":{{"name":"borehole","version":{}}},"pages":[],"entries":[)",
                     calls::json_string(version));
}

std::string har_end() { return "\n]}}\n"; }

std::string har_entry(const JsonValue& record) {
  const auto view = view_request(record);
  const Timings timings = timings_of(record);
  const auto messages = read_stream_messages(record);
  Members entry;
  entry.text("startedDateTime", record.text("started_at")).number("time", timings.time);
  entry.raw("request", request_of(record, view)).raw("response", response_of(record));
  entry.raw("cache", "{}").raw("timings", timings.json);
  // "192.0.2.7:443", "[2001:db8::1]:443"
  std::string_view address = record.text("upstream/address");
  address = address.substr(0, address.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (!address.empty()) entry.text("serverIPAddress", address);
  const std::string_view client = record.text("client/address");
  if (const auto colon = client.rfind(':'); colon != std::string_view::npos) {
    entry.text("connection", client.substr(colon + 1));
  }
  if (messages) {
    entry.text("_resourceType", "eventsource");
    entry.raw("_eventSourceMessages", messages_of(*messages, seconds_of(record.text("started_at")).value_or(0)));
  } else {
    entry.text("_resourceType", "fetch");
  }
  if (record.text("outcome") != "complete") entry.text("_error", record.text("outcome"));
  entry.raw("_borehole", own_fields(record)).comment(comments_of(record));
  return entry.object();
}

}  // namespace borehole::exporting
