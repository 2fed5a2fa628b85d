#include "http/validate_head.h"

#include <string>

#include "catch.h"
#include "http/head_indexer.h"
#include "http/syntax.h"

using namespace borehole;
using namespace borehole::http;

namespace {

// "" if the head is taken, else the name of the error's code.
std::string request(const std::string& raw) {
  const auto valid = validate_request_head(HeadIndexer::request(raw));
  if (valid) return "";
  CHECK(valid.error().fault == Fault::client);
  CHECK(valid.error().detail.size() > 20);
  return std::string(error_code_name(valid.error().code));
}

std::string fields(const std::string& lines) { return request("POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n"); }
std::string line(const std::string& request_line) { return request(request_line + "\r\nHost: a\r\n\r\n"); }

std::string response(const std::string& raw) {
  const auto valid = validate_response_head(HeadIndexer::response(raw));
  if (valid) return "";
  CHECK(valid.error().fault == Fault::upstream);
  return std::string(error_code_name(valid.error().code));
}

const std::string malformed = "malformed_request";
const std::string ambiguous = "ambiguous_request";
const std::string bad = "malformed_response";

}  // namespace

TEST_CASE("versions other than 1.0 and 1.1 are refused") {
  CHECK(line("GET / HTTP/1.1") == "");
  CHECK(line("GET / HTTP/1.0") == "");
  for (const std::string version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/1.10", "HTTP/1", "http/1.1", "RTSP/1.0",
                                    "ICE/1.0", "", "HTTP/1.1 ", "HTTP /1.1"}) {
    CAPTURE(version);
    CHECK(line("GET / " + version) == malformed);
  }
  CHECK(line("GET /") == malformed);
  CHECK(line("GET") == malformed);
  CHECK(line("") == malformed);
}

TEST_CASE("a method is a token") {
  CHECK(line("M-SEARCH / HTTP/1.1") == "");
  CHECK(line("G@T / HTTP/1.1") == malformed);
  CHECK(line(" / HTTP/1.1") == malformed);
  CHECK(line("\tGET / HTTP/1.1") == malformed);
}

TEST_CASE("a target is visible ASCII in one of the forms") {
  CHECK(line("GET /a%20b HTTP/1.1") == "");
  CHECK(line("GET /a b HTTP/1.1") == malformed);
  CHECK(line("GET  / HTTP/1.1") == malformed);
  CHECK(line("GET /  HTTP/1.1") == malformed);
  CHECK(line("GET /\xc3\xa9 HTTP/1.1") == malformed);
  CHECK(line("GET /\x01 HTTP/1.1") == malformed);
  CHECK(line(std::string("GET /\0 HTTP/1.1", 15)) == malformed);
  CHECK(line("OPTIONS * HTTP/1.1") == "");
  CHECK(line("GET * HTTP/1.1") == malformed);
  CHECK(line("GET a:443 HTTP/1.1") == malformed);
  CHECK(line("CONNECT a:443 HTTP/1.1") == "");
  CHECK(line("CONNECT a HTTP/1.1") == malformed);
}

TEST_CASE("lines end with CRLF and nothing else") {
  CHECK(fields("A: b\r\n") == "");
  CHECK(fields("A: b\n") == ambiguous);
  CHECK(fields("A: b\rC: d\r\n") == ambiguous);
  CHECK(fields("A: b\r\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\nHost: a\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n") == ambiguous);
  CHECK(request("GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\rX") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a") == ambiguous);
  CHECK(request("GET / HTTP/1.1") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\r\nX: y\r\n\r\n") == ambiguous);
}

TEST_CASE("lines are not folded") {
  CHECK(fields("A: b c\r\n") == "");
  CHECK(fields("A: b\r\n c\r\n") == ambiguous);
  CHECK(fields("A: b\r\n\tc\r\n") == ambiguous);
  CHECK(fields("A: b\r\n \r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\n Host: a\r\n\r\n") == ambiguous);
}

TEST_CASE("a name is a token right before its colon") {
  CHECK(fields("A!#$%&'*+-.^_`|~9: b\r\n") == "");
  CHECK(fields("A:b\r\n") == "");
  CHECK(fields("A:\r\n") == "");
  CHECK(fields("A : b\r\n") == ambiguous);
  CHECK(fields("A\t: b\r\n") == ambiguous);
  CHECK(fields(": b\r\n") == malformed);
  CHECK(fields("A\r\n") == malformed);
  CHECK(fields("A b: c\r\n") == malformed);
  CHECK(fields("A(b): c\r\n") == malformed);
  CHECK(fields("\xc4: c\r\n") == malformed);
}

TEST_CASE("values hold tabs and obs-text but no controls") {
  CHECK(fields("A: b\tc\r\n") == "");
  CHECK(fields("A: \x80\xff\r\n") == "");
  CHECK(fields("A: b\x01\r\n") == malformed);
  CHECK(fields("A: b\x7f\r\n") == malformed);
  CHECK(fields(std::string("A: b\0c\r\n", 8)) == malformed);
  CHECK(fields("A: b\x0b\r\n") == malformed);
}

TEST_CASE("HTTP/1.1 has one Host") {
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == "");
  CHECK(request("GET / HTTP/1.1\r\n\r\n") == malformed);
  CHECK(request("GET / HTTP/1.0\r\n\r\n") == "");
  CHECK(request("CONNECT a:443 HTTP/1.1\r\n\r\n") == "");
  CHECK(fields("X-Host: a\r\n") == "");
  CHECK(fields("host: a\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == ambiguous);
}

TEST_CASE("Host is a host, with a port or without") {
  const auto host = [](const std::string& value) { return request("GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n"); };
  CHECK(host("a.example:8443") == "");
  CHECK(host("[::1]:80") == "");
  CHECK(host("") == malformed);
  CHECK(host("a.example:99999") == malformed);
  CHECK(host("user@a.example") == malformed);
  CHECK(host("a.example/path") == malformed);
  CHECK(host("a.example, b.example") == malformed);
  CHECK(host("http://a.example") == malformed);
}

TEST_CASE("one Content-Length of digits") {
  CHECK(fields("Content-Length: 5\r\n") == "");
  CHECK(fields("Content-Length: 0005\r\n") == "");
  CHECK(fields("Content-Length: 9999999999999999999\r\n") == "");
  for (const std::string value :
       {"", "+5", "-5", "5,5", "5, 6", "5 5", "0x5", "5a", "5.0", "\"5\"", "10000000000000000000", "\xd9\xa5"}) {
    CAPTURE(value);
    CHECK(fields("Content-Length: " + value + "\r\n") == ambiguous);
  }
  CHECK(fields("Content-Length: 5\r\nContent-Length: 6\r\n") == ambiguous);
  CHECK(fields("Content-Length: 5\r\ncontent-length: 5\r\n") == ambiguous);
}

TEST_CASE("one Transfer-Encoding of chunked, and no Content-Length beside it") {
  CHECK(fields("Transfer-Encoding: chunked\r\n") == "");
  CHECK(fields("Transfer-Encoding: Chunked \r\n") == "");
  for (const std::string value : {"", "gzip", "identity", "gzip, chunked", "chunked, chunked", "chunked;q=1",
                                  "chunked,", ",chunked", "xchunked", "chunked x",
                                  "\x0b"
                                  "chunked",
                                  "\"chunked\""}) {
    CAPTURE(value);
    CHECK(fields("Transfer-Encoding: " + value + "\r\n") != "");
  }
  CHECK(fields("Transfer-Encoding: gzip, chunked\r\n") == ambiguous);
  CHECK(fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") == ambiguous);
  CHECK(fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") == ambiguous);
  CHECK(fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") == ambiguous);
  CHECK(fields("Content-Length: 5\r\nX-Transfer-Encoding: chunked\r\n") == "");
  CHECK(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == ambiguous);
  CHECK(request("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n") == "");
}

TEST_CASE("CONNECT has no body") {
  const std::string connect = "CONNECT a:443 HTTP/1.1\r\n";
  CHECK(request(connect + "Content-Length: 0\r\n\r\n") == "");
  CHECK(request(connect + "Content-Length: 5\r\n\r\n") == ambiguous);
  CHECK(request(connect + "Transfer-Encoding: chunked\r\n\r\n") == ambiguous);
}

TEST_CASE("Host and the authority of an absolute target agree") {
  const auto pair = [](const std::string& target, const std::string& host) {
    return request("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  };
  CHECK(pair("https://a.example/x", "a.example") == "");
  CHECK(pair("https://A.example/x", "a.Example") == "");
  CHECK(pair("https://a.example:443/x", "a.example") == "");
  CHECK(pair("HTTPS://a.example/x", "a.example:443") == "");
  CHECK(pair("http://a.example/x", "a.example:80") == "");
  CHECK(pair("https://a.example./x", "a.example") == "");
  CHECK(pair("https://a.example?x", "a.example") == "");
  CHECK(pair("https://a.example?", "a.example:443") == "");
  CHECK(pair("https://a.example/x", "b.example") == ambiguous);
  CHECK(pair("https://a.example?@b.example", "b.example") == ambiguous);
  CHECK(pair("https://a.example/x", "a.example:80") == ambiguous);
  CHECK(pair("http://a.example/x", "a.example:443") == ambiguous);
  CHECK(pair("https://a.example:8443/x", "a.example") == ambiguous);
  CHECK(pair("/x", "b.example") == "");
  CHECK(request("GET http://a.example/ HTTP/1.1\r\n\r\n") == malformed);
  CHECK(request("CONNECT a.example:443 HTTP/1.1\r\nHost: b.example\r\n\r\n") == "");
}

TEST_CASE("a status line has a version and three digits") {
  CHECK(response("HTTP/1.1 200 OK\r\n\r\n") == "");
  CHECK(response("HTTP/1.0 200 OK\r\n\r\n") == "");
  CHECK(response("HTTP/1.1 200 \r\n\r\n") == "");
  CHECK(response("HTTP/1.1 200\r\n\r\n") == "");
  CHECK(response("HTTP/1.1 599 \xe9t\xe9\r\n\r\n") == "");
  for (const std::string start : {"HTTP/1.2 200 OK", "HTTP/2.0 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK",
                                  "HTTP/1.1 099 OK", "HTTP/1.1  200 OK", "HTTP/1.1 abc OK", "HTTP/1.1 200\tOK",
                                  "ICY 200 OK", "HTTP/1.1", "", "HTTP/1.1 200 O\x01K", " HTTP/1.1 200 OK"}) {
    CAPTURE(start);
    CHECK(response(start + "\r\n\r\n") == bad);
  }
  CHECK(response("HTTP/1.1 200 OK\n\r\n") == bad);
  CHECK(response("HTTP/1.1 200 O\rK\r\n\r\n") == bad);
}

TEST_CASE("what is refused in a request's fields is refused in a response's") {
  const auto with = [](const std::string& lines) { return response("HTTP/1.1 200 OK\r\n" + lines + "\r\n"); };
  CHECK(with("Content-Length: 5\r\nX: \xe9\r\n") == "");
  CHECK(with("Transfer-Encoding: chunked\r\n") == "");
  CHECK(with("Content-Length: 5\r\nContent-Length: 5\r\n") == bad);
  CHECK(with("Content-Length: 5,5\r\n") == bad);
  CHECK(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") == bad);
  CHECK(with("Transfer-Encoding: gzip\r\n") == bad);
  CHECK(with("A: b\r\n c\r\n") == bad);
  CHECK(with("A : b\r\n") == bad);
  CHECK(with("A: b\n") == bad);
  CHECK(with("A: \x02\r\n") == bad);
  CHECK(with("nothing\r\n") == bad);
  CHECK(response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") == bad);
}

TEST_CASE("every octet is judged alike at every offset of a text") {
  for (unsigned value = 0; value < 256; ++value) {
    const bool in_field = value == '\t' || (value >= 0x20 && value != 0x7f);
    const bool in_target = value > 0x20 && value < 0x7f;
    for (const std::size_t size : {1U, 15U, 16U, 17U, 40U}) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(value);
        if (is_field_text(text) != in_field) FAIL("field: " << value << " at " << at << " of " << size);
        if (is_target_text(text) != in_target) FAIL("target: " << value << " at " << at << " of " << size);
      }
    }
  }
}
