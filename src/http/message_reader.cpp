#include "http/message_reader.h"

#include <fmt/format.h>
#include <llhttp.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "http/chunk_reader.h"
#include "http/head_indexer.h"
#include "http/plain_head.h"
#include "http/reader_errors.h"
#include "http/syntax.h"
#include "http/validate_head.h"

namespace borehole::http {

namespace {

constexpr unsigned max_empty_lines = 16;          // before a request line
constexpr std::size_t max_head_limit = 1U << 30;  // so that offsets fit in FieldSpan

enum class Phase : std::uint8_t {
  between,      // nothing of the next message has come
  head,         // inside a head
  no_body,      // the head was given; the message is complete without another octet
  counted,      // in a body of known length
  chunked,      // in a chunked body, trailers included
  until_close,  // in a body that ends with the connection
};

}  // namespace

struct MessageReader::State {
  State(Role role_of_messages, ReaderLimits reader_limits);
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Result<Progress> feed(Bytes bytes);
  Result<bool> end();

  const MessageHead& message_head() const noexcept {
    return role == Role::request ? static_cast<const MessageHead&>(request) : response;
  }

  Role role;
  ReaderLimits limits;
  llhttp_t parser{};
  Phase phase = Phase::between;
  ChunkReader chunks;
  RequestHead request;
  ResponseHead response;
  std::vector<Bytes> content;
  std::optional<Error> failure;
  std::uint64_t length = 0;  // Content-Length
  std::uint64_t left = 0;    // octets of the counted body still to come
  unsigned empty_lines = 0;  // skipped before this request line
  Framing framing = Framing::none;
  bool cr_seen = false;    // of an empty line before a request line
  bool keep_alive = true;  // of the last message
  bool closed = false;     // no other message may follow
  bool to_head = false;    // the response answers HEAD
  bool to_connect = false;

 private:
  std::string& raw() noexcept { return role == Role::request ? request.raw_ : response.raw_; }
  void clear_head() noexcept {
    raw().clear();
    (role == Role::request ? request.fields_ : response.fields_).clear();
  }

  Result<Progress> feed_between(Bytes bytes);
  Result<Progress> feed_head(Bytes bytes);
  Result<Progress> finish_head(std::size_t consumed);
  Result<Progress> begin_body(std::size_t consumed);
  Result<Progress> feed_counted(Bytes bytes);
  Result<Progress> feed_chunked(Bytes bytes);
  Progress complete(std::size_t consumed) noexcept;
  Framing framing_of_head() const noexcept;
  bool keep_alive_of_head() const noexcept;

  Unexpected<Error> fail(Error error);
  Unexpected<Error> fail(ErrorCode request_code, std::string detail) {
    return fail(reader_error(role, request_code, std::move(detail)));
  }
  Unexpected<Error> fail_parse(llhttp_errno_t error, Bytes fed);
  Unexpected<Error> fail_head_too_large();
  Unexpected<Error> fail_cut(std::string what);
  static int on_headers_complete(llhttp_t*) noexcept { return HPE_PAUSED; }
  static llhttp_settings_t make_settings() noexcept;

  static const llhttp_settings_t settings;
};

const llhttp_settings_t MessageReader::State::settings = make_settings();

llhttp_settings_t MessageReader::State::make_settings() noexcept {
  llhttp_settings_t s;
  llhttp_settings_init(&s);
  s.on_headers_complete = on_headers_complete;
  return s;
}

MessageReader::State::State(Role role_of_messages, ReaderLimits reader_limits)
    : role(role_of_messages), limits(reader_limits), chunks(role_of_messages, reader_limits) {
  limits.head_bytes = std::min(limits.head_bytes, max_head_limit);
  llhttp_init(&parser, role == Role::request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
  parser.data = this;
}

Result<MessageReader::Progress> MessageReader::State::feed(Bytes bytes) {
  content.clear();
  if (failure) return unexpected(*failure);
  switch (phase) {
    case Phase::between: return feed_between(bytes);
    case Phase::head: return feed_head(bytes);
    case Phase::no_body: return complete(0);
    case Phase::counted: return feed_counted(bytes);
    case Phase::chunked: return feed_chunked(bytes);
    case Phase::until_close:
      if (bytes.empty()) return Progress{Step::more, 0};
      content.push_back(bytes);
      return Progress{Step::body, bytes.size()};
  }
  return fail(ErrorCode::internal, "The reader is in no phase.");
}

Result<MessageReader::Progress> MessageReader::State::feed_between(Bytes bytes) {
  std::size_t skipped = 0;
  for (; role == Role::request && skipped < bytes.size(); ++skipped) {
    const char c = bytes[skipped];
    if (cr_seen != (c == '\n')) {
      return fail(ErrorCode::ambiguous_request, "Before the request line stands a CR or LF that is no part of a CRLF.");
    }
    if (c != '\r' && c != '\n') break;
    cr_seen = c == '\r';
    if (c == '\n' && ++empty_lines > max_empty_lines) {
      return fail(ErrorCode::malformed_request, "Only empty lines come where a request line is expected.");
    }
  }
  bytes.remove_prefix(skipped);
  if (bytes.empty()) return Progress{Step::more, skipped};
  if (closed) {
    return fail(ErrorCode::malformed_request,
                fmt::format("Octets follow the {} that was announced as the connection's last.", subject(role)));
  }
  if (bytes.front() == '\r' || bytes.front() == '\n') {
    return fail(ErrorCode::malformed_request, "An empty line stands where the upstream's status line is expected.");
  }
  phase = Phase::head;
  empty_lines = 0;
  const PlainHead::Limits plain{limits.head_bytes, limits.header_fields, limits.target_bytes, limits.header_line_bytes};
  const std::size_t size =
      role == Role::request ? PlainHead::read(request, bytes, plain) : PlainHead::read(response, bytes, plain);
  if (size == 0) {
    clear_head();
    llhttp_reset(&parser);
  }
  auto progress = size != 0 ? begin_body(size) : feed_head(bytes);
  if (progress) progress->consumed += skipped;
  return progress;
}

Result<MessageReader::Progress> MessageReader::State::feed_head(Bytes bytes) {
  const Bytes piece = bytes.substr(0, limits.head_bytes - raw().size());
  if (piece.empty()) return Progress{Step::more, 0};  // it may be of no memory, which llhttp does not expect
  const llhttp_errno_t error = llhttp_execute(&parser, piece.data(), piece.size());
  if (error == HPE_PAUSED) {
    const auto size = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - piece.data());
    raw().append(piece.substr(0, size));
    return finish_head(size);
  }
  if (error != HPE_OK) return fail_parse(error, piece);
  raw().append(piece);
  if (raw().size() >= limits.head_bytes) return fail_head_too_large();
  return Progress{Step::more, piece.size()};
}

Result<MessageReader::Progress> MessageReader::State::finish_head(std::size_t consumed) {
  role == Role::request ? HeadIndexer::index(request) : HeadIndexer::index(response);
  if (message_head().field_count() > limits.header_fields) {
    return fail(ErrorCode::head_too_large,
                fmt::format("The {}'s head has more than {} fields (`limits.header_fields`).", subject(role),
                            limits.header_fields));
  }
  for (std::size_t i = 0; i < message_head().field_count(); ++i) {
    if (message_head().name(i).size() + message_head().value(i).size() <= limits.header_line_bytes) continue;
    return fail(ErrorCode::head_too_large,
                fmt::format("A field of the {}'s head is longer than {} octets (`limits.header_line_bytes`).",
                            subject(role), limits.header_line_bytes));
  }
  if (role == Role::request) {
    if (request.target().size() > limits.target_bytes) {
      return fail(ErrorCode::head_too_large, fmt::format("The request target is longer than {} octets "
                                                         "(`limits.target_bytes`).",
                                                         limits.target_bytes));
    }
    if (auto valid = validate_request_head(request); !valid) return fail(std::move(valid.error()));
  } else {
    if (auto valid = validate_response_head(response); !valid) return fail(std::move(valid.error()));
  }
  return begin_body(consumed);
}

Result<MessageReader::Progress> MessageReader::State::begin_body(std::size_t consumed) {
  framing = framing_of_head();
  keep_alive = keep_alive_of_head();
  length = 0;
  switch (framing) {
    case Framing::none:
    case Framing::opaque: phase = Phase::no_body; break;
    case Framing::content_length: {
      const Bytes digits = message_head().find("content-length").value_or(Bytes());
      for (const char c : digits) length = length * 10 + static_cast<std::uint64_t>(c - '0');
      left = length;
      phase = length == 0 ? Phase::no_body : Phase::counted;
      break;
    }
    case Framing::chunked:
      if ((parser.flags & F_CHUNKED) == 0) {
        return fail(ErrorCode::ambiguous_request,
                    fmt::format("Two readings of the {}'s framing differ.", subject(role)));
      }
      chunks.start();
      phase = Phase::chunked;
      break;
    case Framing::until_close: phase = Phase::until_close; break;
  }
  return Progress{Step::head, consumed};
}

Framing MessageReader::State::framing_of_head() const noexcept {
  const MessageHead& head = message_head();
  if (role == Role::request) {
    if (request.method() == "CONNECT") return Framing::opaque;
  } else {
    const int status = response.status();
    if (status == 101 || (to_connect && status / 100 == 2)) return Framing::opaque;
    if (response.informational() || to_head || status == 204 || status == 304) return Framing::none;
  }
  if (head.find("transfer-encoding")) return Framing::chunked;
  if (head.find("content-length")) return Framing::content_length;
  return role == Role::request ? Framing::none : Framing::until_close;
}

bool MessageReader::State::keep_alive_of_head() const noexcept {
  if (framing == Framing::opaque || framing == Framing::until_close) return false;
  if (role == Role::response && response.informational()) return true;  // the final response has to follow
  const MessageHead& head = message_head();
  if (head.has_token("connection", "close")) return false;
  return head.minor_version() == 1 || head.has_token("connection", "keep-alive");
}

Result<MessageReader::Progress> MessageReader::State::feed_counted(Bytes bytes) {
  if (bytes.empty()) return Progress{Step::more, 0};
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size()));
  content.push_back(bytes.substr(0, size));
  left -= size;
  if (left == 0) return complete(size);
  return Progress{Step::body, size};
}

Result<MessageReader::Progress> MessageReader::State::feed_chunked(Bytes bytes) {
  const auto progress = chunks.feed(bytes, content);
  if (!progress) return fail(progress.error());
  if (progress->complete) return complete(progress->consumed);
  return Progress{bytes.empty() ? Step::more : Step::body, progress->consumed};
}

MessageReader::Progress MessageReader::State::complete(std::size_t consumed) noexcept {
  phase = Phase::between;
  closed = !keep_alive;
  if (role == Role::response && (!response.informational() || response.status() == 101)) {
    to_head = false;
    to_connect = false;
  }
  return {Step::complete, consumed};
}

Unexpected<Error> MessageReader::State::fail(Error error) {
  content.clear();
  failure = std::move(error);
  return unexpected(*failure);
}

Unexpected<Error> MessageReader::State::fail_parse(llhttp_errno_t error, Bytes fed) {
  const char* at = llhttp_get_error_pos(&parser);
  const bool inside = at != nullptr && at >= fed.data() && at <= fed.data() + fed.size();
  const std::size_t size = inside ? static_cast<std::size_t>(at - fed.data()) : fed.size();
  std::string line = raw();  // what of the line at fault has come, the octet at fault included
  line.append(fed.substr(0, size + 1));
  // llhttp 9 names the octet behind a bare LF as the one at fault.
  if (const Bytes before = Bytes(line).substr(0, line.size() - 1); ends_in_bare_lf(before)) line.pop_back();
  if (line.size() > 1) line.erase(0, line.rfind('\n', line.size() - 2) + 1);
  return fail(parse_error(role, error, line));
}

Unexpected<Error> MessageReader::State::fail_head_too_large() {
  return fail(ErrorCode::head_too_large, fmt::format("The {}'s head is larger than {} octets (`limits.head_bytes`).",
                                                     subject(role), limits.head_bytes));
}

Unexpected<Error> MessageReader::State::fail_cut(std::string what) {
  Error error;
  error.detail = fmt::format("The connection ended inside the {}: {}.", subject(role), what);
  if (role == Role::request) {
    error.code = ErrorCode::client_aborted;
    error.fault = Fault::client;
  } else {
    error.code = phase == Phase::head ? ErrorCode::upstream_closed : ErrorCode::upstream_broke;
    error.fault = Fault::upstream;
  }
  return fail(std::move(error));
}

Result<bool> MessageReader::State::end() {
  content.clear();
  if (failure) return unexpected(*failure);
  switch (phase) {
    case Phase::between: closed = true; return false;
    case Phase::head: return fail_cut(fmt::format("{} octets of its head had come, the rest is missing", raw().size()));
    case Phase::no_body: break;
    case Phase::counted: return fail_cut(fmt::format("{} of {} octets of its body are missing", left, length));
    case Phase::chunked: return fail_cut(chunks.missing());
    case Phase::until_close: break;
  }
  complete(0);
  closed = true;
  return true;
}

MessageReader::MessageReader(Role role, ReaderLimits limits) : state_(std::make_unique<State>(role, limits)) {}
MessageReader::MessageReader(MessageReader&&) noexcept = default;
MessageReader& MessageReader::operator=(MessageReader&&) noexcept = default;
MessageReader::~MessageReader() = default;

void MessageReader::expect_response_to(Bytes method) {
  state_->to_head = method == "HEAD";
  state_->to_connect = method == "CONNECT";
}

Result<MessageReader::Progress> MessageReader::feed(Bytes bytes) { return state_->feed(bytes); }
Result<bool> MessageReader::end() { return state_->end(); }
const RequestHead& MessageReader::request_head() const noexcept { return state_->request; }
const ResponseHead& MessageReader::response_head() const noexcept { return state_->response; }
Framing MessageReader::framing() const noexcept { return state_->framing; }
std::uint64_t MessageReader::content_length() const noexcept { return state_->length; }
bool MessageReader::keep_alive() const noexcept { return state_->keep_alive; }
bool MessageReader::trailers() const noexcept {
  return state_->framing == Framing::chunked && state_->chunks.trailers();
}
const std::vector<Bytes>& MessageReader::content() const noexcept { return state_->content; }
bool MessageReader::idle() const noexcept { return state_->phase == Phase::between; }
std::size_t MessageReader::head_bytes() const noexcept {
  return state_->phase == Phase::head ? state_->message_head().raw().size() : 0;
}

}  // namespace borehole::http
