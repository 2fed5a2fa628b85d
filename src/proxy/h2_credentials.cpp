// The HTTP/2 session's part where credentials must be checked first: what comes of a stream meanwhile is kept.
#include <utility>

#include "proxy/h2_parts.h"

namespace borehole::proxy {

// A question has its stream's number.
void H2Session::judged(QuestionNumber question, Policy::Verdict verdict, TimePoint now) {
  now_ = now;
  const auto id = static_cast<StreamId>(question);
  Stream* stream = find(id);
  if (stream == nullptr || !stream->unjudged) return;
  const auto kept = std::move(stream->unjudged);
  stream->active = now;
  held_ -= kept->body.size();
  const http::H2RequestHead made = http::as_request_head(kept->fields, target_text(http::pseudo_of(kept->fields)));
  if (const auto refusal = Policy::refusal_for(verdict)) {
    refuse_head(*stream, made.head, *refusal);
    return settle();
  }
  const bool ended = stream->request_ended;
  stream->request_ended = ended && kept->body.empty() && kept->trailers.empty();
  request_admitted(*stream, kept->fields, made);
  stream = find(id);
  if (stream != nullptr && !kept->body.empty()) forward_body(*stream, kept->body);
  stream = find(id);
  if (stream != nullptr && ended && !stream->request_ended) request_ended(id, std::move(kept->trailers));
  settle();
}

void H2Session::refuse_head(Stream& stream, const http::RequestHead& head, const Error& error) {
  (void)begin_tap(stream, &head, way_in(), "", at_.origin ? at_.origin->authority : http::Authority{});
  refuse(stream, error);
}

void H2Session::record_unjudged(Stream& stream) {
  if (!stream.unjudged) return;
  const auto kept = std::move(stream.unjudged);
  held_ -= kept->body.size();
  const http::H2RequestHead made = http::as_request_head(kept->fields, target_text(http::pseudo_of(kept->fields)));
  (void)begin_tap(stream, &made.head, way_in(), "", at_.origin ? at_.origin->authority : http::Authority{});
}

}  // namespace borehole::proxy
