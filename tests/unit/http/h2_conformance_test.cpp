// What RFC 9113 and RFC 7541 state as MUST for a server that reads a client's frames, section by section. Each case is
// octets written by hand, and how the server must take them. A stream error may be met as one of the connection (RFC
// 9113 section 5.4.1).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "catch.h"
#include "h2_frames.h"
#include "http/h2_codec.h"

using namespace borehole;
using namespace borehole::http;
using namespace borehole::http::test;

namespace {

enum class Verdict : std::uint8_t { taken, stream_error, connection_error };

struct Case {
  const char* section;  // of RFC 9113, or "7541 …"
  const char* what;
  std::string octets;  // behind the preface and an exchange of SETTINGS
  Verdict verdict;
  std::vector<std::uint32_t> codes;  // one of them; empty: any
};

const std::vector<std::pair<std::string, std::string>> plain{
    {":method", "POST"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}};

std::string with(std::vector<std::pair<std::string, std::string>> more) {
  auto fields = plain;
  fields.insert(fields.end(), more.begin(), more.end());
  return block(fields);
}

std::string without(std::string_view name, std::vector<std::pair<std::string, std::string>> more = {}) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& field : plain) {
    if (field.first != name) fields.push_back(field);
  }
  fields.insert(fields.end(), more.begin(), more.end());
  return block(fields);
}

std::string open(std::uint32_t stream = 1) { return frame(headers, end_headers, stream, block(plain)); }
std::string whole(std::uint32_t stream = 1) { return frame(headers, end_headers | end_stream, stream, block(plain)); }
std::string head(const std::string& fields, std::uint8_t flags = end_headers | end_stream) {
  return frame(headers, flags, 1, fields);
}
std::string setting(std::uint16_t id, std::uint32_t value) { return u32(id).substr(2) + u32(value); }

constexpr std::uint32_t protocol = 1, flow = 3, closed = 5, size = 6, refused = 7, compression = 9;

std::vector<Case> cases() {
  using V = Verdict;
  const std::string ping8 = "12345678";
  const std::string big(16385, 'x');
  return {
      {"4.1", "a frame of unknown type is let pass", frame(0x42, 0, 0, "??") + whole(), V::taken, {}},
      {"4.1", "unknown flags are let pass", frame(ping, 0x16, 0, ping8) + whole(), V::taken, {}},
      {"4.1", "the reserved bit is let pass", frame(ping, 0, 0x80000000U, ping8) + whole(), V::taken, {}},
      {"4.2", "DATA larger than SETTINGS_MAX_FRAME_SIZE", open() + frame(data, 0, 1, big), V::connection_error, {size}},
      {"4.2",
       "HEADERS larger than that",
       frame(headers, end_headers, 1, with({{"x", big}})),
       V::connection_error,
       {size}},
      {"4.3",
       "a header block that does not decompress",
       head("\xff\xff\xff\xff\xff\xff\xff"),
       V::connection_error,
       {compression}},
      {"4.3",
       "another frame inside a header block",
       frame(headers, 0, 1, block(plain)) + frame(ping, 0, 0, ping8),
       V::connection_error,
       {protocol}},
      {"4.3",
       "another stream's frame inside a header block",
       frame(headers, 0, 1, block(plain)) + frame(continuation, end_headers, 3),
       V::connection_error,
       {protocol}},
      {"5.1", "idle: DATA", frame(data, 0, 1, "x"), V::connection_error, {protocol, closed}},
      {"5.1", "idle: RST_STREAM", frame(rst_stream, 0, 1, u32(8)), V::connection_error, {protocol}},
      {"5.1", "idle: WINDOW_UPDATE", frame(window_update, 0, 1, u32(8)), V::connection_error, {protocol}},
      {"5.1", "idle: CONTINUATION", frame(continuation, end_headers, 1, block(plain)), V::connection_error, {protocol}},
      {"5.1", "idle: PRIORITY is let pass", frame(priority, 0, 1, u32(0) + "x") + whole(), V::taken, {}},
      {"5.1", "half-closed (remote): DATA", whole() + frame(data, 0, 1, "x"), V::connection_error, {closed}},
      {"5.1", "half-closed (remote): HEADERS", whole() + whole(), V::connection_error, {closed, protocol}},
      {"5.1",
       "half-closed (remote): WINDOW_UPDATE is taken",
       whole() + frame(window_update, 0, 1, u32(8)),
       V::taken,
       {}},
      {"5.1.1", "an even stream id", whole(2), V::connection_error, {protocol}},
      // Let pass, without an answer: it may be a stream that was reset while its head was on its way.
      {"5.1.1", "a stream id that is not larger", whole(5) + whole(3), V::taken, {}},
      {"5.1.2",
       "more streams than SETTINGS_MAX_CONCURRENT_STREAMS",
       open(1) + open(3) + open(5) + open(7) + open(9),
       V::connection_error,
       {refused, protocol}},
      {"5.3",
       "a stream that depends on itself",
       frame(headers, end_headers | end_stream | with_priority, 1, u32(1) + "x" + block(plain)),
       V::connection_error,
       {protocol}},
      {"5.5",
       "an unknown frame inside a header block",
       frame(headers, 0, 1, block(plain)) + frame(0x42, 0, 1),
       V::connection_error,
       {protocol}},
      {"6.1", "DATA on stream 0", frame(data, 0, 0, "x"), V::connection_error, {protocol}},
      {"6.1",
       "DATA whose padding is as long as it",
       open() + frame(data, padded, 1, "\x05xx"),
       V::connection_error,
       {protocol}},
      {"6.2", "HEADERS on stream 0", frame(headers, end_headers, 0, block(plain)), V::connection_error, {protocol}},
      {"6.2",
       "HEADERS whose padding is longer than it",
       frame(headers, end_headers | padded, 1, "\xff" + block(plain)),
       V::connection_error,
       {protocol}},
      {"6.2",
       "HEADERS with padding and priority",
       frame(headers, end_headers | end_stream | padded | with_priority, 1,
             "\x03" + u32(0) + "x" + block(plain) + std::string(3, '\0')),
       V::taken,
       {}},
      {"6.3", "PRIORITY on stream 0", frame(priority, 0, 0, u32(1) + "x"), V::connection_error, {protocol}},
      {"6.3", "PRIORITY of another length than 5", open() + frame(priority, 0, 1, u32(0)), V::connection_error, {size}},
      {"6.4", "RST_STREAM on stream 0", frame(rst_stream, 0, 0, u32(8)), V::connection_error, {protocol}},
      {"6.4",
       "RST_STREAM of another length than 4",
       open() + frame(rst_stream, 0, 1, "abc"),
       V::connection_error,
       {size}},
      {"6.5", "SETTINGS on a stream", frame(settings, 0, 1), V::connection_error, {protocol}},
      {"6.5", "an acknowledgement with content", frame(settings, ack, 0, setting(3, 1)), V::connection_error, {size}},
      {"6.5", "SETTINGS of a length that 6 does not divide", frame(settings, 0, 0, "abc"), V::connection_error, {size}},
      {"6.5.2", "ENABLE_PUSH of 2", frame(settings, 0, 0, setting(2, 2)), V::connection_error, {protocol}},
      {"6.5.2",
       "INITIAL_WINDOW_SIZE over 2^31-1",
       frame(settings, 0, 0, setting(4, 0x80000000U)),
       V::connection_error,
       {flow}},
      {"6.5.2",
       "MAX_FRAME_SIZE below 16,384",
       frame(settings, 0, 0, setting(5, 16383)),
       V::connection_error,
       {protocol}},
      {"6.5.2",
       "MAX_FRAME_SIZE over 2^24-1",
       frame(settings, 0, 0, setting(5, 1U << 24U)),
       V::connection_error,
       {protocol}},
      {"6.5.2", "an unknown setting is let pass", frame(settings, 0, 0, setting(0x99, 7)) + whole(), V::taken, {}},
      {"6.6",
       "a client's PUSH_PROMISE",
       open() + frame(push_promise, end_headers, 1, u32(2) + block(plain)),
       V::connection_error,
       {protocol}},
      {"6.7", "PING on a stream", frame(ping, 0, 1, ping8), V::connection_error, {protocol}},
      {"6.7", "PING of another length than 8", frame(ping, 0, 0, "1234567"), V::connection_error, {size}},
      {"6.8", "GOAWAY on a stream", frame(goaway_frame, 0, 1, u32(0) + u32(0)), V::connection_error, {protocol}},
      {"6.9",
       "WINDOW_UPDATE of 0 on the connection",
       frame(window_update, 0, 0, u32(0)),
       V::connection_error,
       {protocol}},
      {"6.9",
       "WINDOW_UPDATE of 0 on a stream",
       open() + frame(window_update, 0, 1, u32(0)),
       V::connection_error,
       {protocol}},
      {"6.9", "WINDOW_UPDATE of another length than 4", frame(window_update, 0, 0, "abc"), V::connection_error, {size}},
      {"6.9.1",
       "the connection's window over 2^31-1",
       frame(window_update, 0, 0, u32(0x7fffffff)),
       V::connection_error,
       {flow}},
      {"6.9.1",
       "a stream's window over 2^31-1",
       open() + frame(window_update, 0, 1, u32(0x7fffffff)),
       V::stream_error,
       {flow}},
      {"6.9.2",
       "a change of INITIAL_WINDOW_SIZE that overflows a window",
       open() + frame(window_update, 0, 1, u32(0x7fff0000)) + frame(settings, 0, 0, setting(4, 0x7fffffff)),
       V::stream_error,
       {flow}},
      {"6.10",
       "CONTINUATION behind a whole header block",
       open() + frame(continuation, end_headers, 1),
       V::connection_error,
       {protocol}},
      {"6.10",
       "CONTINUATION on stream 0",
       frame(headers, 0, 1, block(plain)) + frame(continuation, end_headers, 0),
       V::connection_error,
       {protocol}},
      {"6.10",
       "a header block in three pieces",
       frame(headers, end_stream, 1, block(plain).substr(0, 9)) + frame(continuation, 0, 1, block(plain).substr(9, 3)) +
           frame(continuation, end_headers, 1, block(plain).substr(12)),
       V::taken,
       {}},
      {"7",
       "an unknown error code in RST_STREAM is no error",
       open() + frame(rst_stream, 0, 1, u32(0xff)) + whole(3),
       V::taken,
       {}},
      {"8.1",
       "a second head without END_STREAM",
       open() + frame(headers, end_headers, 1, block({{"x", "y"}})),
       V::stream_error,
       {protocol}},
      {"8.1", "trailers", open() + frame(headers, end_headers | end_stream, 1, block({{"x", "y"}})), V::taken, {}},
      {"8.1.1",
       "content-length that is more than came",
       head(with({{"content-length", "5"}})),
       V::stream_error,
       {protocol}},
      {"8.1.1",
       "content-length that is less than came",
       head(with({{"content-length", "1"}}), end_headers) + frame(data, end_stream, 1, "xx"),
       V::stream_error,
       {protocol}},
      {"8.2", "a name in upper case", head(with({{"X", "1"}})), V::stream_error, {protocol}},
      {"8.2.1", "a name with a blank", head(with({{"a b", "1"}})), V::stream_error, {protocol}},
      {"8.2.1", "a name with a colon", head(with({{"a:b", "1"}})), V::stream_error, {protocol}},
      {"8.2.1", "an empty name", head(with({{"", "1"}})), V::stream_error, {protocol}},
      {"8.2.1", "a value with NUL", head(with({{"a", std::string("b\0c", 3)}})), V::stream_error, {protocol}},
      {"8.2.1", "a value with CR", head(with({{"a", "b\rc"}})), V::stream_error, {protocol}},
      {"8.2.1", "a value with LF", head(with({{"a", "b\nc"}})), V::stream_error, {protocol}},
      {"8.2.1", "a value that begins with a blank", head(with({{"a", " b"}})), V::stream_error, {protocol}},
      {"8.2.1", "a value that ends with a tab", head(with({{"a", "b\t"}})), V::stream_error, {protocol}},
      {"8.2.2", "connection", head(with({{"connection", "x"}})), V::stream_error, {protocol}},
      {"8.2.2", "keep-alive", head(with({{"keep-alive", "x"}})), V::stream_error, {protocol}},
      {"8.2.2", "proxy-connection", head(with({{"proxy-connection", "x"}})), V::stream_error, {protocol}},
      {"8.2.2", "transfer-encoding", head(with({{"transfer-encoding", "chunked"}})), V::stream_error, {protocol}},
      {"8.2.2", "upgrade", head(with({{"upgrade", "x"}})), V::stream_error, {protocol}},
      {"8.2.2", "te of something else than trailers", head(with({{"te", "gzip"}})), V::stream_error, {protocol}},
      {"8.2.2", "te: trailers", head(with({{"te", "trailers"}})), V::taken, {}},
      {"8.3", "an unknown pseudo-header field", head(with({{":x", "1"}})), V::stream_error, {protocol}},
      {"8.3", "a response's pseudo-header field", head(with({{":status", "200"}})), V::stream_error, {protocol}},
      {"8.3",
       "a pseudo-header field behind others",
       head(without(":path", {{"a", "b"}, {":path", "/"}})),
       V::stream_error,
       {protocol}},
      {"8.3",
       "a pseudo-header field in trailers",
       open() + frame(headers, end_headers | end_stream, 1, block({{":method", "GET"}})),
       V::stream_error,
       {protocol}},
      {"8.3.1", "no :method", head(without(":method")), V::stream_error, {protocol}},
      {"8.3.1", "no :scheme", head(without(":scheme")), V::stream_error, {protocol}},
      {"8.3.1", "no :path", head(without(":path")), V::stream_error, {protocol}},
      {"8.3.1", "an empty :path", head(without(":path", {{":path", ""}})), V::stream_error, {protocol}},
      {"8.3.1",
       ":method twice",
       head(block({{":method", "GET"}, {":method", "GET"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}})),
       V::stream_error,
       {protocol}},
      {"8.3.1",
       ":path twice",
       head(block({{":method", "GET"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}, {":path", "/"}})),
       V::stream_error,
       {protocol}},
      {"8.5",
       "CONNECT with :path",
       head(block({{":method", "CONNECT"}, {":authority", "h:1"}, {":path", "/"}})),
       V::stream_error,
       {protocol}},
      {"8.5", "CONNECT without :authority", head(block({{":method", "CONNECT"}})), V::stream_error, {protocol}},
      {"8441 3",
       ":protocol where it was not allowed",
       head(block({{":method", "CONNECT"},
                   {":protocol", "websocket"},
                   {":scheme", "https"},
                   {":authority", "h"},
                   {":path", "/"}}),
            end_headers),
       V::stream_error,
       {protocol}},
      {"7541 2.3.3", "an index behind the table", head(block(plain) + "\xff\x20"), V::connection_error, {compression}},
      {"7541 4.2",
       "a table size update behind a field",
       head(block(plain) + "\x20"),
       V::connection_error,
       {compression}},
      {"7541 5.1",
       "an integer that has no end",
       head(block(plain) + "\x7f" + std::string(20, '\xff')),
       V::connection_error,
       {compression}},
      {"7541 5.2",
       "a string that is longer than the block",
       head(block(plain) + std::string("\0\x01x\x7f", 4) + "abc"),
       V::connection_error,
       {compression}},
      {"7541 5.2",
       "Huffman padding of more than 7 bits",
       head(block(plain) + std::string("\0\x81\xff", 3)),
       V::connection_error,
       {compression}},
      {"7541 5.2",
       "Huffman padding that is not all ones",
       head(block(plain) + std::string("\0\x01x\x81\x18", 5)),
       V::connection_error,
       {compression}},
      {"7541 5.2",
       "the Huffman code for the end of a string",
       head(block(plain) + std::string("\0\x01x\x84\xff\xff\xff\xff", 8)),
       V::connection_error,
       {compression}},
      {"7541 6.1", "index 0", head(block(plain) + "\x80"), V::connection_error, {compression}},
      {"7541 6.3",
       "a table size over the limit",
       head("\x3f\xe2\x1f" + block(plain)),
       V::connection_error,
       {compression}},
      {"9218 7.1", "PRIORITY_UPDATE of a stream", frame(priority_update, 0, 0, u32(1) + "u=1") + whole(), V::taken, {}},
  };
}

class Quiet final : public H2Events {
 public:
  H2Codec* codec = nullptr;
  std::vector<StreamId> heads;
  void on_head(StreamId stream, H2Fields, bool, bool) override { heads.push_back(stream); }
  void on_body(StreamId stream, Bytes content) override { codec->consumed(stream, content.size()); }
  void on_trailers(StreamId, H2Fields, bool) override {}
  void on_refused(StreamId, bool) override {}
  void on_end(StreamId) override {}
  void on_malformed(StreamId, std::string) override {}
  void on_reset(StreamId, std::uint32_t) override {}
  void on_left(StreamId, std::size_t) override {}
  void on_all_left(StreamId) override {}
  void on_settings(bool) override {}
  void on_goaway(StreamId, std::uint32_t, std::string) override {}
  void on_priority_update(StreamId, Bytes) override {}
  void on_idle_frame() override {}
  void on_failed(std::uint32_t, std::string) override {}
};

struct Answer {
  Verdict verdict = Verdict::taken;
  std::uint32_t code = 0;
};

Answer answer_to(const std::string& octets, std::size_t piece) {
  Quiet events;
  H2Codec codec(H2Codec::Role::server, {.max_streams = 4}, events);
  events.codec = &codec;
  std::string said;
  const auto hear = [&](std::string_view some) {
    codec.feed(some);
    for (Bytes next = codec.pull(); !next.empty(); next = codec.pull()) said += next;
  };
  hear(std::string(preface) + frame(settings, 0, 0) + frame(settings, ack, 0));
  said.clear();
  std::string_view left = octets;
  while (!left.empty()) {
    hear(left.substr(0, piece));
    left.remove_prefix(std::min(piece, left.size()));
  }
  Answer answer;
  for (const Frame& f : frames_of(said)) {
    if (f.type == goaway_frame) return {Verdict::connection_error, u32_at(f, 4)};
    if (f.type == rst_stream) answer = {Verdict::stream_error, u32_at(f, 0)};
  }
  return answer;
}

}  // namespace

TEST_CASE("A server takes a client's frames as RFC 9113 and RFC 7541 state") {
  for (const Case& one : cases()) {
    for (const std::size_t piece : {std::size_t{1} << 20U, std::size_t{1}}) {
      INFO("section " << one.section << ": " << one.what << ", in pieces of " << piece);
      const Answer answer = answer_to(one.octets, piece);
      CHECK(static_cast<int>(answer.verdict) == static_cast<int>(one.verdict));
      if (!one.codes.empty() && answer.verdict == one.verdict) {
        INFO("answered with " << h2_error_name(answer.code));
        CHECK(std::count(one.codes.begin(), one.codes.end(), answer.code) == 1);
      }
    }
  }
}

TEST_CASE("Something else than the preface ends the connection (RFC 9113 section 3.4)") {
  Quiet events;
  H2Codec codec(H2Codec::Role::server, {}, events);
  events.codec = &codec;
  codec.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string said;
  for (Bytes next = codec.pull(); !next.empty(); next = codec.pull()) said += next;
  CHECK(frames_of(said).back().type == goaway_frame);
}

TEST_CASE("A PING is answered with its octets (RFC 9113 section 6.7), SETTINGS are acknowledged (6.5.3)") {
  Quiet events;
  H2Codec codec(H2Codec::Role::server, {}, events);
  events.codec = &codec;
  codec.feed(std::string(preface) + frame(settings, 0, 0) + frame(ping, 0, 0, "abcdefgh"));
  std::string said;
  for (Bytes next = codec.pull(); !next.empty(); next = codec.pull()) said += next;
  std::set<std::string> answers;
  for (const Frame& f : frames_of(said)) {
    if (f.flags == ack) answers.insert(fmt::format("{} {}", f.type, f.payload));
  }
  CHECK(answers == std::set<std::string>{"4 ", "6 abcdefgh"});
}
