#include "http/message_reader.h"

#include <string>
#include <utility>

#include "catch.h"
#include "every_split.h"

using namespace borehole;
using namespace borehole::http;
using namespace borehole::http::test;

namespace {

const std::string get = "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nX-One:  two \t\r\nEmpty:\r\n\r\n";
const std::string chunked_head = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string ok_chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

bool mentions(const Error& error, const std::string& words) { return error.detail.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("a request head is kept as it came, with its parts in place") {
  const Transcript t = read_requests(get);
  REQUIRE(t.messages.size() == 1);
  CHECK(t.messages[0].head == get);
  CHECK(t.messages[0].complete);
  CHECK(t.messages[0].framing == Framing::none);
  CHECK(t.messages[0].keep_alive);
  CHECK(t.consumed == get.size());

  MessageReader reader(Role::request);
  for (const char c : get) REQUIRE(reader.feed(Bytes(&c, 1)));
  const RequestHead& head = reader.request_head();
  CHECK(head.method() == "GET");
  CHECK(head.target() == "/a?b=c");
  CHECK(head.minor_version() == 1);
  REQUIRE(head.field_count() == 3);
  CHECK(head.name(1) == "X-One");
  CHECK(head.value(1) == "two");
  CHECK(head.value(2).empty());
  CHECK(head.span(2).line_end + 2 == get.size());
  CHECK(head.find("host") == Bytes("example.com"));
  CHECK_FALSE(head.find("hos"));
}

TEST_CASE("the feed behind a head without body completes the message and consumes nothing") {
  MessageReader reader(Role::request);
  const auto head = reader.feed(get + "GET /next");
  REQUIRE(head);
  CHECK(head->step == MessageReader::Step::head);
  CHECK(head->consumed == get.size());
  CHECK_FALSE(reader.idle());
  const auto complete = reader.feed("");
  REQUIRE(complete);
  CHECK(complete->step == MessageReader::Step::complete);
  CHECK(complete->consumed == 0);
  CHECK(reader.idle());
  CHECK(reader.request_head().method() == "GET");
  const auto more = reader.feed("GET /next");
  REQUIRE(more);
  CHECK(more->step == MessageReader::Step::more);
  CHECK(more->consumed == 9);
  CHECK(reader.head_bytes() == 9);
  CHECK_FALSE(reader.idle());
}

TEST_CASE("pipelined requests of every framing come apart at the octet") {
  const std::string counted = "PUT /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
  const std::string empty = "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
  const std::string chunks = "3;x=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n";
  const Transcript t = read_requests(get + counted + "GET /" + empty + chunked_head + chunks + "\r\n" + get);
  REQUIRE(t.messages.size() == 5);
  CHECK(t.messages[1].framing == Framing::content_length);
  CHECK(t.messages[1].length == 5);
  CHECK(t.messages[1].content == "GET /");
  CHECK(t.messages[2].framing == Framing::content_length);
  CHECK(t.messages[2].complete);
  CHECK(t.messages[2].body.empty());
  CHECK(t.messages[3].framing == Framing::chunked);
  CHECK(t.messages[3].body == chunks);
  CHECK(t.messages[3].content == "abcde");
  CHECK(t.messages[3].trailers);
  CHECK(t.messages[4].head == get);
  CHECK(t.messages[4].complete);
}

TEST_CASE("empty lines before a request line are skipped, up to a limit") {
  const Transcript t = read_requests("\r\n\r\n" + get + "\r\n");
  REQUIRE(t.messages.size() == 1);
  CHECK(t.messages[0].head == get);
  CHECK(t.consumed == get.size() + 6);
  CHECK(t.idle);

  std::string many;
  for (int i = 0; i < 16; ++i) many += "\r\n";
  CHECK_FALSE(read_requests(many + get).failed);
  CHECK(read_requests(many + "\r\n" + get).error.code == ErrorCode::malformed_request);
  CHECK(read_requests("\n" + get).error.code == ErrorCode::ambiguous_request);
  CHECK(read_requests("\r" + get).error.code == ErrorCode::ambiguous_request);
  CHECK(read_requests("\r\r\n" + get).error.code == ErrorCode::ambiguous_request);
  CHECK(read_responses("\r\nHTTP/1.1 204 No Content\r\n\r\n").error.code == ErrorCode::malformed_response);
}

TEST_CASE("a request that asks for an upgrade is an ordinary message with its own body") {
  const std::string upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\n";
  SECTION("without body") {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n" + upgrade + "\r\n";
    const Transcript t = read_requests(head + get);
    REQUIRE(t.messages.size() == 2);
    CHECK(t.messages[0].framing == Framing::none);
    CHECK(t.messages[0].keep_alive);
  }
  SECTION("with a length") {
    const Transcript t =
        read_requests("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" + upgrade + "\r\nabc" + get);
    REQUIRE(t.messages.size() == 2);
    CHECK(t.messages[0].content == "abc");
  }
  SECTION("with chunks") {
    const Transcript t = read_requests("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + upgrade +
                                       "\r\n3\r\nabc\r\n0\r\n\r\n" + get);
    REQUIRE(t.messages.size() == 2);
    CHECK(t.messages[0].content == "abc");
  }
}

TEST_CASE("CONNECT is complete with its head and opaque behind it") {
  for (const std::string head : {"CONNECT a.example:443 HTTP/1.0\r\n\r\n", "CONNECT a.example:443 HTTP/1.1\r\n\r\n",
                                 "CONNECT [::1]:443 HTTP/1.1\r\nHost: other\r\nContent-Length: 0\r\n\r\n"}) {
    const Transcript t = read_requests(head + "\x16\x03\x01");
    CAPTURE(head);
    REQUIRE(t.messages.size() == 1);
    CHECK(t.messages[0].framing == Framing::opaque);
    CHECK(t.messages[0].complete);
    CHECK_FALSE(t.messages[0].keep_alive);
    CHECK(t.consumed == head.size());
  }
  MessageReader reader(Role::request);
  REQUIRE(reader.feed("CONNECT a:443 HTTP/1.1\r\n\r\n"));
  REQUIRE(reader.feed(""));
  CHECK_FALSE(reader.feed("GET / HTTP/1.1\r\n"));
}

TEST_CASE("the body of a response depends on the request and the status") {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  const std::string next = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const auto two = [&](const std::string& first, std::vector<std::string> methods) {
    const Transcript t = read_responses(first + next, std::move(methods));
    REQUIRE(t.messages.size() == 2);
    CHECK(t.messages[1].content == "ok");
    return t.messages[0];
  };
  CHECK(two(length + "hello", {"GET"}).content == "hello");
  CHECK(two(length, {"HEAD"}).framing == Framing::none);
  CHECK(two(ok_chunked, {"HEAD"}).framing == Framing::none);
  CHECK(two("HTTP/1.1 204 No Content\r\n\r\n", {"GET"}).framing == Framing::none);
  CHECK(two("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", {"GET"}).framing == Framing::none);
  CHECK(two("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", {"GET"}).framing == Framing::content_length);
  CHECK(two("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", {"CONNECT"}).content == "no");
  CHECK(two(ok_chunked + "1\r\na\r\n0\r\n\r\n", {"POST"}).body == "1\r\na\r\n0\r\n\r\n");

  const Transcript tunnel = read_responses("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nraw", {"CONNECT"});
  REQUIRE(tunnel.messages.size() == 1);
  CHECK(tunnel.messages[0].framing == Framing::opaque);
  CHECK(tunnel.consumed == 38);
}

TEST_CASE("an expectation is used up by its final response") {
  const Transcript t = read_responses(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", {"HEAD"});
  REQUIRE(t.messages.size() == 2);
  CHECK(t.messages[1].content == "hello");
}

TEST_CASE("interim responses are messages of their own and keep the expectation") {
  std::string stream;
  for (int i = 0; i < 20; ++i)
    stream += i % 2 == 0 ? "HTTP/1.1 100 Continue\r\n\r\n"
                         : "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\n\r\n";
  stream += "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  const Transcript t = read_responses(stream, {"HEAD"}, true);
  REQUIRE(t.messages.size() == 21);
  CHECK(t.messages[0].keep_alive);
  CHECK(t.messages[1].keep_alive);
  CHECK(t.messages[20].framing == Framing::none);
  CHECK(t.messages[20].complete);
}

TEST_CASE("101 is opaque behind its head") {
  const std::string head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
  const Transcript t = read_responses(head + "raw octets", {"GET"});
  REQUIRE(t.messages.size() == 1);
  CHECK(t.messages[0].framing == Framing::opaque);
  CHECK(t.messages[0].complete);
  CHECK(t.consumed == head.size());
}

TEST_CASE("a response without length ends with the connection") {
  for (const std::string version : {"HTTP/1.0", "HTTP/1.1"}) {
    const Transcript t = read_responses(version + " 200 OK\r\n\r\nall of it\r\n\r\n", {"GET"}, true);
    REQUIRE(t.messages.size() == 1);
    CHECK(t.messages[0].framing == Framing::until_close);
    CHECK(t.messages[0].content == "all of it\r\n\r\n");
    CHECK_FALSE(t.messages[0].keep_alive);
    CHECK(t.end_result);
  }
}

TEST_CASE("the end of the connection between messages is no error") {
  CHECK_FALSE(read_requests("", true).end_result);
  CHECK(read_requests(get, true).ended);
  CHECK_FALSE(read_requests(get + "\r\n", true).end_result);
}

TEST_CASE("the end of the connection completes a message whose head was its all") {
  MessageReader reader(Role::response);
  REQUIRE(reader.feed("HTTP/1.1 204 No Content\r\n\r\n"));
  const auto ended = reader.end();
  REQUIRE(ended);
  CHECK(ended.value());
  CHECK(reader.idle());
}

TEST_CASE("the end of the connection inside a message says what is missing") {
  const auto cut = [](const std::string& octets) {
    const Transcript t = read_responses(octets, {"GET"}, true);
    CHECK(t.failed);
    CHECK(t.error.fault == Fault::upstream);
    return t.error;
  };
  const Error head = cut("HTTP/1.1 20");
  CHECK(head.code == ErrorCode::upstream_closed);
  CHECK(mentions(head, "11 octets of its head"));
  const Error missing = cut("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  CHECK(missing.code == ErrorCode::upstream_broke);
  CHECK(mentions(missing, "5 of 5 octets"));
  CHECK(mentions(cut("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"), "1 of 5 octets"));
  CHECK(mentions(cut(ok_chunked + "5\r\nhe"), "3 octets of a chunk"));
  CHECK(mentions(cut(ok_chunked + "5\r\nhello"), "last chunk"));
  CHECK(mentions(cut(ok_chunked + "5\r\nhello\r\n"), "last chunk"));
  CHECK(mentions(cut(ok_chunked), "last chunk"));
  CHECK(mentions(cut(ok_chunked + "5\r\nhello\r\n0\r\n"), "empty line"));
  CHECK(mentions(cut(ok_chunked + "5\r\nhello\r\n0\r\nX: y\r\n"), "empty line"));

  const Transcript request = read_requests("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell", true);
  CHECK(request.error.code == ErrorCode::client_aborted);
  CHECK(request.error.fault == Fault::client);
  CHECK(read_requests("GET / HT", true).error.code == ErrorCode::client_aborted);
}

TEST_CASE("keep-alive follows version and Connection") {
  const auto request = [](const std::string& version, const std::string& fields) {
    return read_requests("GET / " + version + "\r\nHost: a\r\n" + fields + "\r\n").messages.at(0).keep_alive;
  };
  CHECK(request("HTTP/1.1", ""));
  CHECK(request("HTTP/1.1", "Connection: keep-alive\r\n"));
  CHECK_FALSE(request("HTTP/1.1", "Connection: TE, Close\r\n"));
  CHECK_FALSE(request("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  CHECK(request("HTTP/1.1", "Connection: closed\r\n"));
  CHECK_FALSE(request("HTTP/1.0", ""));
  CHECK(request("HTTP/1.0", "Connection: Keep-Alive\r\n"));
  CHECK_FALSE(request("HTTP/1.0", "Connection: keep-alive, close\r\n"));
}

TEST_CASE("nothing is read behind the message that was announced as the last") {
  const std::string last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  CHECK_FALSE(read_requests(last + "\r\n").failed);
  const Transcript t = read_requests(last + get);
  CHECK(t.error.code == ErrorCode::malformed_request);
  CHECK(t.messages.size() == 1);
  CHECK(read_responses("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\naHTTP").failed);
  CHECK_FALSE(read_responses("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP").failed);
}

TEST_CASE("a head may have as many octets as the limit says and not one more") {
  Stream stream{Role::request, get, false, {}, {}};
  stream.limits.head_bytes = get.size();
  CHECK_FALSE(read_every_split(stream).failed);
  stream.octets = get + get;
  CHECK(read_every_split(stream).messages.size() == 2);
  stream.limits.head_bytes = get.size() - 1;
  CHECK(read_every_split(stream).error.code == ErrorCode::head_too_large);
  stream.octets = "GET /" + std::string(200, 'a');
  CHECK(read_every_split(stream).error.code == ErrorCode::head_too_large);
  stream.role = Role::response;
  stream.octets = "HTTP/1.1 200 " + std::string(200, 'a');
  CHECK(read_every_split(stream).error.code == ErrorCode::malformed_response);
}

TEST_CASE("a head has so many fields, and a target so many octets") {
  Stream stream{Role::request, "GET /12 HTTP/1.1\r\nHost: h\r\nA: b\r\nA: c\r\n\r\n", false, {}, {}};
  stream.limits.header_fields = 3;
  stream.limits.target_bytes = 3;
  CHECK_FALSE(read_every_split(stream).failed);
  stream.limits.header_fields = 2;
  CHECK(read_every_split(stream).error.code == ErrorCode::head_too_large);
  CHECK(read_every_split(stream).error.detail.find("limits.header_fields") != std::string::npos);
  stream.limits.header_fields = 3;
  stream.limits.target_bytes = 2;
  CHECK(read_every_split(stream).error.code == ErrorCode::head_too_large);
  CHECK(read_every_split(stream).error.detail.find("limits.target_bytes") != std::string::npos);
  stream.role = Role::response;
  stream.octets = "HTTP/1.1 200 OK\r\nA: b\r\nA: c\r\nA: d\r\nContent-Length: 0\r\n\r\n";
  CHECK(read_every_split(stream).error.code == ErrorCode::malformed_response);
}

TEST_CASE("a field of a head has so many octets") {
  Stream stream{Role::request, "GET / HTTP/1.1\r\nHost: h\r\nname: value\r\n\r\n", false, {}, {}};
  stream.limits.header_line_bytes = 9;
  CHECK_FALSE(read_every_split(stream).failed);
  stream.limits.header_line_bytes = 8;
  CHECK(read_every_split(stream).error.code == ErrorCode::head_too_large);
  CHECK(read_every_split(stream).error.detail.find("limits.header_line_bytes") != std::string::npos);
  stream.role = Role::response;
  stream.octets = "HTTP/1.1 200 OK\r\nname: value\r\nContent-Length: 0\r\n\r\n";
  CHECK(read_every_split(stream).error.code == ErrorCode::malformed_response);
}

TEST_CASE("a trailer section has its own limit") {
  const std::string trailers = "A: b\r\nC: d\r\n\r\n";
  Stream stream{Role::request, chunked_head + "1\r\nx\r\n0\r\n" + trailers + get, false, {}, {}};
  stream.limits.trailer_bytes = trailers.size();
  CHECK(read_every_split(stream).messages.size() == 2);
  stream.limits.trailer_bytes = trailers.size() - 1;
  CHECK(read_every_split(stream).error.code == ErrorCode::head_too_large);
}

TEST_CASE("chunk extensions are limited per message, over all its chunks") {
  const std::string body = "1;abc=defg\r\nx\r\n1;abc=defg\r\nx\r\n0\r\n\r\n";
  Stream stream{Role::request, chunked_head + body + chunked_head + body, false, {}, {}};
  stream.limits.chunk_extension_bytes = 18;
  const Transcript t = read_every_split(stream);
  CHECK(t.messages.size() == 2);
  CHECK_FALSE(t.failed);
  stream.limits.chunk_extension_bytes = 17;
  CHECK(read_every_split(stream).error.code == ErrorCode::malformed_request);
}

TEST_CASE("content views skip the framing and count once") {
  MessageReader reader(Role::response);
  REQUIRE(reader.feed(ok_chunked));
  const std::string body = "3\r\nabc\r\n2\r\nde\r\n1\r";
  const auto progress = reader.feed(body);
  REQUIRE(progress);
  CHECK(progress->step == MessageReader::Step::body);
  CHECK(progress->consumed == body.size());
  REQUIRE(reader.content().size() == 2);
  CHECK(reader.content()[0] == "abc");
  CHECK(reader.content()[1] == "de");
  REQUIRE(reader.feed("\nf"));
  REQUIRE(reader.content().size() == 1);
  CHECK(reader.content()[0] == "f");
  REQUIRE(reader.feed("\r\n"));
  CHECK(reader.content().empty());
}

TEST_CASE("a body of 2^63 octets is counted, not held") {
  MessageReader reader(Role::response);
  REQUIRE(reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n"));
  CHECK(reader.content_length() == 9223372036854775808ULL);
  const auto progress = reader.feed(std::string(100000, 'x'));
  REQUIRE(progress);
  CHECK(progress->consumed == 100000);
  const auto ended = reader.end();
  REQUIRE_FALSE(ended);
  CHECK(mentions(ended.error(), "9223372036854675808 of 9223372036854775808"));
}

TEST_CASE("a reader moves in the middle of a message") {
  MessageReader first(Role::request);
  REQUIRE(first.feed(chunked_head + ""));
  REQUIRE(first.feed("5\r\nhe"));
  MessageReader second(std::move(first));
  const auto progress = second.feed("llo\r\n0\r\n\r\n");
  REQUIRE(progress);
  CHECK(progress->step == MessageReader::Step::complete);
  REQUIRE(second.content().size() == 1);
  CHECK(second.content()[0] == "llo");
}

TEST_CASE("one reader serves many messages") {
  MessageReader reader(Role::request);
  const std::string message = chunked_head + "3\r\nabc\r\n0\r\nX: y\r\n\r\n";
  for (int i = 0; i < 1000; ++i) {
    const auto head = reader.feed(message);
    REQUIRE(head);
    REQUIRE(head->step == MessageReader::Step::head);
    const auto complete = reader.feed(Bytes(message).substr(head->consumed));
    REQUIRE(complete);
    REQUIRE(complete->step == MessageReader::Step::complete);
    REQUIRE(head->consumed + complete->consumed == message.size());
  }
}
