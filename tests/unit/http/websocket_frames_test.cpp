// Frames of every kind and size, fed at every split point and octet by octet.
#include "http/websocket_frames.h"

#include <string>
#include <vector>

#include "catch.h"

using namespace borehole;
using namespace borehole::http;

namespace {

// RFC 6455 section 5.2, written apart from what is tested. `extended`: 0, 2 or 8 octets of length.
std::string frame(unsigned first, std::string payload, bool masked = false, int extended = 0) {
  std::string out(1, static_cast<char>(first));
  const unsigned mask_bit = masked ? 0x80 : 0;
  if (extended == 0) {
    out += static_cast<char>(mask_bit | static_cast<unsigned>(payload.size()));
  } else {
    out += static_cast<char>(mask_bit | (extended == 2 ? 126U : 127U));
    for (int i = extended; i-- > 0;) out += static_cast<char>(payload.size() >> 8U * static_cast<unsigned>(i));
  }
  if (masked) {
    const std::string key = "\x01\x82\x43\xf4";
    out += key;
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ key[i % 4]);
  }
  return out + payload;
}

WebSocketCounts counts_of(const std::vector<Bytes>& portions) {
  WebSocketFrames frames;
  for (const Bytes portion : portions) frames.look(portion);
  return frames.counts();
}

std::string text_of(const WebSocketCounts& counts) {
  std::string out;
  for (const std::uint64_t count : {counts.text, counts.binary, counts.continuation, counts.close, counts.ping,
                                    counts.pong, counts.other, counts.payload_bytes}) {
    out += std::to_string(count) + ' ';
  }
  out += "close " + (counts.close_code ? std::to_string(*counts.close_code) : "-");
  return out + " unreadable " + (counts.unreadable_at ? std::to_string(*counts.unreadable_at) : "-");
}

// What is counted, whichever way the octets come.
std::string counted(const std::string& octets) {
  const Bytes all = octets;
  const std::string whole = text_of(counts_of({all}));
  for (std::size_t split = 0; split <= all.size(); ++split) {
    CHECK(text_of(counts_of({all.substr(0, split), all.substr(split)})) == whole);
  }
  std::vector<Bytes> single;
  for (std::size_t i = 0; i < all.size(); ++i) single.push_back(all.substr(i, 1));
  CHECK(text_of(counts_of(single)) == whole);
  return whole;
}

const std::string going_away("\x03\xe9", 2);  // 1001

}  // namespace

TEST_CASE("each kind of frame is counted, masked or not") {
  for (const bool masked : {false, true}) {
    CAPTURE(masked);
    std::string octets = frame(0x81, "hello", masked) + frame(0x02, "part one", masked) + frame(0x89, "", masked) +
                         frame(0x80, "part two", masked) + frame(0x8a, "pong", masked) +
                         frame(0xc1, "deflated", masked) + frame(0x8b, "x", masked) +
                         frame(0x88, going_away + "bye", masked);
    CHECK(counted(octets) == "2 1 1 1 1 1 1 39 close 1001 unreadable -");
  }
}

TEST_CASE("lengths of all three sizes are understood") {
  for (const bool masked : {false, true}) {
    const std::string octets = frame(0x82, std::string(125, 'a'), masked) +
                               frame(0x82, std::string(300, 'b'), masked, 2) +
                               frame(0x81, std::string(70, 'c'), masked, 8) + frame(0x88, "", masked);
    CHECK(counted(octets) == "1 2 0 1 0 0 0 495 close - unreadable -");
  }
}

TEST_CASE("a close without a whole code has none, and the first with one counts") {
  CHECK(counted(frame(0x88, "\x03")) == "0 0 0 1 0 0 0 1 close - unreadable -");
  CHECK(counted(frame(0x88, going_away) + frame(0x88, std::string("\x03\xe8", 2))) ==
        "0 0 0 2 0 0 0 4 close 1001 unreadable -");
}

TEST_CASE("what is cut counts as far as it came") {
  CHECK(counted(frame(0x81, "hello").substr(0, 4)) == "1 0 0 0 0 0 0 2 close - unreadable -");
  CHECK(counted("\x81") == "0 0 0 0 0 0 0 0 close - unreadable -");
  CHECK(counted("") == "0 0 0 0 0 0 0 0 close - unreadable -");
}

TEST_CASE("a length that no frame can have ends the counting, and says where") {
  const std::string impossible = std::string("\x82\x7f\xff", 3) + std::string(7, '\x01') + frame(0x81, "not counted");
  CHECK(counted(frame(0x81, "one") + impossible) == "1 0 0 0 0 0 0 3 close - unreadable 5");
}

TEST_CASE("a length beyond what is held is only counted down") {
  const std::string endless = std::string("\x82\x7f\x7f", 3) + std::string(7, '\xff') + std::string(1000, '.');
  CHECK(counted(endless) == "0 1 0 0 0 0 0 1000 close - unreadable -");
}
