// The HTTP/2 session's exchanges: a response on its way down.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "proxy/h2_limits.h"
#include "proxy/h2_parts.h"

namespace borehole::proxy {

namespace {

int status_of(const http::H2Fields& fields) {
  int status = 0;
  for (const http::H2Field& field : fields) {
    if (field.name == ":status") std::from_chars(field.value.data(), field.value.data() + field.value.size(), status);
  }
  return status;
}

}  // namespace

void H2Session::response_came(Leg& leg, StreamId upstream, http::H2Fields fields, bool ended, bool too_large) {
  Stream* const stream = find(leg, upstream);
  if (stream == nullptr) return;
  stream->active = now_;
  const int status = status_of(fields);
  auto error = response_over_limits(fields, stream->host, too_large, *context_.policy->config);
  if (!error && (status == 101 || status < 100)) {
    error = Error{ErrorCode::malformed_response, Fault::upstream,
                  fmt::format("{} answered with status {}, which HTTP/2 does not have", stream->host, status)};
  }
  if (error) {
    if (stream->status >= 200) error->code = ErrorCode::upstream_broke;  // they are trailers
    let_upstream_go(*stream, http::h2_error::protocol);
    return response_failed(*stream, *error);
  }
  stream->status = status;
  stream->conversation = stream->speaks_up && is_conversation(fields);
  if (stream->tap) stream->tap->on_response_head(http::as_response_head(fields), now_);
  if (status < 200) return client_->codec.informational(stream->id, fields);
  if (const std::string id = answer_field(*stream); !id.empty())
    fields.push_back({*context_.policy->config->record.answer_header, id});
  passed_down_.push_back(stream->id);
  stream->response_ended = ended;
  if (stream->record != 0) {
    stream->last.head = std::move(fields);
    stream->last.ended = ended;
    return (ended ? answered_ : pieces_).push_back(stream->id);
  }
  client_->codec.response(stream->id, fields, ended);
  if (!ended) return;
  response_all_left(stream->id);
}

void H2Session::response_body(Leg& leg, StreamId upstream, Bytes content) {
  Stream* const stream = find(leg, upstream);
  if (stream == nullptr) return leg.codec.consumed(upstream, content.size());
  stream->active = now_;
  if (stream->tap) stream->tap->on_response_body(content, now_);
  if (stream->record == 0) return give(*stream, content);
  stream->last.body += content;
  pieces_.push_back(stream->id);
}

void H2Session::response_ended(Leg& leg, StreamId upstream, http::H2Fields trailers) {
  Stream* const stream = find(leg, upstream);
  if (stream == nullptr) return;
  stream->active = now_;
  stream->response_ended = true;
  if (stream->record == 0) return client_->codec.trailers(stream->id, std::move(trailers));
  stream->last.trailers = std::move(trailers);
  stream->last.ended = true;
  answered_.push_back(stream->id);
}

void H2Session::response_trailers_too_large(Leg& leg, StreamId upstream) {
  Stream* const stream = find(leg, upstream);
  if (stream == nullptr) return;
  let_upstream_go(*stream, http::h2_error::protocol);
  response_failed(*stream, proxy::response_trailers_too_large(stream->host, *context_.policy->config));
}

void H2Session::response_left(StreamId id, std::size_t octets) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  taken(*stream, octets);
  left_down(*stream, octets);
}

void H2Session::response_all_left(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->delivered = true;
  last_done_ = std::max(last_done_, id);
  if (stream->request_ended || stream->leg == nullptr) done_.push_back(id);
}

// The upstream's codec says that the stream is over before both sides ended it.
void H2Session::response_reset(Leg& leg, StreamId upstream, std::uint32_t code) {
  Stream* const stream = find(leg, upstream);
  if (stream == nullptr) return;
  leg.streams.erase(upstream);
  drop_held_up(*stream);
  stream->leg = nullptr;
  if (stream->last.ended) {  // the same, and it waits
    stream->reset_behind = code;
    return;
  }
  if (stream->response_ended) {  // it has answered, and wants no more of the request (RFC 9113 section 8.1)
    client_->codec.reset_behind_body(stream->id, code);
    return done_.push_back(stream->id);
  }
  const Error error{stream->status < 200 ? ErrorCode::upstream_closed : ErrorCode::upstream_broke, Fault::upstream,
                    fmt::format("{} reset the stream ({}){}", stream->host, http::h2_error_name(code),
                                stream->status < 200 ? " before it answered; the request was not sent again" : "")};
  client_->codec.reset_behind_body(stream->id, code == http::h2_error::none ? http::h2_error::internal : code);
  finish_tap(*stream, calls::Outcome::upstream_failed, &error);
  forget(stream->id);
}

void H2Session::response_malformed(Leg& leg, StreamId upstream, const std::string& why) {
  Stream* const stream = find(leg, upstream);
  if (stream == nullptr) return;
  const Error error{ErrorCode::malformed_response, Fault::upstream,
                    fmt::format("{} sent a malformed response: {}", stream->host, why)};
  let_upstream_go(*stream, http::h2_error::protocol);
  response_failed(*stream, error);
}

void H2Session::response_failed(Stream& stream, const Error& error) {
  if (stream.status < 200) return refuse(stream, error);
  if (stream.last.ended) {
    stream.reset_behind = http::h2_error::none;
    return;
  }
  if (stream.response_ended) {  // all of it is here, and will be delivered; the rest of the request is not wanted
    client_->codec.reset_behind_body(stream.id, http::h2_error::none);
    if (stream.delivered) done_.push_back(stream.id);
    return;
  }
  client_->codec.reset_behind_body(stream.id, http::h2_error::internal);
  finish_tap(stream, calls::Outcome::upstream_failed, &error);
  forget(stream.id);
}

}  // namespace borehole::proxy
