// Finds start line and fields in the raw octets of a head. Never refuses anything: that is `validate_head`'s work.
#pragma once

#include <string>

#include "http/head.h"

namespace borehole::http {

// Lines end at LF, with or without CR; a line without a colon is a field with an empty value. For a head that
// `validate_head` accepts this is exactly RFC 9112.
class HeadIndexer {
 public:
  // Over the octets that the head already holds.
  static void index(RequestHead& head);
  static void index(ResponseHead& head);

  static RequestHead request(std::string raw);
  static ResponseHead response(std::string raw);

 private:
  static Bytes index_fields(MessageHead& head);  // gives the start line without its line end
};

}  // namespace borehole::http
