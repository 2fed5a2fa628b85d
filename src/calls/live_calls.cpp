#include "calls/live_calls.h"

#include <fmt/format.h>

#include <utility>

#include "calls/utf8.h"

namespace borehole::calls {

namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out += fmt::format("{}\"{}\":", out.size() > 1 ? "," : "", name);
  if (text.empty()) {
    out += "null";
  } else {
    append_json_string(out, text);
  }
}

template <class Number>
void append_member(std::string& out, std::string_view name, const std::optional<Number>& value) {
  out += value ? fmt::format(",\"{}\":{}", name, *value) : fmt::format(",\"{}\":null", name);
}

// Named as the summaries of /api/calls.
std::string figures_of(const CallRecord& record) {
  std::string out = "{";
  append_member(out, "id", record.id);
  append_member(out, "started_at", format_rfc3339(record.started_at));
  append_member(out, "way_in", way_in_name(record.way_in));
  append_member(out, "outcome", outcome_name(record.outcome));
  append_member(out, "error_code", record.error ? error_code_name(record.error->code) : std::string_view());
  append_member(out, "error_type", record.response.error_type);
  append_member(out, "upstream_host", record.upstream.host);
  append_member(out, "region", record.aws.region);
  append_member(out, "method", record.request.method);
  append_member(out, "target", record.request.target);
  append_member(out, "status", record.response.status);
  append_member(out, "operation", record.aws.operation);
  append_member(out, "model_id", record.aws.model_id);
  append_member(out, "access_key_id", record.aws.access_key_id);
  append_member(out, "sdk", record.client.sdk);
  append_member(out, "session_id", record.session_id);
  append_member(out, "stop_reason", record.response.stop_reason);
  append_member(out, "input_tokens", record.usage.input_tokens);
  append_member(out, "output_tokens", record.usage.output_tokens);
  append_member(out, "cache_read_tokens", record.usage.cache_read_tokens);
  append_member(out, "cache_write_tokens", record.usage.cache_write_tokens);
  append_member(out, "cost_usd", std::string_view(record.cost_usd ? *record.cost_usd : std::string()));
  append_member(out, "first_token_ms", record.timing_ms.first_token);
  append_member(out, "total_ms", record.timing_ms.total);
  append_member(out, "request_bytes", std::optional(record.request.body_bytes));
  append_member(out, "response_bytes", std::optional(record.response.body_bytes));
  return out + "}";
}

class LiveSink final : public Sink {
 public:
  explicit LiveSink(LiveCalls& live) : live_(live) {}
  Result<void> write(const std::vector<CallRecord>& batch) override {
    if (live_.watch() == 0) return {};
    for (const CallRecord& record : batch) {
      LiveEvent event;
      event.kind = LiveEvent::Kind::ended;
      event.id = record.id;
      event.text = figures_of(record);
      live_.post(std::move(event));
    }
    return {};
  }

 private:
  LiveCalls& live_;
};

}  // namespace

std::size_t LiveEvent::cost() const noexcept {
  std::size_t sum = sizeof(LiveEvent) + id.capacity() + text.capacity();
  if (start) sum += sizeof(Start) + start->target.capacity() + start->session_id.capacity() + 256;
  return sum;
}

void LiveCalls::post(LiveEvent event) noexcept {
  try {
    const std::size_t cost = event.cost();
    bool was_empty = false;
    if (!queue_.push(std::move(event), cost, &was_empty) || !was_empty) return;
    const std::lock_guard lock(mutex_);
    if (wake_) wake_();
  } catch (...) {  // out of memory: a look is lost, not the call
  }
}

void LiveCalls::begin(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  watch_.store(++last_watch_, std::memory_order_relaxed);
}

void LiveCalls::end() {
  {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
    watch_.store(0, std::memory_order_relaxed);
  }
  std::vector<LiveEvent> rest;
  take(rest);
}

std::unique_ptr<Sink> make_live_sink(LiveCalls& live) { return std::make_unique<LiveSink>(live); }

}  // namespace borehole::calls
