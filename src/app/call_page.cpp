#include "app/call_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "app/attempt_lines.h"
#include "app/call_bodies.h"
#include "app/moments.h"
#include "app/terminal_text.h"
#include "base/ignoring_case.h"
#include "bedrock/diagnosis.h"
#include "bedrock/fields.h"
#include "calls/call_record.h"

namespace borehole::app {

namespace {

using bedrock::JsonValue;
using bedrock::Part;

constexpr std::string_view indent = "  ";

// "a, b (c)" of what is there.
class Words {
 public:
  explicit Words(std::string_view separator) : separator_(separator) {}
  void add(std::string_view before, std::string_view text, std::string_view behind = {}) {
    if (text.empty()) return;
    if (!out_.empty()) out_ += separator_;
    out_.append(before).append(text).append(behind);
  }
  const std::string& text() const noexcept { return out_; }

 private:
  std::string separator_, out_;
};

std::string number_text(const JsonValue& record, std::string_view path) {
  const auto count = record.count(path);
  return count ? std::to_string(*count) : std::string();
}

std::string span_text(const JsonValue& record, std::string_view path) {
  const auto ms = record.number(path);
  return ms ? in_ms(*ms) : std::string();
}

// Three digits of a time that is well below a millisecond.
std::string short_span_text(const JsonValue& record, std::string_view path) {
  const auto ms = record.number(path);
  return ms && *ms < 1 ? fmt::format("{:.3f} ms", *ms) : span_text(record, path);
}

std::string when(std::string_view started_at) {
  const auto time = parse_moment(started_at, WallTime());
  return time ? local_time_with_zone(*time) : std::string(started_at);
}

class Page {
 public:
  Page(const JsonValue& record, bool colours, const CallSurroundings& around)
      : record_(record), colours_(colours), around_(around) {}

  std::string take() {
    headline();
    failure();
    who_and_where();
    attempts();
    body("prompt", BodySide::request);
    body("answer", BodySide::response);
    what_it_took();
    headers("request headers", "request/headers");
    headers("response headers", "response/headers");
    the_rest();
    return std::move(out_);
  }

 private:
  std::string in_colour(std::string_view text, std::string_view colour) const {
    return colours_ ? coloured(text, colour) : std::string(text);
  }

  // `label     text`; nothing without a text.
  void line(std::string_view label, std::string_view text, std::string_view colour = {}) {
    if (text.empty()) return;
    out_ += in_colour(fmt::format("{:<10}", label), dim);
    out_ += in_colour(harmless(text), colour) + '\n';
  }

  void section(std::string_view title, std::string_view text = {}) {
    out_ += '\n' + in_colour(title, bold);
    if (!text.empty()) out_ += "  " + in_colour(harmless(text), dim);
    out_ += '\n';
  }

  void headline() {
    const std::string_view operation = record_.text("aws/operation");
    const std::string_view model = record_.text("aws/model_id");
    const std::string target = calls::whole_target(record_.text("upstream/host"), record_.text("request/target"));
    std::string what(operation.empty() ? record_.text("request/method") : operation);
    what += "  ";
    what += model.empty() ? target : std::string(model);
    out_ += in_colour(harmless(what), bold) + '\n';
    const auto status = record_.count("response/status");
    const bool good = record_.text("outcome") == "complete" && status.value_or(0) < 400;
    Words words("  ");
    words.add({}, status ? std::to_string(*status) : "no answer");
    words.add({}, record_.text("outcome"));
    words.add({}, when(record_.text("started_at")));
    words.add({}, span_text(record_, "timing_ms/total"));
    out_ += in_colour(harmless(words.text()), good ? green : red) + '\n';
    line("id", record_.text("id"));
  }

  void failure() {
    if (const auto message = record_.text("error/message"); !message.empty()) {
      line("error", fmt::format("{}: {}", record_.text("error/code"), message), red);
      if (const auto fault = record_.text("error/fault"); !fault.empty()) {
        line("", fmt::format("seen by the proxy; the fault is the {}'s", fault));
      }
    }
    const std::string_view type = record_.text("response/error_type");
    if (!type.empty()) {
      line("error", fmt::format("{}: {}", type, record_.text("response/error_message")), red);
    }
    if (const auto exception = record_.text("response/stream/exception"); !exception.empty()) {
      const bool told = equals_ignoring_case(exception, type);
      line(told ? "" : "error", fmt::format("{} inside the stream", exception), told ? std::string_view() : red);
    }
    diagnosis();
    for (const JsonValue& note : record_.list("notes")) line("note", note.text(""));
    Words hidden(", ");
    for (const auto& [rule, count] : record_.object("redactions")) {
      hidden.add({}, rule, fmt::format(" {}", count.count("").value_or(0)));
    }
    line("redacted", hidden.text());
  }

  void diagnosis() {
    const bedrock::Diagnosis diagnosis = bedrock::diagnose(record_);
    if (diagnosis.findings.empty()) return;
    const bedrock::Finding& first = diagnosis.findings.front();
    // What borehole says itself stands there already.
    const bool said = record_.text("error/message") == first.sentence;
    if (said) {
      line("mend", first.remedy);
    } else {
      line("why", fmt::format("{}; mend: {}", first.sentence, first.remedy));
    }
  }

  void who_and_where() {
    Words client(", ");
    client.add({}, sdk());
    client.add({}, record_.text("client/address"));
    client.add({}, process());
    line("client", client.text());
    if (record_.text("client/sdk").empty()) line("", record_.text("client/user_agent"));
    Words who(", ");
    const std::string name = around_.key_name.empty() ? std::string() : fmt::format(" ({})", around_.key_name);
    who.add("access key ", record_.text("aws/access_key_id"), name);
    who.add("API key ", record_.text("aws/api_key_name"), name);
    who.add("session ", record_.text("session_id"));
    if (const auto attempt = record_.count("aws/attempt")) {
      const std::string of = number_text(record_, "aws/max_attempts");
      who.add("attempt ", std::to_string(*attempt), of.empty() ? of : " of " + of);
    }
    line("", who.text());
    Words application(", ");
    application.add("application ", record_.text("client/app_id"));
    const std::string_view version = record_.text("client/framework_version");
    application.add("framework ", record_.text("client/framework"), version.empty() ? "" : fmt::format(" {}", version));
    line("", application.text());
    line("", record_.text("aws/principal"));
    Words upstream(", ");
    upstream.add({}, record_.text("upstream/host"), ":" + number_text(record_, "upstream/port"));
    upstream.add("at ", record_.text("upstream/address"));
    upstream.add("region ", record_.text("aws/region"));
    if (const auto reused = record_.flag("upstream/reused")) {
      upstream.add({}, *reused ? "connection reused" : "new connection");
    }
    upstream.add({}, record_.text("upstream/tls_version"));
    upstream.add({}, record_.text("upstream/alpn"));
    line("upstream", upstream.text());
    Words way(", ");
    way.add({}, record_.text("way_in"));
    way.add("router ", record_.text("router"));
    line("way in", way.text());
    line("request", fmt::format("{} {}", record_.text("request/method"), record_.text("request/target")));
    line("", record_.text("aws/request_id").empty()
                 ? std::string()
                 : fmt::format("Amazon's request id {}", record_.text("aws/request_id")));
    if (record_.flag("aws/signature_intact") == false) {
      line("", "what was sent on is not what was signed, so Amazon refuses it", red);
    }
  }

  void attempts() {
    const std::string lines = attempt_lines(around_.attempts, record_.text("id"), colours_);
    if (lines.empty()) return;
    section("attempts", fmt::format("of invocation {}", record_.text("aws/invocation_id")));
    out_ += lines;
  }

  std::string sdk() const {
    Words words(" ");
    words.add({}, record_.text("client/sdk"));
    words.add({}, record_.text("client/sdk_version"));
    return words.text();
  }

  std::string process() const {
    const std::string pid = number_text(record_, "client/process/pid");
    const std::string_view name = record_.text("client/process/name");
    if (pid.empty()) return std::string(name);
    return name.empty() ? "process " + pid : fmt::format("{} (process {})", name, pid);
  }

  void body(std::string_view title, BodySide side) {
    const BodyView view = view_body(record_, side);
    if (view.octets == 0) return;
    section(title, size_text(view));
    if (!view.note.empty()) {
      out_ += harmless_lines(view.note, indent);
    } else if (view.conversation) {
      conversation(*view.conversation);
    } else {
      out_ += harmless_lines(view.text, indent);
    }
    if (!view.coding_error.empty()) remark("… " + view.coding_error, dim);
    unknown_events(side);
    const bool response = side == BodySide::response;
    if (view.truncated) {
      remark("… the rest was not kept (record.bodies.max_bytes)", dim);
    } else if (record_.flag(response ? "response/answer/shortened" : "request/prompt/shortened") == true) {
      remark("… there was more than a record keeps", dim);
    }
    const std::string_view exception = record_.text("response/stream/exception");
    if (side == BodySide::response && !exception.empty()) remark(fmt::format("… ended by {}", exception), red);
  }

  static std::string size_text(const BodyView& view) {
    std::string text = fmt::format("{} octets", view.octets);
    if (!view.coding.empty()) {
      text += fmt::format(" of {}", view.coding);
      if (view.decoded_octets) text += fmt::format(", {} decoded", *view.decoded_octets);
    }
    return text + (view.truncated ? ", cut off in the record" : "");
  }

  void remark(std::string_view text, std::string_view colour) {
    out_ += fmt::format("{}{}\n", indent, in_colour(harmless(text), colour));
  }

  // What the stream brought beside the conversation, in no shape that is known.
  void unknown_events(BodySide side) {
    const auto& events = record_.list(fmt::format("{}/stream/unknown", calls::side_name(side)));
    for (const JsonValue& event : events) {
      const std::string_view name = event.text("name");
      remark(fmt::format("event{}{}, of a kind that is not known", name.empty() ? "" : " ", name), dim);
      out_ += harmless_lines(event.text("payload"), std::string(indent.size() * 2, ' '));
    }
    const std::uint64_t all =
        record_.count(fmt::format("{}/stream/unknown_events", calls::side_name(side))).value_or(0);
    if (all > events.size()) remark(fmt::format("… and {} more such events", all - events.size()), dim);
  }

  void conversation(const bedrock::Conversation& conversation) {
    for (const bedrock::Turn& turn : conversation.turns) {
      out_ += fmt::format("{}{}\n", indent, in_colour(harmless(turn.role), bold));
      for (const Part& part : turn.parts) this->part(part);
    }
    if (!conversation.tools.empty()) {
      out_ += fmt::format("{}{} {}\n", indent, in_colour("tools", bold),
                          harmless(fmt::format("{}", fmt::join(conversation.tools, ", "))));
    }
  }

  void part(const Part& part) {
    const std::string deeper(indent.size() * 2, ' ');
    const auto head = [&](std::string_view text) { out_ += deeper + in_colour(harmless(text), dim) + '\n'; };
    const std::string id = part.id.empty() ? std::string() : fmt::format(" ({})", part.id);
    switch (part.kind) {
      case Part::Kind::text: out_ += harmless_lines(part.text, deeper); return;
      case Part::Kind::attachment: out_ += deeper + harmless(fmt::format("[{}]", part.text)) + '\n'; return;
      case Part::Kind::thinking: head("thinking"); break;
      case Part::Kind::tool_call: head(fmt::format("calls {}{}", part.name, id)); break;
      case Part::Kind::tool_result: head(fmt::format("{}{}", part.failed ? "tool failed" : "tool's result", id)); break;
      case Part::Kind::other: head("of a kind that is not known"); break;
    }
    out_ += harmless_lines(part.text, deeper + std::string(indent));
  }

  static std::string tokens_text(const JsonValue& usage) {
    Words tokens(", ");
    tokens.add("in ", number_text(usage, "input_tokens"));
    tokens.add("out ", number_text(usage, "output_tokens"));
    tokens.add("read from cache ", number_text(usage, "cache_read_tokens"));
    const std::string for_an_hour = number_text(usage, "cache_write_1h_tokens");
    tokens.add("written to cache ", number_text(usage, "cache_write_tokens"),
               for_an_hour.empty() ? for_an_hour : fmt::format(" ({} of them for an hour)", for_an_hour));
    tokens.add("total ", number_text(usage, "total_tokens"));
    tokens.add("told by ", usage.text("source"));
    return tokens.text();
  }

  void tokens() {
    const JsonValue* const usage = record_.at("usage");
    const std::string text = usage == nullptr ? std::string() : tokens_text(*usage);
    line("tokens", text.empty() ? "unknown" : text);
    if (record_.flag("usage/disagrees") == true) line("", "another source tells other numbers", red);
    for (const JsonValue& other : record_.list("usage/others")) line("", tokens_text(other));
  }

  void streamed() {
    const auto events = record_.count("response/stream/events");
    if (!events) return;
    Words words(", ");
    words.add({}, fmt::format("{} {}", *events, *events == 1 ? "event" : "events"));
    words.add("first token ", span_text(record_, "timing_ms/first_token"));
    Words gaps(" ");
    gaps.add("p50 ", span_text(record_, "timing_ms/token_gap_p50"));
    gaps.add("p95 ", span_text(record_, "timing_ms/token_gap_p95"));
    gaps.add("max ", span_text(record_, "timing_ms/token_gap_max"));
    words.add("gaps ", gaps.text());
    if (const auto rate = record_.number("timing_ms/output_tokens_per_second")) {
      words.add({}, fmt::format("{:.1f} tokens a second", *rate));
    }
    line("streamed", words.text());
    wrong_checksums("response/stream/crc_failures");
  }

  // What the client streamed itself.
  void streamed_up() {
    const auto events = record_.count("request/stream/events");
    if (!events) return;
    const auto signed_ones = record_.count("request/stream/signed_events").value_or(0);
    const std::string told = signed_ones == 0         ? std::string()
                             : signed_ones == *events ? std::string(", each signed")
                                                      : fmt::format(", {} signed", signed_ones);
    line("sent", fmt::format("{} {}{}", *events, *events == 1 ? "event" : "events", told));
    wrong_checksums("request/stream/crc_failures");
  }

  void wrong_checksums(std::string_view path) {
    const std::uint64_t wrong = record_.count(path).value_or(0);
    if (wrong == 0) return;
    line("", fmt::format("{} {} with a wrong checksum", wrong, wrong == 1 ? "message" : "messages"), red);
  }

  void web_socket() {
    std::string_view label = "websocket";
    for (const auto& [path, who] : {std::pair<std::string_view, std::string_view>{"request/websocket", "the client"},
                                    {"response/websocket", "the upstream"}}) {
      const JsonValue* const counts = record_.at(path);
      if (counts == nullptr) continue;
      Words words(", ");
      for (const std::string_view kind : {"text", "binary", "continuation", "ping", "pong", "close", "other"}) {
        words.add({}, number_text(*counts, kind), fmt::format(" {}", kind));
      }
      words.add("close code ", number_text(*counts, "close_code"));
      words.add("no frames from octet ", number_text(*counts, "unreadable_at"), " on");
      const std::string_view told = words.text().empty() ? std::string_view("nothing") : words.text();
      line(std::exchange(label, ""), fmt::format("{} sent {}", who, told));
    }
  }

  void what_it_took() {
    out_ += '\n';
    tokens();
    line("stopped", record_.text("response/stop_reason"));
    line("guardrail", record_.text("response/guardrail_action"));
    const std::string_view cost = record_.text("cost_usd");
    line("cost", cost.empty() ? "unknown" : fmt::format("${}", cost));
    Words times(", ");
    times.add("total ", span_text(record_, "timing_ms/total"));
    times.add("connect ", span_text(record_, "timing_ms/connect"));
    times.add("TLS ", span_text(record_, "timing_ms/tls"));
    times.add("first octet of the answer ", span_text(record_, "timing_ms/upstream_first_byte"));
    line("time", times.text());
    Words shares(", ");
    const std::string reported = span_text(record_, "timing_ms/reported_by_aws");
    shares.add("AWS reports ", reported);
    if (!reported.empty()) shares.add("seen ", span_text(record_, "timing_ms/total"));
    shares.add("borehole added ", short_span_text(record_, "timing_ms/added_by_proxy"));
    line("", shares.text());
    streamed_up();
    streamed();
    web_socket();
  }

  void headers(std::string_view title, std::string_view path) {
    const auto& fields = record_.list(path);
    if (fields.empty()) return;
    section(title);
    for (const JsonValue& field : fields) {
      out_ +=
          fmt::format("{}{} {}\n", indent, in_colour(harmless(field.text("0")) + ":", dim), harmless(field.text("1")));
    }
  }

  // Members that this page does not know by name are shown all the same.
  void the_rest() {
    static constexpr std::array<std::string_view, 16> known{
        "id",     "started_at", "way_in", "router",  "session_id", "outcome", "error",    "notes",
        "client", "upstream",   "aws",    "request", "response",   "usage",   "cost_usd", "timing_ms"};
    bool first = true;
    for (const auto& [name, value] : record_.object("")) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      if (std::exchange(first, false)) section("more");
      leaves(name, value);
    }
  }

  void leaves(const std::string& path, const JsonValue& value) {
    const auto leaf = [&](std::string_view text) {
      out_ += fmt::format("{}{} {}\n", indent, in_colour(harmless(path) + ":", dim), harmless(text));
    };
    const auto& content = value.content();
    if (const auto* members = std::get_if<JsonValue::Object>(&content)) {
      for (const auto& [name, member] : *members) leaves(fmt::format("{}.{}", path, name), member);
    } else if (const auto* items = std::get_if<JsonValue::List>(&content)) {
      for (std::size_t i = 0; i < items->size(); ++i) leaves(fmt::format("{}.{}", path, i), (*items)[i]);
    } else if (const auto* text = std::get_if<std::string>(&content)) {
      leaf(*text);
    } else if (const auto* flag = std::get_if<bool>(&content)) {
      leaf(*flag ? "true" : "false");
    } else if (const auto number = value.number("")) {
      leaf(fmt::format("{}", *number));
    } else {
      leaf("null");
    }
  }

  const JsonValue& record_;
  bool colours_;
  const CallSurroundings& around_;
  std::string out_;
};

}  // namespace

std::string call_page(const JsonValue& record, bool colours, const CallSurroundings& around) {
  return Page(record, colours, around).take();
}

}  // namespace borehole::app
