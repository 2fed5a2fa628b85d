// Follows the framing of one chunked body after another (RFC 9112 section 7.1), strictly and octet by octet: what is at
// fault is refused before it was counted as consumed. Never alters, copies or holds what passes, and never allocates
// for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "http/message_reader.h"

namespace borehole::http {

// Taken, and nothing else:
//   size       1 to 16 hexadecimal digits, at most 2^63 - 1 (past that, other parsers count below zero)
//   extension  *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ) (section 7.1.1); whitespace is legal
//              only before `;` and around what follows it, so not at the line's end
//   line end   CRLF, also behind a chunk's octets
//   trailers   field lines without folding, without whitespace before the colon, of field octets only (section 5), and
//              none of Content-Length, Transfer-Encoding, Host (RFC 9110 section 6.5.1)
class ChunkReader {
 public:
  struct Progress {
    bool complete = false;  // the body ended with the last octet consumed
    std::size_t consumed = 0;
  };

  // Of the limits `trailer_bytes` and `chunk_extension_bytes` matter.
  ChunkReader(Role role, const ReaderLimits& limits) noexcept;

  void start() noexcept;  // the next octet is the first of a body

  // Consumes all octets or those up to the body's end, and appends views of the payload among them to `content`, one
  // for each chunk. Errors: malformed_request, ambiguous_request, head_too_large (trailers) or malformed_response; then
  // nothing but `start` may follow.
  Result<Progress> feed(Bytes bytes, std::vector<Bytes>& content);

  bool trailers() const noexcept { return trailer_line_ > 1; }  // of a complete body: there was a trailer field
  std::string missing() const;                                  // of an incomplete body: what did not come, in words

 private:
  enum class State : std::uint8_t;
  enum class Fault : std::uint8_t;

  Fault read_octet(char c) noexcept;
  Fault read_size(char c) noexcept;
  Fault read_extension(char c) noexcept;
  Fault read_trailers(char c) noexcept;
  Fault read_trailer_name(char c) noexcept;
  Fault end_size_line(char c) noexcept;
  Error error(Fault fault) const;

  std::size_t max_extension_octets_;
  std::size_t max_trailer_octets_;
  std::uint64_t size_ = 0;  // of the chunk whose size line is read
  std::uint64_t left_ = 0;  // octets of the chunk still to come
  std::size_t extension_octets_ = 0;
  std::size_t trailer_octets_ = 0;
  std::size_t trailer_line_ = 0;  // of the trailer section, from 1
  std::size_t name_size_ = 0;     // of the trailer field, also if `name_` holds less
  std::array<char, 18> name_{};   // one more than the longest name that is refused
  unsigned digits_ = 0;
  Role role_;
  State state_{};
};

}  // namespace borehole::http
