#include "http/message_reader.h"

#include <fmt/format.h>
#include <llhttp.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "http/head_indexer.h"
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
  chunked,      // in a chunked body, up to the last chunk's line
  trailers,     // behind the last chunk's line
  until_close,  // in a body that ends with the connection
};

// Why llhttp was paused.
enum class Stop : std::uint8_t { none, headers, last_chunk, message, extensions };

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
  Stop stop = Stop::none;
  RequestHead request;
  ResponseHead response;
  std::string trailer_section;
  std::vector<Bytes> content;
  std::optional<Error> failure;
  std::uint64_t length = 0;    // Content-Length
  std::uint64_t left = 0;      // payload octets still to come of the body (counted) or of the chunk (chunked)
  std::size_t extensions = 0;  // octets of chunk extensions so far
  unsigned empty_lines = 0;    // skipped before this request line
  Framing framing = Framing::none;
  bool cr_seen = false;    // of an empty line before a request line
  bool keep_alive = true;  // of the last message
  bool closed = false;     // no other message may follow
  bool has_trailers = false;
  bool to_head = false;  // the response answers HEAD
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
  Result<Progress> feed_counted(Bytes bytes);
  Result<Progress> feed_chunked(Bytes bytes);
  Result<void> check_trailers();
  Progress complete(std::size_t consumed) noexcept;
  Framing framing_of_head() const noexcept;
  bool keep_alive_of_head() const noexcept;

  Unexpected<Error> fail(Error error);
  Unexpected<Error> fail(ErrorCode request_code, std::string detail) {
    return fail(reader_error(role, request_code, std::move(detail)));
  }
  Unexpected<Error> fail_parse(MessagePart part, llhttp_errno_t error, Bytes fed);
  Unexpected<Error> fail_head_too_large();
  Unexpected<Error> fail_cut(std::string what);
  const char* subject() const noexcept { return role == Role::request ? "request" : "upstream's response"; }

  static State& of(llhttp_t* parser) noexcept { return *static_cast<State*>(parser->data); }
  int pause(Stop why) noexcept {
    stop = why;
    return HPE_PAUSED;
  }
  int add_extension(std::size_t size) noexcept {
    extensions += size;
    if (extensions <= limits.chunk_extension_bytes) return 0;
    stop = Stop::extensions;
    return -1;
  }
  static int on_headers_complete(llhttp_t* p) noexcept { return of(p).pause(Stop::headers); }
  static int on_message_complete(llhttp_t* p) noexcept { return of(p).pause(Stop::message); }
  static int on_chunk_header(llhttp_t* p) noexcept {
    of(p).left = p->content_length;
    return p->content_length == 0 ? of(p).pause(Stop::last_chunk) : 0;
  }
  static int on_extension(llhttp_t* p, const char*, std::size_t size) noexcept { return of(p).add_extension(size); }
  static int on_extension_part(llhttp_t* p) noexcept { return of(p).add_extension(1); }  // its `;` or `=`
  static int on_body(llhttp_t* p, const char* at, std::size_t size) noexcept;
  static llhttp_settings_t make_settings() noexcept;

  static const llhttp_settings_t settings;
};

const llhttp_settings_t MessageReader::State::settings = make_settings();

llhttp_settings_t MessageReader::State::make_settings() noexcept {
  llhttp_settings_t s;
  llhttp_settings_init(&s);
  s.on_headers_complete = on_headers_complete;
  s.on_message_complete = on_message_complete;
  s.on_chunk_header = on_chunk_header;
  s.on_chunk_extension_name = on_extension;
  s.on_chunk_extension_value = on_extension;
  s.on_chunk_extension_name_complete = on_extension_part;
  s.on_chunk_extension_value_complete = on_extension_part;
  s.on_body = on_body;
  return s;
}

MessageReader::State::State(Role role_of_messages, ReaderLimits reader_limits)
    : role(role_of_messages), limits(reader_limits) {
  limits.head_bytes = std::min(limits.head_bytes, max_head_limit);
  llhttp_init(&parser, role == Role::request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
  parser.data = this;
}

int MessageReader::State::on_body(llhttp_t* p, const char* at, std::size_t size) noexcept {
  State& state = of(p);
  state.left -= size;
  try {
    state.content.emplace_back(at, size);
  } catch (...) {
    return -1;
  }
  return 0;
}

Result<MessageReader::Progress> MessageReader::State::feed(Bytes bytes) {
  content.clear();
  if (failure) return unexpected(*failure);
  switch (phase) {
    case Phase::between: return feed_between(bytes);
    case Phase::head: return feed_head(bytes);
    case Phase::no_body: return complete(0);
    case Phase::counted: return feed_counted(bytes);
    case Phase::chunked:
    case Phase::trailers: return feed_chunked(bytes);
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
                fmt::format("Octets follow the {} that was announced as the connection's last.", subject()));
  }
  if (bytes.front() == '\r' || bytes.front() == '\n') {
    return fail(ErrorCode::malformed_request, "An empty line stands where the upstream's status line is expected.");
  }
  phase = Phase::head;
  empty_lines = 0;
  clear_head();
  llhttp_reset(&parser);
  auto progress = feed_head(bytes);
  if (progress) progress->consumed += skipped;
  return progress;
}

Result<MessageReader::Progress> MessageReader::State::feed_head(Bytes bytes) {
  const Bytes piece = bytes.substr(0, limits.head_bytes - raw().size());
  stop = Stop::none;
  const llhttp_errno_t error = llhttp_execute(&parser, piece.data(), piece.size());
  if (error == HPE_PAUSED && stop == Stop::headers) {
    const auto size = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - piece.data());
    raw().append(piece.substr(0, size));
    return finish_head(size);
  }
  if (error != HPE_OK) return fail_parse(MessagePart::head, error, piece);
  raw().append(piece);
  if (raw().size() >= limits.head_bytes) return fail_head_too_large();
  return Progress{Step::more, piece.size()};
}

Result<MessageReader::Progress> MessageReader::State::finish_head(std::size_t consumed) {
  if (role == Role::request) {
    HeadIndexer::index(request);
    if (auto valid = validate_request_head(request); !valid) return fail(std::move(valid.error()));
  } else {
    HeadIndexer::index(response);
    if (auto valid = validate_response_head(response); !valid) return fail(std::move(valid.error()));
  }
  framing = framing_of_head();
  keep_alive = keep_alive_of_head();
  has_trailers = false;
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
        return fail(ErrorCode::ambiguous_request, fmt::format("Two readings of the {}'s framing differ.", subject()));
      }
      trailer_section.clear();
      extensions = 0;
      left = 0;
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
  std::size_t consumed = 0;
  while (consumed < bytes.size()) {
    Bytes piece = bytes.substr(consumed);
    if (phase == Phase::trailers) piece = piece.substr(0, limits.trailer_bytes - trailer_section.size());
    stop = Stop::none;
    llhttp_resume(&parser);
    const llhttp_errno_t error = llhttp_execute(&parser, piece.data(), piece.size());
    if (stop == Stop::extensions) {
      return fail(ErrorCode::malformed_request,
                  fmt::format("The {}'s chunk extensions are larger than {} octets in sum.", subject(),
                              limits.chunk_extension_bytes));
    }
    std::size_t size = piece.size();
    if (error == HPE_PAUSED) {
      size = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - piece.data());
    } else if (error != HPE_OK) {
      return fail_parse(phase == Phase::trailers ? MessagePart::trailers : MessagePart::body, error, piece);
    }
    consumed += size;
    if (phase == Phase::trailers) trailer_section.append(piece.substr(0, size));
    if (stop == Stop::last_chunk) phase = Phase::trailers;
    if (stop == Stop::message) {
      if (auto checked = check_trailers(); !checked) return unexpected(std::move(checked.error()));
      return complete(consumed);
    }
    if (phase == Phase::trailers && trailer_section.size() >= limits.trailer_bytes) {
      return fail(ErrorCode::head_too_large,
                  fmt::format("The {}'s trailer section is larger than {} octets.", subject(), limits.trailer_bytes));
    }
  }
  return Progress{consumed == 0 ? Step::more : Step::body, consumed};
}

Result<void> MessageReader::State::check_trailers() {
  std::size_t line = 0;
  if (check_field_section(trailer_section, line) != LineFault::none) {
    return fail(ErrorCode::ambiguous_request,
                fmt::format("Line {} of the {}'s trailer section is no field line ended by CRLF.", line, subject()));
  }
  has_trailers = trailer_section.size() > 2;
  for (Bytes rest = trailer_section; has_trailers && rest.size() > 2; rest.remove_prefix(rest.find('\n') + 1)) {
    const Bytes name = rest.substr(0, rest.find(':'));
    // RFC 9110 section 6.5.1: what frames or routes a message has no place behind it.
    for (const Bytes forbidden : {"content-length", "transfer-encoding", "host"}) {
      if (same_name(name, forbidden)) {
        return fail(ErrorCode::ambiguous_request,
                    fmt::format("The {}'s trailer section has a {} field.", subject(), forbidden));
      }
    }
  }
  return {};
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

Unexpected<Error> MessageReader::State::fail_parse(MessagePart part, llhttp_errno_t error, Bytes fed) {
  const char* at = llhttp_get_error_pos(&parser);
  const bool inside = at != nullptr && at >= fed.data() && at <= fed.data() + fed.size();
  const std::size_t size = inside ? static_cast<std::size_t>(at - fed.data()) : fed.size();
  std::string line;  // what of the line at fault has come, the octet at fault included
  if (part != MessagePart::body) {
    line = part == MessagePart::head ? raw() : trailer_section;
    line.append(fed.substr(0, size + 1));
    if (line.size() > 1) line.erase(0, line.rfind('\n', line.size() - 2) + 1);
  }
  return fail(parse_error(role, part, error, line));
}

Unexpected<Error> MessageReader::State::fail_head_too_large() {
  return fail(ErrorCode::head_too_large,
              fmt::format("The {}'s head is larger than {} octets.", subject(), limits.head_bytes));
}

Unexpected<Error> MessageReader::State::fail_cut(std::string what) {
  Error error;
  error.detail = fmt::format("The connection ended inside the {}: {}.", subject(), what);
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
    case Phase::chunked:
      if (left > 0) return fail_cut(fmt::format("{} octets of a chunk are missing", left));
      return fail_cut("the last chunk is missing");
    case Phase::trailers: return fail_cut("the empty line behind the last chunk is missing");
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
bool MessageReader::trailers() const noexcept { return state_->has_trailers; }
const std::vector<Bytes>& MessageReader::content() const noexcept { return state_->content; }
bool MessageReader::idle() const noexcept { return state_->phase == Phase::between; }
std::size_t MessageReader::head_bytes() const noexcept {
  return state_->phase == Phase::head ? state_->message_head().raw().size() : 0;
}

}  // namespace borehole::http
