// Reads a head that came whole and holds nothing unusual, in one pass. Never takes what llhttp or `validate_head` would
// refuse; what it does not take may be sound all the same.
#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "http/head.h"

namespace borehole::http {

// Plain is: HTTP/1.1; of requests a method that calls are made with and a path as target; CRLF at the end of each line;
// names that are tokens and values without control characters; none of the fields that change what the octets behind
// the head are (Transfer-Encoding, Upgrade), `Connection: close` and `keep-alive` aside; and what `validate_head` asks
// of the fields together.
class PlainHead {
 public:
  struct Limits {
    std::size_t octets, fields, target;
    std::size_t line;  // octets of a field's name and value
  };
  // How many octets at the beginning of `bytes` are a plain head, which `head` then holds. 0: the slower readers have
  // to say what it is; `head` is then empty.
  static std::size_t read(RequestHead& head, Bytes bytes, const Limits& limits);
  static std::size_t read(ResponseHead& head, Bytes bytes, const Limits& limits);

 private:
  static bool read_fields(MessageHead& head, Bytes bytes, std::size_t& at, const Limits& limits);
  static bool read_request(RequestHead& head, Bytes bytes, std::size_t& size, const Limits& limits);
  static bool read_response(ResponseHead& head, Bytes bytes, std::size_t& size, const Limits& limits);
  template <class Head>
  static std::size_t finish(Head& head, bool plain, std::size_t size);
};

}  // namespace borehole::http
