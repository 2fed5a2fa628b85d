#include "calls/call_tap.h"

#include <algorithm>
#include <optional>

#include "base/ids.h"
#include "base/ignoring_case.h"
#include "bedrock/api_key.h"
#include "bedrock/fields.h"
#include "bedrock/sigv4_view.h"
#include "bedrock/streamed_body.h"
#include "calls/live_calls.h"
#include "calls/redaction.h"
#include "calls/redaction_rules.h"
#include "calls/sent_head.h"
#include "tls/digest.h"

namespace borehole::calls {

namespace {

constexpr std::size_t most_notes = 64;
constexpr std::size_t most_shown_before = std::size_t{1} << 20;  // of an answer, to who begins to look on

double millis(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

std::vector<bedrock::Field> fields_of(const http::MessageHead& head) {
  std::vector<bedrock::Field> fields;
  fields.reserve(head.field_count());
  for (std::size_t i = 0; i < head.field_count(); ++i) fields.emplace_back(head.name(i), head.value(i));
  return fields;
}

// Null where it has none.
std::shared_ptr<const http::ContentCodings> codings_of(const http::MessageHead& head) {
  http::ContentCodings codings;
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    if (equals_ignoring_case(head.name(i), "content-encoding")) codings.add(head.value(i));
  }
  if (codings.empty()) return nullptr;
  return std::make_shared<const http::ContentCodings>(std::move(codings));
}

class CallTap final : public Tap {
 public:
  CallTap(CallOutbox& outbox, std::shared_ptr<const CaptureOptions> options,
          std::shared_ptr<std::size_t> bytes_under_way, LiveCalls* live, const ExchangeStart& start, WallTime wall,
          TimePoint now)
      : outbox_(outbox),
        options_(std::move(options)),
        live_(live),
        bytes_under_way_(std::move(bytes_under_way)),
        redaction_(options_->mask_headers),
        begun_(now) {
    call_->redaction = options_->redaction;
    record().id = new_ulid(wall);
    record().started_at = wall;
    record().way_in = start.way_in;
    record().router = start.router;
    record().client.address = start.client_address;
    call_->client_process = start.client_process;
    call_->receipt = start.receipt;
    record().upstream.host = start.upstream_host;
    record().upstream.port = start.upstream_port;
    protocol_ = start.protocol;
    call_->body_max_bytes = options_->body_max_bytes;
  }

  ~CallTap() override {
    *bytes_under_way_ -= held_;
    if (!finished_ && announced_ != 0) guarded([&] { post(LiveEvent::Kind::gone); });
  }
  CallTap(const CallTap&) = delete;
  CallTap& operator=(const CallTap&) = delete;

  std::string_view id() const noexcept override {
    return call_ ? std::string_view(call_->record.id) : std::string_view();
  }

  void on_request_head(const http::RequestHead& received, TimePoint now) noexcept override {
    guarded([&] {
      take_request_head(received, now);
      if (watched()) announce();
    });
  }

  void on_upstream(const UpstreamFacts& facts, TimePoint) noexcept override {
    guarded([&] {
      auto& upstream = record().upstream;
      upstream.address = facts.address;
      upstream.reused = facts.reused;
      upstream.tls_version = facts.tls_version;
      upstream.alpn = facts.alpn;
      if (facts.connect) record().timing_ms.connect = millis(*facts.connect);
      if (facts.tls) record().timing_ms.tls = millis(*facts.tls);
    });
  }

  void on_sent_head(Bytes sent, TimePoint) noexcept override {
    guarded([&] { take_sent_head(sent); });
    received_raw_.clear();
  }

  void on_request_body(Bytes content, TimePoint) noexcept override {
    if (!call_) return;
    auto& request = record().request;
    const std::size_t before = request.body.size();
    capture(content, request.body_bytes, request.body, request.body_truncated);
    if (request_streamed_) guarded([&] { capture_request_end(content.substr(request.body.size() - before)); });
    if (web_socket_) web_socket_->client.look(content);
  }

  void on_request_complete(TimePoint) noexcept override {}

  void on_request_passed(Duration held) noexcept override { held_up_ += held; }

  void on_response_passed(Duration held, TimePoint left) noexcept override {
    if (!call_) return;
    record().timing_ms.added_by_proxy = millis(held_up_ + held);
    response_left_ = left;
  }

  void on_response_head(const http::ResponseHead& head, TimePoint now) noexcept override {
    if (head.informational() && head.status() != 101) return;
    guarded([&] {
      auto& response = record().response;
      response.status = head.status();
      if (head_received_) record().timing_ms.upstream_first_byte = millis(now - *head_received_);
      take_fields(head, response.headers);
      const auto type = head.find("content-type");
      const auto format = type ? bedrock::stream_format(*type) : std::nullopt;
      streamed_ = format.has_value();
      coded_ = head.find("content-encoding").has_value();
      if (format && head.status() / 100 == 2 && no_text().empty()) {
        if (coded_) live_codings_ = codings_of(head);
        live_format_ = format;
      }
      const auto upgraded = head.status() == 101 ? head.find("upgrade") : std::nullopt;
      const bool opened = head.status() / 100 == 2 && equals_ignoring_case(protocol_, "websocket");
      if (opened || (upgraded && equals_ignoring_case(*upgraded, "websocket"))) {
        web_socket_ = std::make_unique<WebSocket>();
      }
    });
  }

  void on_response_body(Bytes content, TimePoint now) noexcept override {
    if (!call_) return;
    auto& response = record().response;
    const std::size_t before = response.body.size();
    capture(content, response.body_bytes, response.body, response.body_truncated);
    if (web_socket_) web_socket_->upstream.look(content);
    if (streamed_) guarded([&] { capture_stream(content.substr(response.body.size() - before), now); });
    if (live_format_ && watched()) guarded([&] { show(content); });
  }

  void on_note(std::string note) noexcept override {
    guarded([&] {
      if (record().notes.size() < most_notes) record().notes.push_back(std::move(note));
    });
  }

  void on_finished(Outcome outcome, const Error* error, int status, TimePoint now) noexcept override {
    guarded([&] {
      record().outcome = outcome;
      record().aws.signed_headers = std::move(signature_.signed_headers);  // nothing asks for them any more
      record().timing_ms.total = millis(std::max(now, response_left_) - begun_);
      if (error != nullptr) {
        record().error = *error;
        redaction_.cleanse(record().error->detail);
      }
      if (web_socket_) {
        record().request.websocket = web_socket_->client.counts();
        record().response.websocket = web_socket_->upstream.counts();
      }
      auto& response = record().response;
      if (!response.status && status != 0) response.status = status;
      for (std::string& note : record().notes) redaction_.cleanse(note);
      // A refused signature is answered with what should have been signed, session token included.
      if (response.status.value_or(0) >= 400) {
        if (coded_) {
          call_->secrets = redaction_.take_secrets();  // they can be found once it is decoded
        } else {
          redaction_.cleanse(response.body, response.body_truncated);
        }
        if (head_received_) take_signing();
      }
    });
    if (!call_) return;
    finished_ = true;
    if (!short_of_memory_) return outbox_.deliver(std::move(call_));
    if (announced_ != 0) guarded([&] { post(LiveEvent::Kind::gone); });
    call_.reset();
    outbox_.missed();
  }

 private:
  CallRecord& record() { return call_->record; }

  bool watched() const noexcept { return live_ != nullptr && live_->watch() != 0; }

  std::string_view no_text() const noexcept {
    return options_->body_max_bytes == 0 ? "bodies are not kept (record.bodies.max_bytes is 0)"
                                         : std::string_view(options_->live_text_off);
  }

  void post(LiveEvent::Kind kind, Bytes octets = {}, std::uint64_t offset = 0) {
    LiveEvent event;
    event.kind = kind;
    event.id = record().id;
    event.format = live_format_.value_or(bedrock::StreamFormat::event_stream);
    event.codings = live_codings_;
    event.offset = offset;
    event.text = octets;
    live_->post(std::move(event));
  }

  void announce() {
    // A tunnel is none; what is inside is announced.
    if (record().request.method == "CONNECT") return;
    announced_ = live_->watch();
    auto start = std::make_shared<LiveEvent::Start>();
    start->started_at = record().started_at;
    start->way_in = record().way_in;
    start->method = record().request.method;
    const bool hides =
        options_->redaction && options_->redaction->hides_texts();  // then only a record is looked through
    if (!hides) start->target = call_->target;
    start->amz_target = call_->amz_target;
    start->upstream_host = record().upstream.host;
    start->region = call_->signing_region;
    start->access_key_id = record().aws.access_key_id;
    if (!hides) start->session_id = record().session_id;
    start->no_text = no_text();
    LiveEvent event;
    event.id = record().id;
    event.start = std::move(start);
    live_->post(std::move(event));
  }

  // `content` was captured. Who has only begun to look on gets what came before as well, if it was kept.
  void show(Bytes content) {
    const auto& response = record().response;
    if (announced_ == live_->watch()) {
      post(LiveEvent::Kind::octets, content, response.body_bytes - content.size());
      return;
    }
    announce();
    const bool whole = response.body.size() == response.body_bytes && response.body.size() <= most_shown_before;
    if (whole) post(LiveEvent::Kind::octets, response.body);
  }

  // Only memory can run out in here. Then the call goes on, and has no record: what was being taken would be missing
  // from it, and what was to be hidden might not be. Of a finished call nothing is taken.
  template <class F>
  void guarded(F&& take) noexcept {
    if (!call_) return;
    try {
      take();
    } catch (...) {
      short_of_memory_ = true;
    }
  }

  void take_request_head(const http::RequestHead& head, TimePoint now) {
    head_received_ = now;
    auto& request = record().request;
    request.method = head.method();
    request.target = redaction_.target(head.target());
    call_->target = bedrock::without_prefix(request.target, record().router);
    take_fields(head, request.headers);
    if (options_->session_header) {
      if (const auto session = head.find(*options_->session_header))
        record().session_id = redaction_.header_value(*options_->session_header, *session);
    }
    if (const auto target = head.find("x-amz-target")) call_->amz_target = *target;
    if (const auto type = head.find("content-type")) request_streamed_ = bedrock::stream_format(*type).has_value();

    const auto fields = fields_of(head);
    signature_ = bedrock::read_signature(head.target(), fields);
    record().aws.access_key_id = std::move(signature_.access_key_id);
    record().aws.api_key_name = std::move(signature_.api_key_name);
    call_->signing_region = std::move(signature_.region);
    call_->signing_service = std::move(signature_.service);
    credential_ = bedrock::credential_text(signature_, head.target(), fields);
    if (signed_by_sigv4()) received_raw_ = head.raw();
  }

  void take_fields(const http::MessageHead& head, Headers& headers) {
    headers.reserve(head.field_count(), head.raw().size());
    for (std::size_t i = 0; i < head.field_count(); ++i) {
      const Bytes name = head.name(i), value = head.value(i);
      const Bytes shown = redaction_.header_value(name, value);
      if (shown.data() != value.data()) {
        headers.emplace_back(name, shown);
        continue;
      }
      const auto value_at = static_cast<std::size_t>(value.data() - name.data());
      headers.append_line({name.data(), value_at + value.size()}, name.size(), value_at);
    }
  }

  bool signed_by_sigv4() const {
    return signature_.scheme == bedrock::SignatureScheme::sigv4 ||
           signature_.scheme == bedrock::SignatureScheme::sigv4_query ||
           signature_.scheme == bedrock::SignatureScheme::sigv4a;
  }

  // What a diagnosis needs of the credentials of a refused call. The signature's own hash lets a recomputed one be
  // compared with it, and neither the signature nor a key can be had from it.
  void take_signing() {
    constexpr std::size_t longest_scope = 256;  // a real one has about 40
    auto& signing = record().aws.signing.emplace();
    signing.scheme = bedrock::scheme_name(signature_.scheme);
    signing.scope = signature_.scope.substr(0, longest_scope);
    if (signature_.scheme == bedrock::SignatureScheme::bearer) {
      const bedrock::ApiKeyShape key = bedrock::read_api_key_shape(credential_);
      signing.api_key = key.kind;
      signing.api_key_fault = key.fault;
      if (key.expires_at) signing.api_key_expires_at = bedrock::seconds_text(*key.expires_at);
    } else if (!credential_.empty()) {
      signing.signature_sha256 = tls::sha256_hex(credential_);
    }
  }

  // A gateway cuts its prefix and puts the upstream's name where its own stood; that is what such a client signed, if
  // it can work at all. Whether it did is not to be seen from here where the name was replaced: then the answer stays
  // absent.
  void take_sent_head(Bytes sent_octets) {
    if (sent_octets == received_raw_) {
      record().aws.signature_intact = true;  // never empty: a head without signature leaves `received_raw_` so
      return;
    }
    const SentHead sent = read_sent(sent_octets);
    call_->target = redaction_.target(sent.target);
    if (received_raw_.empty()) return;
    const SentHead received = read_sent(received_raw_);
    const bool gateway = record().way_in == WayIn::gateway;
    if (gateway && bedrock::find_field(received.fields, "host") != bedrock::find_field(sent.fields, "host")) return;
    const Bytes target = gateway ? bedrock::without_prefix(received.target, record().router) : received.target;
    record().aws.signature_intact =
        bedrock::signature_intact(signature_, {.method = received.method, .target = target, .fields = received.fields},
                                  {.method = sent.method, .target = sent.target, .fields = sent.fields});
  }

  void capture(Bytes content, std::uint64_t& counted, std::string& body, bool& truncated) noexcept {
    counted += content.size();
    if (truncated || content.empty()) return;
    const std::size_t under_way = *bytes_under_way_;
    const std::size_t room =
        std::min(options_->body_max_bytes - std::min(body.size(), options_->body_max_bytes),
                 options_->under_way_max_bytes - std::min(under_way, options_->under_way_max_bytes));
    truncated = content.size() > room;
    const Bytes taken = content.substr(0, room);
    try {
      body.append(taken);
      held_ += taken.size();
      *bytes_under_way_ += taken.size();
    } catch (...) {
      truncated = true;
    }
  }

  // `left_over` is what the body's budget did not take. Of the common budget, marks and ends are part.
  void capture_stream(Bytes left_over, TimePoint now) {
    const std::size_t had = beside_bodies();
    if (*bytes_under_way_ < options_->under_way_max_bytes) {
      call_->response_marks.add(record().response.body_bytes, now - head_received_.value_or(begun_));
      if (!left_over.empty()) call_->response_end.add(left_over);
    } else {
      call_->response_end = {};  // an end with a hole in it would not be one
    }
    count_beside_bodies(had);
  }

  void capture_request_end(Bytes left_over) {
    if (left_over.empty()) return;
    const std::size_t had = beside_bodies();
    if (*bytes_under_way_ < options_->under_way_max_bytes) {
      call_->request_end.add(left_over);
    } else {
      call_->request_end = {};
    }
    count_beside_bodies(had);
  }

  std::size_t beside_bodies() const noexcept {
    return call_->response_marks.memory() + call_->response_end.memory() + call_->request_end.memory();
  }

  void count_beside_bodies(std::size_t had) noexcept {
    const std::size_t has = beside_bodies();
    held_ = held_ - had + has;
    *bytes_under_way_ = *bytes_under_way_ - had + has;
  }

  CallOutbox& outbox_;
  std::shared_ptr<const CaptureOptions> options_;
  LiveCalls* live_;
  std::uint64_t announced_ = 0;                       // to whom (LiveCalls::watch) the call was announced
  std::optional<bedrock::StreamFormat> live_format_;  // of an answer whose text may be shown while it comes
  std::shared_ptr<const http::ContentCodings> live_codings_;
  std::shared_ptr<std::size_t> bytes_under_way_;
  std::size_t held_ = 0;  // this tap's part of them
  Redaction redaction_;
  TimePoint begun_;
  std::optional<TimePoint> head_received_;
  Duration held_up_{};                          // the request's head
  TimePoint response_left_ = TimePoint::min();  // the first octets of the response
  bedrock::SignatureView signature_;
  std::string credential_;    // signature or API key, while the call lasts
  std::string received_raw_;  // with its secrets, until the sent head has been compared with it
  std::string protocol_;      // of an extended CONNECT
  struct WebSocket {
    http::WebSocketFrames client, upstream;
  };
  std::unique_ptr<WebSocket> web_socket_;  // once one was opened
  bool request_streamed_ = false;          // the request is a stream of events
  bool streamed_ = false;                  // the response is a stream of events
  bool coded_ = false;                     // the response has a content coding, or says that it has none
  bool finished_ = false;
  bool short_of_memory_ = false;
  std::unique_ptr<CapturedCall> call_ = std::make_unique<CapturedCall>();  // null: it was delivered
};

}  // namespace

CallTapSource::CallTapSource(CallOutbox& outbox, std::shared_ptr<const CaptureOptions> options, const Clock& clock,
                             LiveCalls* live)
    : outbox_(outbox),
      options_(std::move(options)),
      clock_(clock),
      live_(live),
      bytes_under_way_(std::make_shared<std::size_t>(0)) {}

std::unique_ptr<Tap> CallTapSource::begin(const ExchangeStart& start, TimePoint now) noexcept {
  try {
    return std::make_unique<CallTap>(outbox_, options_, bytes_under_way_, live_, start, clock_.wall(), now);
  } catch (...) {
    outbox_.missed();
    return nullptr;
  }
}

}  // namespace borehole::calls
