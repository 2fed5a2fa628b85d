// Reads HTTP/1 messages of one direction of one connection: plain heads by itself, all others with llhttp (strict).
// Never alters, decodes or copies a body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "http/head.h"

namespace borehole::http {

enum class Role : std::uint8_t { request, response };

// How the message's end is found (RFC 9112 section 6.3).
enum class Framing : std::uint8_t { none, content_length, chunked, until_close, opaque /* behind CONNECT or 101 */ };

struct ReaderLimits {
  std::size_t head_bytes = 64 * 1024;             // start line and fields, the empty line included
  std::size_t trailer_bytes = 64 * 1024;          // trailer section of a chunked body
  std::size_t chunk_extension_bytes = 16 * 1024;  // per message (CVE-2024-22019)
  std::size_t header_fields = 256;                // of a head
  std::size_t target_bytes = 16 * 1024;           // of a request line
  std::size_t header_line_bytes = 32 * 1024;      // name and value of one field of a head
};

// Feed it what arrives; it says how many octets belong to the message and what they complete. The order of steps is
//   feed → (more)* → head → (more | body)* → complete → feed of the next message …
// It stops at the end of a head and at the end of a message, so that the caller acts before the next octet is looked
// at. A message without body octets (Framing::none or opaque, a Content-Length of 0) is completed by the feed behind
// its Step::head, whatever that holds, also nothing: it gives Step::complete with consumed 0. Any other feed of nothing
// gives Step::more.
class MessageReader {
 public:
  enum class Step : std::uint8_t {
    more,      // everything was consumed; nothing is complete yet
    head,      // the head is complete and valid; the octets behind it were not consumed
    body,      // body octets were consumed (framing included); `content()` has the payload among them
    complete,  // the message ended with the last octet consumed; `content()` has the last payload
  };
  struct Progress {
    Step step = Step::more;
    std::size_t consumed = 0;
  };

  explicit MessageReader(Role role, ReaderLimits limits = {});
  MessageReader(MessageReader&&) noexcept;
  MessageReader& operator=(MessageReader&&) noexcept;
  ~MessageReader();

  // For responses, before the first octet of each final response: the request's method decides whether a body follows
  // (HEAD, CONNECT; RFC 9112 section 6.3). A 1xx other than 101 is a message of its own and keeps the expectation.
  void expect_response_to(Bytes method);

  // An error is final: malformed_request, ambiguous_request, head_too_large (Role::request), malformed_response
  // (Role::response); the detail says what is wrong, in words. A head that completes here has passed
  // `validate_request_head` or `validate_response_head`. Leading empty lines before a request line are skipped and
  // count as consumed (RFC 9112 section 2.2). Behind a message whose `keep_alive()` is false any octet is an error.
  // With `Framing::opaque` the message is complete with its head; what follows is not HTTP: do not feed it.
  Result<Progress> feed(Bytes bytes);

  // The connection ended cleanly. True: the message is now complete (a body delimited by close, or a message without
  // body octets whose Step::complete was not fetched). False: nothing had begun. An error: cut inside a message
  // (client_aborted; upstream_closed in a response's head, upstream_broke behind it), the detail says what is missing.
  Result<bool> end();

  // Valid from Step::head until the next message's first octet is fed.
  const RequestHead& request_head() const noexcept;    // Role::request
  const ResponseHead& response_head() const noexcept;  // Role::response
  Framing framing() const noexcept;
  std::uint64_t content_length() const noexcept;  // Framing::content_length
  bool keep_alive() const noexcept;               // may another message follow (RFC 9112 section 9.3)
  bool trailers() const noexcept;                 // the chunked body had a trailer section

  // Payload views into the octets of the last feed, without chunk framing. Valid until the next feed.
  const std::vector<Bytes>& content() const noexcept;

  bool idle() const noexcept;               // between messages, nothing of the next has come
  std::size_t head_bytes() const noexcept;  // octets of an incomplete head held so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::http
