// The HTTP/2 session's exchanges: a request on its way up, and what is said where it fails; h2_response.cpp has the way
// down.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bedrock/streamed_body.h"
#include "http/validate_head.h"
#include "proxy/h2_limits.h"
#include "proxy/h2_parts.h"
#include "proxy/refusal.h"

namespace borehole::proxy {

bool is_conversation(const http::H2Fields& fields) {
  const auto type = std::find_if(fields.begin(), fields.end(),
                                 [](const http::H2Field& field) { return field.name == "content-type"; });
  if (type == fields.end()) return false;
  return bedrock::stream_format(type->value) == bedrock::StreamFormat::event_stream ||
         type->value.starts_with("application/grpc");
}

H2Session::Stream* H2Session::find(StreamId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

H2Session::Stream* H2Session::find(const Leg& leg, StreamId upstream) {
  const auto found = leg.streams.find(upstream);
  return found == leg.streams.end() ? nullptr : find(found->second);
}

// --- up

void H2Session::request_came(StreamId id, const http::H2Fields& fields, bool ended, bool too_large) {
  if (broken_) return;
  if (last_taken_ != 0 && id > last_taken_) {
    request_not_taken(false);
    return client_->codec.reset(id, http::h2_error::refused_stream);
  }
  effects_.noticed(Notice::h2_stream);
  Stream& stream = *streams_.emplace(id, std::make_unique<Stream>()).first->second;
  stream.id = id;
  stream.request_ended = ended;
  stream.active = now_;
  ++requests_;
  end_behind_last_request(id);

  const http::H2Pseudo pseudo = http::pseudo_of(fields);
  if (pseudo.method == "CONNECT") stream.protocol = pseudo.protocol.value_or("");
  const http::H2RequestHead made = http::as_request_head(fields, target_text(pseudo));
  stream.head_only = made.head.method() == "HEAD";
  stream.speaks_up = is_conversation(fields);
  const auto refused = [&](const Error& error) { refuse_head(stream, made.head, error); };
  if (const auto error = request_over_limits(fields, made.head, too_large, *context_.policy->config))
    return refused(*error);
  if (const auto& refusal = refusal_ ? refusal_ : context_.refusal) return refused(*refusal);
  if (effects_.crowded()) return refused(too_much_buffered(context_.policy->config->limits.buffered_bytes));
  if (!at_.origin || at_.origin->way_in == calls::WayIn::direct) {
    const auto verdict = context_.policy->judge(made.head, context_.client_holder, now_);
    if (!verdict) {
      stream.unjudged = std::make_unique<Stream::Unjudged>();
      stream.unjudged->fields = fields;
      return effects_.judge(static_cast<QuestionNumber>(id), context_.policy->users,
                            *made.head.find("proxy-authorization"), context_.client_holder);
    }
    if (const auto refusal = Policy::refusal_for(*verdict)) return refused(*refusal);
  }
  request_admitted(stream, fields, made);
}

void H2Session::request_admitted(Stream& stream, const http::H2Fields& fields, const http::H2RequestHead& made) {
  const http::H2Pseudo pseudo = http::pseudo_of(fields);
  const bool connect = pseudo.method == "CONNECT";
  const auto refused = [&](const Error& error) { refuse_head(stream, made.head, error); };
  if (connect && !pseudo.protocol) {
    return refused({ErrorCode::unsupported_protocol, Fault::client,
                    "CONNECT is not spoken over HTTP/2 here; offer http/1.1 to the proxy (ALPN)"});
  }
  // An extended CONNECT (RFC 8441) is routed as the GET that it stands for in HTTP/1.1.
  std::optional<http::H2RequestHead> as_get;
  if (connect) {
    http::H2Fields routed = fields;
    for (http::H2Field& field : routed) {
      if (field.name == ":method") field.value = "GET";
    }
    as_get = http::as_request_head(routed, made.head.target());
  }
  const http::H2RequestHead& to_route = as_get ? *as_get : made;
  if (const auto valid = http::validate_request_head(to_route.head); !valid) return refused(valid.error());
  if (context_.pages != nullptr && is_for_own_pages(to_route.head, at_))
    return answer(stream, own_response(to_route.head, *context_.pages, false));
  auto route = route_request(to_route.head, at_, *context_.policy);
  if (!route) return refused(route.error());
  take_away_hop_by_hop(to_route.head, route->edit, route->notes);

  http::Authority upstream;
  upstream.host = route->target.tls_name;
  upstream.port = route->target.port;
  const bool may_be_sent = begin_tap(stream, &made.head, route->way_in, route->router, upstream);
  if (stream.tap) {
    for (const auto& note : route->notes) stream.tap->on_note(note);
  }
  if (!may_be_sent) return refuse(stream, records_fail());
  if (failed_before_) {
    const Error error = *std::exchange(failed_before_, std::nullopt);
    return refuse(stream, error);
  }
  send_up(stream, *std::move(route), made, fields);
}

// What is under way ends as it would; streams behind this one are the client's to open on another connection (RFC 9113
// section 6.8).
void H2Session::end_behind_last_request(StreamId id) {
  if (requests_ != context_.policy->config->limits.requests_per_connection || draining_) return;
  draining_ = true;
  last_taken_ = id;
  client_->codec.goaway(id, http::h2_error::none, {});
}

// In origin form where borehole stands for the upstream, in absolute form where it is asked as a proxy.
std::string H2Session::target_text(const http::H2Pseudo& pseudo) const {
  std::string path(pseudo.path.value_or(pseudo.authority.value_or("")));
  if (at_.origin || !pseudo.path || !pseudo.authority || !path.starts_with('/')) return path;
  const auto authority = http::parse_authority(*pseudo.authority, at_.over_tls ? 443 : 80);
  const bool own = authority && authority->port == at_.local_port;
  const bool other_scheme = pseudo.scheme && http::same_name(*pseudo.scheme, "https") && !at_.over_tls;
  if (!authority || (own && !other_scheme) || (!other_scheme && context_.policy->intercepts(authority->host)))
    return path;
  return fmt::format("{}://{}{}", pseudo.scheme.value_or("https"), *pseudo.authority, path);
}

void H2Session::send_up(Stream& stream, Route route, const http::H2RequestHead& made, const http::H2Fields& fields) {
  Buffer sent;
  http::apply(made.head, route.edit, sent);
  stream.sent_head = sent.take_string();
  stream.host = route.target.host;
  // A gateway's upstream is spoken to in its own scheme.
  const Bytes scheme = route.way_in != calls::WayIn::gateway ? Bytes() : route.target.tls ? "https" : "http";
  if (route.way_in == calls::WayIn::absolute) route.edit.target.reset();  // `:path` is in origin form already
  const http::H2Fields edited = http::edited(fields, made, route.edit, scheme);
  Leg* leg = &leg_for(route.target);
  stream.upstream = leg->codec.request(edited, stream.request_ended);
  if (stream.upstream == 0) {  // it leaves, or its ids are used up
    leg->leaving = true;
    leg = &leg_for(route.target);
    stream.upstream = leg->codec.request(edited, stream.request_ended);
  }
  stream.leg = leg;
  leg->streams.emplace(stream.upstream, stream.id);
  passed_up_.push_back(stream.id);  // what follows until the leg is there is waiting
  if (leg->there) told_upstream(*leg, stream);
}

void H2Session::told_upstream(Leg& leg, Stream& stream) {
  const std::string sent = std::exchange(stream.sent_head, {});
  stream.active = now_;
  if (stream.tap) {
    stream.tap->on_upstream(leg.facts, now_);
    stream.tap->on_sent_head(sent, now_);
    if (stream.request_ended) stream.tap->on_request_complete(now_);
  }
  if (passed_up_.empty() || passed_up_.back() != stream.id) passed_up_.push_back(stream.id);
  if (std::exchange(leg.used, true)) return;
  leg.facts.reused = true;
  leg.facts.connect.reset();
  leg.facts.tls.reset();
}

void H2Session::request_body(StreamId id, Bytes content) {
  Stream* const stream = find(id);
  if (stream == nullptr) {
    client_->codec.consumed(id, content.size());
    if (crowded_) return_room(content.size());
    return;
  }
  if (crowded_) stream->unreturned += content.size();
  if (!stream->unjudged) return forward_body(*stream, content);
  stream->unjudged->body += content;
  held_ += content.size();
}

void H2Session::forward_body(Stream& stream, Bytes content) {
  if (stream.leg == nullptr) return left_up(stream, content.size());
  stream.active = now_;
  if (stream.tap) stream.tap->on_request_body(content, now_);
  // What waits for the upstream is held back by that.
  if (!stream.leg->there || stream.held_up > 0 || stream.conversation || stream.opaque()) {
    stream.arriving.restart();
  } else if (const auto error =
                 stream.arriving.came(content.size(), context_.policy->config->limits.body_bytes_per_second, now_)) {
    left_up(stream, content.size());
    return request_broken(stream, *error);
  }
  stream.held_up += content.size();
  held_ += content.size();
  stream.leg->codec.body(stream.upstream, content);
}

// It goes upstream no further: told in an answer, unless one has begun.
void H2Session::request_broken(Stream& stream, const Error& error) {
  if (stream.leg == nullptr && !stream.unjudged) return;  // it goes nowhere, and is being answered
  record_unjudged(stream);
  if (!stream.response_ended && stream.status >= 200) return give_up(stream, error.detail);
  let_upstream_go(stream, http::h2_error::cancel);
  stream.response_ended ? response_failed(stream, error) : refuse(stream, error);
}

void H2Session::request_ended(StreamId id, http::H2Fields trailers) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->request_ended = true;
  stream->active = now_;
  if (stream->unjudged) {
    stream->unjudged->trailers = std::move(trailers);
    return;
  }
  if (stream->leg != nullptr) {
    if (stream->tap && stream->leg->there) stream->tap->on_request_complete(now_);
    stream->leg->codec.trailers(stream->upstream, std::move(trailers));
  }
  if (stream->delivered) done_.push_back(id);
}

void H2Session::request_left(Leg& leg, StreamId upstream, std::size_t octets) {
  Stream* const stream = find(leg, upstream);
  if (stream == nullptr) return;
  stream->active = now_;
  stream->held_up -= octets;
  held_ -= octets;
  left_up(*stream, octets);
}

void H2Session::request_trailers_too_large(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->request_ended = true;
  request_broken(*stream, proxy::request_trailers_too_large(*context_.policy->config));
}

void H2Session::request_not_taken(bool too_many) {
  effects_.noticed(too_many ? Notice::h2_stream_over_limit : Notice::h2_stream_behind_goaway);
}

// The client's codec says that the stream is over; also after a reset of our own has left.
void H2Session::request_reset(StreamId id, std::uint32_t code) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  record_unjudged(*stream);
  const bool answered = stream->delivered;
  const Error error{ErrorCode::client_aborted, Fault::client,
                    fmt::format("the client reset the stream ({})", http::h2_error_name(code))};
  let_upstream_go(*stream, code);
  finish_tap(*stream, answered ? calls::Outcome::complete : calls::Outcome::client_aborted,
             answered ? nullptr : &error);
  forget(id);
  if (answered || broken_ || !resets_.spent(now_)) return;
  client_->codec.terminate(http::h2_error::enhance_your_calm);
  client_broke(http::h2_error::enhance_your_calm, "it resets its streams faster than they can be answered");
}

void H2Session::request_malformed(StreamId id, const std::string& why) {
  effects_.noticed(Notice::h2_malformed);
  const Error error{ErrorCode::malformed_request, Fault::client,
                    fmt::format("the request is malformed: {}; the stream was reset", why)};
  Stream* stream = find(id);
  if (stream == nullptr) {
    stream = streams_.emplace(id, std::make_unique<Stream>()).first->second.get();
    stream->id = id;
    (void)begin_tap(*stream, nullptr, way_in(), "", at_.origin ? at_.origin->authority : http::Authority{});
  }
  record_unjudged(*stream);
  let_upstream_go(*stream, http::h2_error::cancel);
  finish_tap(*stream, calls::Outcome::refused, &error);
  forget(id);
}

void H2Session::priority_changed(StreamId id, Bytes value) {
  const Stream* const stream = find(id);
  if (stream != nullptr && stream->leg != nullptr) stream->leg->codec.priority_update(stream->upstream, value);
}

// --- refusing

void H2Session::refuse(Stream& stream, const Error& error) {
  const int status = refusal_shape(error.code).status;
  std::string naming;
  if (const std::string id = answer_field(stream); !id.empty())
    naming = fmt::format("{}: {}\r\n", *context_.policy->config->record.answer_header, id);
  stream.status = status;
  const auto outcome = error.fault == Fault::upstream ? calls::Outcome::upstream_failed : calls::Outcome::refused;
  const std::string response = refusal_response(error, false, stream.head_only, naming);
  if (stream.record == 0) {
    finish_tap(stream, outcome, &error);
    return answer(stream, response);
  }
  Bytes body;
  stream.last.head = http::as_response_fields(response, body);
  stream.last.body = body;
  stream.last.ended = stream.response_ended = true;
  if (!stream.request_ended) stream.reset_behind = http::h2_error::none;
  await_record(stream, outcome, &error);
}

// An answer that no upstream gave; what is left of the request's body is not wanted (RFC 9113 section 8.1).
void H2Session::answer(Stream& stream, const std::string& response) {
  Bytes body;
  const http::H2Fields fields = http::as_response_fields(response, body);
  const StreamId id = stream.id;
  stream.response_ended = true;
  client_->codec.response(id, fields, body.empty());
  give(stream, body);
  client_->codec.end(id);
  if (!stream.request_ended) client_->codec.reset_behind_body(id, http::h2_error::none);
  if (body.empty()) response_all_left(id);
}

std::string H2Session::answer_field(const Stream& stream) const {
  if (!context_.policy->config->record.answer_header || !stream.tap) return {};
  return std::string(stream.tap->id());
}

bool H2Session::begin_tap(Stream& stream, const http::RequestHead* head, calls::WayIn way_in, std::string router,
                          const http::Authority& upstream) {
  if (context_.taps == nullptr) return true;
  AwaitedRecord awaited;
  if (context_.strict_records) awaited = effects_.await_record();
  stream.record = awaited.number;
  stream.tap = context_.taps->begin({way_in, std::move(router), context_.client_address, upstream.host, upstream.port,
                                     context_.client_process, std::move(awaited.receipt), stream.protocol},
                                    now_);
  if (stream.tap && head != nullptr) stream.tap->on_request_head(*head, now_);
  return !awaited.failing;
}

void H2Session::finish_tap(Stream& stream, calls::Outcome outcome, const Error* error) noexcept {
  stream.record = 0;
  if (!stream.tap) return;
  stream.tap->on_finished(outcome, error, stream.status, now_);
  stream.tap.reset();
}

void H2Session::let_upstream_go(Stream& stream, std::uint32_t code) {
  if (stream.leg == nullptr) return;
  drop_held_up(stream);
  stream.leg->codec.reset(stream.upstream, code);
  stream.leg->streams.erase(stream.upstream);
  stream.leg = nullptr;
}

void H2Session::forget(StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = *found->second;
  drop_held_up(stream);
  held_ -= stream.held_down;
  if (stream.leg != nullptr) stream.leg->streams.erase(stream.upstream);
  streams_.erase(found);
  if (streams_.empty()) idle_since_ = now_;
}

calls::WayIn H2Session::way_in() const { return at_.origin ? at_.origin->way_in : calls::WayIn::gateway; }

}  // namespace borehole::proxy
