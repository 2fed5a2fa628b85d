// The HTTP/2 codec: against itself, and against frames written by hand.
#include "http/h2_codec.h"

#include <fmt/format.h>

#include "catch.h"
#include "h2_frames.h"
#include "h2_log.h"

using namespace borehole;
using namespace borehole::http;
using namespace borehole::http::test;

namespace {

const H2Fields get{{":method", "GET"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/p?%2f//.."}};
const H2Fields ok{{":status", "200"}, {"x", "1"}};
const std::string get_block = block({{":method", "GET"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}});
const std::string post_block = block({{":method", "POST"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}});

// A client and a server codec, connected.
struct Pair {
  explicit Pair(std::size_t piece = 0, H2Limits limits = {})
      : size(piece),
        client(H2Codec::Role::client, limits, at_client),
        server(H2Codec::Role::server, limits, at_server) {
    settle();
    at_client.idle_frames = at_server.idle_frames = 0;
  }
  // Until neither has anything to say.
  void settle() {
    while (true) {
      const std::string up = all_of(client);
      feed(server, up);
      const std::string down = all_of(server);
      feed(client, down);
      if (up.empty() && down.empty()) return;
    }
  }
  void feed(H2Codec& codec, Bytes octets) const {
    while (!octets.empty()) {
      const Bytes piece = octets.substr(0, size == 0 ? octets.size() : size);
      codec.feed(piece);
      octets.remove_prefix(piece.size());
    }
  }
  std::size_t size;
  H2Log at_client, at_server;
  H2Codec client, server;
};

// A server that hears octets written by hand.
struct Server {
  explicit Server(H2Limits limits = {}) : codec(H2Codec::Role::server, limits, log) {
    hear(std::string(preface) + frame(settings, 0, 0) + frame(settings, ack, 0));
    log.idle_frames = 0;
  }
  std::vector<Frame> hear(const std::string& octets) {
    codec.feed(octets);
    said = frames_of(all_of(codec));
    return said;
  }
  bool said_frame(std::uint8_t type, std::uint32_t stream, std::uint32_t code) const {
    for (const Frame& f : said) {
      if (f.type == type && f.stream == stream && u32_at(f, type == goaway_frame ? 4 : 0) == code) return true;
    }
    return false;
  }
  H2Log log;
  H2Codec codec;
  std::vector<Frame> said;
};

}  // namespace

TEST_CASE("A request and its response arrive as they were sent, whatever the pieces") {
  for (const std::size_t piece : {0U, 1U, 7U}) {
    Pair pair(piece);
    H2Fields fields = get;
    fields.push_back({"authorization", "secret", true});
    fields.push_back({"x", "2"});
    fields.push_back({"a", ""});
    fields.push_back({"x", "1"});
    const StreamId stream = pair.client.request(fields, false);
    REQUIRE(stream == 1);
    pair.client.body(stream, "hello ");
    pair.client.body(stream, "there");
    pair.client.trailers(stream, {{"sum", "9"}});
    pair.settle();
    CHECK(pair.at_server.take() ==
          "1 head :method=GET|:scheme=https|:authority=h|:path=/p?%2f//..|authorization=secret!|x=2|a=|x=1\n"
          "1 body hello there\n1 trailers sum=9\n");
    pair.server.informational(1, {{":status", "103"}, {"link", "l"}});
    pair.server.response(1, ok, false);
    pair.settle();
    CHECK(pair.at_client.take() == "1 head :status=103|link=l\n1 head :status=200|x=1\n");
    pair.server.body(1, "data");
    pair.settle();
    CHECK(pair.at_client.take() == "1 body data\n");
    pair.server.end(1);
    pair.settle();
    CHECK(pair.at_client.take() == "1 end\n");
    CHECK(pair.at_server.take() == "");
  }
}

TEST_CASE("Resets pass with their code, and those behind a body behind it") {
  Pair pair;
  const StreamId stream = pair.client.request(get, false);
  pair.settle();
  pair.at_server.take();
  SECTION("of the client") {
    pair.client.reset(stream, h2_error::cancel);
    pair.settle();
    CHECK(pair.at_server.take() == "1 reset CANCEL\n");
  }
  SECTION("of the server, unknown codes too") {
    pair.server.response(stream, ok, false);
    pair.server.body(stream, "last");
    pair.server.reset_behind_body(stream, 0x1f);
    pair.settle();
    CHECK(pair.at_client.take() == "1 head :status=200|x=1\n1 body last\n1 reset error 0x1f\n");
  }
  SECTION("behind a whole response") {
    pair.server.response(stream, ok, false);
    pair.server.body(stream, "all");
    pair.server.end(stream);
    pair.server.reset_behind_body(stream, h2_error::none);
    pair.settle();
    CHECK(pair.at_client.take() == "1 head :status=200|x=1\n1 body all\n1 end\n1 reset NO_ERROR\n");
  }
}

TEST_CASE("A stream whose octets are not consumed stops its writer alone") {
  Pair pair;
  const StreamId slow = pair.client.request(get, false);
  const StreamId quick = pair.client.request(get, false);
  pair.client.body(slow, std::string(1024 * 1024, 's'));
  pair.settle();
  CHECK(pair.at_client.left == 256 * 1024);
  CHECK(pair.client.unsent(slow) == 768 * 1024);
  for (int i = 0; i < 100; ++i) {
    pair.client.body(quick, std::string(100'000, 'q'));
    pair.settle();
    pair.server.consumed(quick, 100'000);
    pair.settle();
  }
  CHECK(pair.client.unsent(quick) == 0);
  CHECK(pair.client.unsent(slow) == 768 * 1024);
  pair.server.consumed(slow, 256 * 1024);
  pair.settle();
  CHECK(pair.client.unsent(slow) == 512 * 1024);
}

TEST_CASE("Where the connection's window is scarce streams get of it in turn") {
  using namespace http::test;
  Server server;
  server.hear(frame(headers, end_headers | end_stream, 1, get_block) +
              frame(headers, end_headers | end_stream, 3, get_block));
  for (const StreamId id : {1, 3}) {
    server.codec.response(id, ok, false);
    server.codec.body(id, std::string(200'000, 'x'));
  }
  std::size_t sizes[2] = {};
  const auto count = [&](const std::vector<Frame>& said) {
    for (const Frame& f : said) {
      if (f.type == data) sizes[f.stream == 1 ? 0 : 1] += f.payload.size();
    }
  };
  count(server.hear(""));
  count(server.hear(frame(window_update, 0, 0, u32(16'384 * 4))));
  CHECK(sizes[0] > 0);
  CHECK(sizes[1] > 0);
}

TEST_CASE("GOAWAY leaves out the streams behind its last") {
  Pair pair;
  for (int i = 0; i < 3; ++i) pair.client.request(get, true);
  pair.settle();
  CHECK(pair.server.last_stream() == 5);
  pair.server.goaway(3, h2_error::enhance_your_calm, "calm down");
  pair.settle();
  CHECK(pair.at_client.take() == "goaway 3 ENHANCE_YOUR_CALM calm down\n5 reset REFUSED_STREAM\n");
  CHECK(pair.client.request(get, true) == 0);
  pair.server.response(1, ok, true);
  pair.settle();
  CHECK(pair.at_client.take() == "1 head :status=200|x=1 end\n");
}

TEST_CASE("A shutdown that is announced takes what is on its way") {
  Pair pair;
  const StreamId stream = pair.client.request(get, true);
  pair.server.announce_shutdown();
  pair.settle();
  CHECK(pair.at_client.take() == "goaway 2147483647 NO_ERROR \n");
  CHECK(stream == 1);
  CHECK(pair.at_server.text.starts_with("1 head "));
}

TEST_CASE("Priority updates pass as they are") {
  Pair pair;
  pair.client.request(get, true);
  pair.settle();
  pair.client.priority_update(1, "u=1, i");
  pair.settle();
  CHECK(pair.at_server.text.ends_with("1 priority u=1, i\n"));
}

TEST_CASE("Extended CONNECT is taken where it was allowed, and only there") {
  const H2Fields websocket{
      {":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}};
  Pair pair;
  CHECK(!pair.at_client.extended_connect);
  pair.server.allow_extended_connect();
  pair.settle();
  CHECK(pair.at_client.extended_connect);
  pair.client.request(websocket, false);
  pair.settle();
  CHECK(pair.at_server.take() == "1 head :method=CONNECT|:protocol=websocket|:scheme=https|:authority=h|:path=/\n");
}

TEST_CASE("Padding is not content, and takes no room for good") {
  Server server;
  server.hear(frame(headers, end_headers, 1, post_block));
  for (int i = 0; i < 2000; ++i)
    server.hear(frame(data, padded, 1, std::string(1, '\xff') + "x" + std::string(255, '\0')));
  CHECK(server.log.text.size() > 2000);
  CHECK(server.log.text.find("reset") == std::string::npos);
  CHECK(server.log.text.find("failed") == std::string::npos);
}

TEST_CASE("A window may be given in small steps, and padding stays accounted for") {
  constexpr std::int32_t all = 256 * 1024;
  Server server;
  server.hear(frame(headers, end_headers, 1, post_block));
  const std::string content = std::string(1, '\xff') + std::string(1000, 'x') + std::string(255, '\0');
  std::int64_t room = all;  // as the client sees it
  for (int i = 0; i < 2000; ++i) {
    room -= static_cast<std::int64_t>(content.size());
    REQUIRE(room >= 0);
    server.codec.feed(frame(data, padded, 1, content));
    server.codec.consumed_now(1, 1000);
    for (const Frame& one : server.hear("")) {
      if (one.type == window_update && one.stream == 1) room += u32_at(one, 0);
    }
    REQUIRE(server.codec.window(1) == static_cast<std::size_t>(room));
    REQUIRE(room > all / 2);
  }
  CHECK(server.codec.window(3) == 0);
}

TEST_CASE("The connection's window is given by hand while it is withheld") {
  Server server;
  server.hear(frame(headers, end_headers, 1, post_block));
  const std::size_t before = server.codec.window(0);
  server.codec.withhold_connection_window(true);
  for (int i = 0; i < 15; ++i) server.hear(frame(data, 0, 1, std::string(16'384, 'x')));
  CHECK(server.codec.window(0) == before - 15 * 16'384);
  server.codec.consumed_now(0, 16'384);
  CHECK(server.codec.window(0) == before - 14 * 16'384);
  server.codec.withhold_connection_window(false);
  server.codec.consumed_now(0, 14 * 16'384);
  CHECK(server.codec.window(0) == before);
}

TEST_CASE("Streams behind a GOAWAY are told once, and so are those that are too many") {
  Server server;
  const std::string first = frame(headers, end_headers, 1, post_block);
  SECTION("GOAWAY") {
    server.hear(first);
    server.codec.goaway(1, h2_error::none, {});
    server.hear("");
    server.log.take();
    server.hear(frame(headers, end_headers, 3, post_block) + frame(data, 0, 3, "x") +
                frame(headers, end_headers | end_stream, 3, block({{"x", "y"}})));
    CHECK(server.log.text == "3 refused\n");
  }
  SECTION("a shutdown that is announced takes them") {
    server.codec.announce_shutdown();
    server.hear("");
    server.hear(first);
    CHECK(server.log.text.starts_with("1 head"));
  }
  SECTION("too many, before the client knows how many there may be") {
    H2Log log;
    H2Codec codec(H2Codec::Role::server, {.max_streams = 1}, log);
    codec.feed(std::string(preface) + frame(settings, 0, 0) + first + frame(headers, end_headers, 3, post_block));
    CHECK(log.text.ends_with("3 refused, too many\n"));
  }
}

TEST_CASE("Trailers over the limit are told as such, of a request and of a response") {
  Pair pair(0, {.header_list_bytes = 4096});
  const H2Fields large{{"x", std::string(3000, 'y')}, {"x", std::string(3000, 'y')}};
  pair.client.request(get, false);
  pair.settle();
  pair.client.trailers(1, large);
  pair.server.response(1, ok, false);
  pair.settle();
  pair.server.trailers(1, large);
  pair.settle();
  CHECK(pair.at_server.take().find("1 trailers x=yyy") != std::string::npos);
  CHECK(pair.at_client.take().find(" too large\n") != std::string::npos);
}

TEST_CASE("A head over the limit is told as such, and kept no further") {
  Server server({.header_list_bytes = 4096});
  std::string many = get_block;
  for (int i = 0; i < 100; ++i) many += block({{"x", std::string(100, 'y')}});
  server.hear(frame(headers, end_headers | end_stream, 1, many));
  CHECK(server.log.text.ends_with(" end too large\n"));
  CHECK(server.log.text.size() < 5000);
}

TEST_CASE("A head that decompresses to far more than was sent is cut at the limit") {
  Server server({.header_list_bytes = 16 * 1024});
  // One entry of 4000 octets in the table, then referred to (RFC 7541 section 6.1) 12,000 times: 48 MB.
  std::string bomb = get_block;
  bomb += '\x40';
  bomb += block({{"bomb", std::string(3900, 'b')}}).substr(1);
  bomb += std::string(12'000, static_cast<char>(0x80 | 62));
  server.hear(frame(headers, end_headers | end_stream, 1, bomb));
  CHECK(server.log.text.ends_with(" end too large\n"));
  CHECK(server.log.text.size() < 20'000);
}

TEST_CASE("Floods end the connection") {
  Server server;
  SECTION("of CONTINUATION frames (CVE-2024-27316)") {
    std::string flood = frame(headers, 0, 1, get_block);
    for (int i = 0; i < 100; ++i) flood += frame(continuation, 0, 1, block({{"x", "y"}}));
    server.hear(flood);
    CHECK(server.log.text.starts_with("failed "));
  }
  SECTION("of PINGs whose answers nobody reads") {
    std::string flood;
    for (int i = 0; i < 2000; ++i) flood += frame(ping, 0, 0, "12345678");
    server.hear(flood);
    CHECK(server.log.take() == "failed ENHANCE_YOUR_CALM\n");
  }
  SECTION("of SETTINGS entries") {
    std::string entries;
    for (int i = 0; i < 40; ++i) entries += std::string("\0\3", 2) + u32(100);
    server.hear(frame(settings, 0, 0, entries));
    CHECK(server.log.text.starts_with("failed "));
  }
  server.hear(frame(headers, end_headers | end_stream, 3, get_block));
  CHECK(server.log.text.find("head") == std::string::npos);
}

TEST_CASE("Frames that move nothing are counted") {
  Server server;
  server.hear(frame(headers, end_headers, 1, post_block));
  CHECK(server.log.idle_frames == 0);
  server.hear(frame(ping, 0, 0, "12345678") + frame(settings, 0, 0) + frame(data, 0, 1) +
              frame(priority, 0, 3, u32(0) + "x") + frame(priority_update, 0, 0, u32(1) + "u=2"));
  CHECK(server.log.idle_frames == 5);
  server.hear(frame(data, 0, 1, "x") + frame(ping, ack, 0, "12345678"));
  CHECK(server.log.idle_frames == 5);
}
