#include "web/live_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "bedrock/event_stream.h"
#include "bedrock/hosts.h"
#include "bedrock/operation.h"
#include "bedrock/sse.h"
#include "bedrock/stream_answer.h"
#include "calls/utf8.h"
#include "http/content_coding.h"

namespace borehole::web {

namespace {

std::string event_text(std::string_view event, std::string_view json) {
  return fmt::format("event: {}\ndata: {}\n\n", event, json);
}

std::string json_or_null(std::string_view text) { return text.empty() ? "null" : calls::json_string(text); }

std::string_view kind_name(bedrock::AnswerBlock::Kind kind) {
  switch (kind) {
    case bedrock::AnswerBlock::Kind::text: return "text";
    case bedrock::AnswerBlock::Kind::thinking: return "thinking";
    case bedrock::AnswerBlock::Kind::tool_use: return "tool_use";
    case bedrock::AnswerBlock::Kind::other: return "other";
    case bedrock::AnswerBlock::Kind::tool_result: return "tool_result";
    case bedrock::AnswerBlock::Kind::audio: return "audio";
  }
  return "other";
}

}  // namespace

class LiveFeed::Client final : public BodyStream {
 public:
  explicit Client(std::size_t most) : most_(most) {}

  std::string take() override { return std::exchange(waiting_, {}); }
  bool over() const override { return over_ && waiting_.empty(); }

  void put(const std::string& event) {
    std::string more;
    if (missed_ > 0) more = event_text("missed", fmt::format("{{\"events\":{}}}", missed_));
    if (waiting_.size() + more.size() + event.size() > most_) {
      ++missed_;
      return;
    }
    missed_ = 0;
    waiting_ += more + event;
  }
  void end() { over_ = true; }

 private:
  const std::size_t most_;
  std::string waiting_;
  std::uint64_t missed_ = 0;
  bool over_ = false;
};

struct LiveFeed::Call {
  std::shared_ptr<const calls::LiveEvent::Start> start;
  std::uint64_t next = 0;  // octets of the body that were read
  bool lost = false;
  bedrock::EventStreamDecoder frames;
  bedrock::SseDecoder sse;
  bedrock::StreamAnswer answer;
  std::unique_ptr<http::ContentDecoder> coding;  // of a compressed answer
  bool readable = true;                          // what came was a stream of its format
  std::vector<std::size_t> told;                 // octets of each block's text
  std::size_t text = 0;                          // of all blocks

  Call(std::shared_ptr<const calls::LiveEvent::Start> begun, std::size_t message_bytes)
      : start(std::move(begun)), frames(message_bytes), sse(message_bytes) {}

  // Why what comes cannot be read; empty: it can.
  std::string_view read(bedrock::StreamFormat format, Bytes octets) {
    if (!coding) {
      readable = read_plain(format, octets);
    } else {
      coding->feed(octets);
    }
    if (coding && coding->fault()) {
      using http::CodingFault;
      if (coding->fault() == CodingFault::too_large) return "the answer is longer than is shown here";
      if (coding->fault() == CodingFault::no_memory) return "memory is out";
      if (coding->fault() != CodingFault::trailing) return "the compressed stream cannot be decoded";
    }
    return readable ? std::string_view() : "the stream cannot be read";
  }

  bool read_plain(bedrock::StreamFormat format, Bytes octets) {
    if (format == bedrock::StreamFormat::sse) {
      sse.feed(octets);
      while (const auto event = sse.next()) {
        answer.add_event(event->type == "message" ? std::string_view() : event->type, event->data);
      }
      return !sse.error();
    }
    frames.feed(octets);
    while (const auto message = frames.next()) {
      if (message->kind == bedrock::EventKind::event || message->kind == bedrock::EventKind::other) {
        answer.add_event(message->name, message->payload);
      }
    }
    return !frames.error();
  }

  // What came to the blocks since it was told last, as objects.
  std::vector<std::string> news(const std::string& id, bool all) {
    std::vector<std::string> out;
    const auto& blocks = answer.blocks();
    told.resize(blocks.size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const auto& block = blocks[i];
      const std::size_t from = all ? 0 : told[i];
      if (block.kind == bedrock::AnswerBlock::Kind::other || block.text.size() <= from) continue;
      out.push_back(fmt::format(R"({{"id":{},"block":{},"kind":"{}","name":{},"text":{}}})", json_or_null(id), i,
                                kind_name(block.kind), json_or_null(block.tool_name),
                                json_or_null(std::string_view(block.text).substr(from))));
      text += block.text.size() - told[i];
      told[i] = block.text.size();
    }
    return out;
  }
};

LiveFeed::LiveFeed(net::Loop& loop, calls::LiveCalls& live, Limits limits)
    : live_(live), limits_(limits), wakeup_(loop, [this] { woken(); }) {}

LiveFeed::~LiveFeed() { live_.end(); }

std::shared_ptr<BodyStream> LiveFeed::look_on() {
  forget_gone_clients();
  if (ended_ || clients_.size() >= limits_.clients) return nullptr;
  if (clients_.empty()) live_.begin([this] { wakeup_.send(); });
  auto client = std::make_shared<Client>(limits_.waiting);
  clients_.push_back(client);
  client->put(": calls while they run\n\n");
  for (const auto& [id, call] : calls_) {
    client->put(event_text("call_started", started(id, *call)));
    for (const auto& delta : call->news(id, true)) client->put(event_text("delta", delta));
  }
  return client;
}

void LiveFeed::end() {
  ended_ = true;
  try {
    deliver();
    tell("draining", "{}");
  } catch (const std::bad_alloc&) {  // they see that it ends
  }
  end_streams();
}

// Who looks on may do so anew.
void LiveFeed::woken() noexcept {
  try {
    deliver();
  } catch (const std::bad_alloc&) {
    end_streams();
  }
}

void LiveFeed::end_streams() noexcept {
  const auto clients = std::exchange(clients_, {});
  for (const auto& weak : clients) {
    if (const auto client = weak.lock()) {
      client->end();
      if (client->on_more) client->on_more();
    }
  }
  events_.clear();
  calls_.clear();
  live_.end();
}

void LiveFeed::forget_gone_clients() {
  std::erase_if(clients_, [](const auto& client) { return client.expired(); });
  if (!clients_.empty() || ended_) return;
  live_.end();
  calls_.clear();
}

void LiveFeed::deliver() {
  forget_gone_clients();
  if (clients_.empty()) return;
  live_.take(events_);
  for (auto& event : events_) take(event);
  events_.clear();
  // What is called may end a connection, not this list.
  const auto clients = clients_;
  for (const auto& weak : clients) {
    const auto client = weak.lock();
    if (client && client->on_more) client->on_more();
  }
}

std::string LiveFeed::started(const std::string& id, const Call& call) const {
  const auto& start = *call.start;
  const auto operation = bedrock::recognise(start.upstream_host, start.method, start.target, start.amz_target);
  const auto endpoint = bedrock::parse_endpoint(start.upstream_host);
  std::string json =
      fmt::format(R"({{"id":{},"started_at":"{}","way_in":"{}","upstream_host":{},"method":{},"target":{})",
                  json_or_null(id), format_rfc3339(start.started_at), calls::way_in_name(start.way_in),
                  json_or_null(start.upstream_host), json_or_null(start.method), json_or_null(start.target));
  const std::string region = start.region.empty() && endpoint ? endpoint->region : start.region;
  json += fmt::format(R"(,"service":{},"operation":{},"model_id":{},"region":{},"access_key_id":{},"session_id":{})",
                      json_or_null(operation ? operation->service : std::string_view()),
                      json_or_null(operation ? operation->name : std::string_view()),
                      json_or_null(operation ? std::string_view(operation->model_id) : std::string_view()),
                      json_or_null(region), json_or_null(start.access_key_id), json_or_null(start.session_id));
  return json + fmt::format(R"(,"text":{},"no_text":{}}})", start.no_text.empty(), json_or_null(start.no_text));
}

void LiveFeed::take(calls::LiveEvent& event) {
  using Kind = calls::LiveEvent::Kind;
  if (event.kind == Kind::started) {
    if (calls_.size() >= limits_.calls) calls_.erase(calls_.begin());
    auto& call = calls_[event.id];
    call = std::make_unique<Call>(std::move(event.start), limits_.message_bytes);
    return tell("call_started", started(event.id, *call));
  }
  const auto found = calls_.find(event.id);
  if (event.kind == Kind::octets) {
    if (found != calls_.end()) take_octets(event.id, *found->second, event);
    return;
  }
  if (found != calls_.end()) calls_.erase(found);
  if (event.kind == Kind::ended) return tell("call_ended", event.text);
  tell("call_gone", fmt::format("{{\"id\":{}}}", json_or_null(event.id)));
}

void LiveFeed::take_octets(const std::string& id, Call& call, const calls::LiveEvent& event) {
  if (call.lost) return;
  if (event.offset != call.next) return lose_text(id, call, "some of the answer did not come through here in time");
  call.next += event.text.size();
  if (event.codings && !call.coding) {
    if (const auto reason = begin_decoding(call, event); !reason.empty()) return lose_text(id, call, reason);
  }
  const std::string_view fault = call.read(event.format, event.text);
  for (const auto& delta : call.news(id, false)) tell("delta", delta);
  if (!fault.empty()) return lose_text(id, call, fault);
  if (call.text > limits_.text) lose_text(id, call, "the answer is longer than is shown here");
}

std::string_view LiveFeed::begin_decoding(Call& call, const calls::LiveEvent& event) {
  if (!event.codings->usable) return "its content coding is not known";
  const auto decoding =
      std::count_if(calls_.begin(), calls_.end(), [](const auto& one) { return one.second->coding != nullptr; });
  if (static_cast<std::size_t>(decoding) >= limits_.compressed) return "too many compressed answers come at once";
  call.coding = std::make_unique<http::ContentDecoder>(
      event.codings->codings, http::DecodingLimits{.octets = limits_.decoded},
      [&call, format = event.format](Bytes octets) { return call.readable = call.read_plain(format, octets); });
  return {};
}

void LiveFeed::lose_text(const std::string& id, Call& call, std::string_view reason) {
  call.lost = true;
  call.coding.reset();
  tell("text_lost", fmt::format("{{\"id\":{},\"reason\":{}}}", json_or_null(id), json_or_null(reason)));
}

void LiveFeed::tell(std::string_view event, const std::string& json) {
  const std::string text = event_text(event, json);
  for (const auto& weak : clients_) {
    if (const auto client = weak.lock()) client->put(text);
  }
}

}  // namespace borehole::web
