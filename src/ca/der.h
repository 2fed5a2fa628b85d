// Writes DER (X.690), as much of it as certificates need. Never reads it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"

namespace borehole::ca::der {

enum Tag : std::uint8_t {
  boolean = 0x01,
  integer = 0x02,
  bit_string = 0x03,
  octet_string = 0x04,
  object_identifier = 0x06,
  utf8_string = 0x0c,
  utc_time = 0x17,
  generalized_time = 0x18,
  sequence = 0x30,
  set = 0x31,
  context = 0x80,              // or'ed with the number: [n] of a primitive
  context_constructed = 0xa0,  // or'ed with the number: [n] of a constructed one
};

std::string value(unsigned tag, Bytes content);
std::string value(unsigned tag, std::initializer_list<Bytes> contents);
std::string small_integer(std::uint8_t number);  // < 128
// Whole octets: no unused bits.
std::string bits(Bytes octets);
// UTCTime until 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). Fractions of a second are cut off.
std::string time(WallTime time);

}  // namespace borehole::ca::der
