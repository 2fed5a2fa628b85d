// What must not pass, as whole streams through the whole reader, each beside what must.
#include <string>
#include <vector>

#include "catch.h"
#include "every_split.h"

using namespace borehole;
using namespace borehole::http;
using namespace borehole::http::test;

namespace {

const std::string victim = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";

// "" if the stream was read to its end, else the name of the error's code.
std::string outcome(const Transcript& t) { return t.failed ? std::string(error_code_name(t.error.code)) : ""; }

std::string request(const std::string& octets) {
  const Transcript t = read_requests(octets);
  if (t.failed) {
    CHECK(t.error.fault == Fault::client);
    CHECK(t.error.detail.size() > 20);
  }
  return outcome(t);
}
std::string post(const std::string& fields, const std::string& rest) {
  return request("POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + rest);
}
std::string chunks(const std::string& body) { return post("Transfer-Encoding: chunked\r\n", body); }

std::string response(const std::string& octets) {
  const Transcript t = read_responses(octets, {"GET"});
  if (t.failed) CHECK(t.error.fault == Fault::upstream);
  return outcome(t);
}

const std::string malformed = "malformed_request";
const std::string ambiguous = "ambiguous_request";
const std::string bad = "malformed_response";

}  // namespace

TEST_CASE("a body has one length") {
  CHECK(post("Content-Length: 3\r\n", "abc" + victim) == "");
  CHECK(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + victim) == ambiguous);
  CHECK(post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n" + victim) == ambiguous);
  CHECK(post("Content-Length: 3\r\nContent-Length: 0\r\n", "abc" + victim) == ambiguous);
  CHECK(post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc" + victim) == ambiguous);
  CHECK(post("Content-Length: 3, 3\r\n", "abc") == ambiguous);
  CHECK(post("Content-Length: +3\r\n", "abc") == ambiguous);
  CHECK(post("Content-Length: 0x3\r\n", "abc") == ambiguous);
  CHECK(post("Content-Length: 3 3\r\n", "abc") == ambiguous);
  CHECK(post("Content-Length:\r\n", "abc") == ambiguous);
  CHECK(post("Content-Length: 99999999999999999999\r\n", "abc") == ambiguous);
  CHECK(post("Content-Length: 3\r\n 3\r\n", "abc") == ambiguous);
  CHECK(post("Content-Length:\r\n 3\r\n", "abc") == ambiguous);
  CHECK(post("Content-Length : 3\r\n", "abc") == ambiguous);
  CHECK(post("Content_Length: 3\r\n", victim) == "");
}

TEST_CASE("a transfer coding is one chunked, plainly spelled") {
  CHECK(post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + victim) == "");
  CHECK(post("transfer-encoding:CHUNKED\r\n", "0\r\n\r\n" + victim) == "");
  for (const std::string field :
       {"Transfer-Encoding: xchunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", "X: y\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked;x=y",
        "Transfer-Encoding:", "Transfer-Encoding: ,chunked"}) {
    CAPTURE(field);
    CHECK(post(field + "\r\n", "0\r\n\r\n" + victim) == ambiguous);
  }
  for (const std::string field : {"Transfer-Encoding: \x0b"
                                  "chunked",
                                  "Transfer-Encoding: chunked\x7f"}) {
    CAPTURE(field);
    CHECK(post(field + "\r\n", "0\r\n\r\n" + victim) != "");
  }
  CHECK(request("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == ambiguous);
}

TEST_CASE("chunks are sized in hexadecimal and framed by CRLF") {
  CHECK(chunks("a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n" + victim) == "");
  CHECK(chunks("5;a=b\r\nhello\r\n1;c;d\r\n!\r\n0;z\r\n\r\n" + victim) == "");
  for (const std::string body : {"5\nhello\r\n0\r\n\r\n",
                                 "5\rhello\r\n0\r\n\r\n",
                                 "5\r\nhello\n0\r\n\r\n",
                                 "5\r\nhello0\r\n\r\n",
                                 "5\r\nhelloXX0\r\n\r\n",
                                 "5\r\nhello\r0\r\n\r\n",
                                 "0x5\r\nhello\r\n0\r\n\r\n",
                                 "-5\r\nhello\r\n0\r\n\r\n",
                                 "+5\r\nhello\r\n0\r\n\r\n",
                                 " 5\r\nhello\r\n0\r\n\r\n",
                                 "\r\n5\r\nhello\r\n0\r\n\r\n",
                                 ";a\r\nhello\r\n0\r\n\r\n",
                                 "zz\r\nhello\r\n0\r\n\r\n",
                                 "ffffffffffffffff0\r\nhello",
                                 "5;a\nhello\r\n0\r\n\r\n",
                                 "5;a=\n\r\nhello\r\n0\r\n\r\n",
                                 "5;a\rXhello\r\n0\r\n\r\n",
                                 "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
                                 "0\r\n\n",
                                 "0\n\r\n",
                                 "0\n\n",
                                 "0\r\n\rX",
                                 "0\r\nA: b\n\r\n",
                                 "0\r\nA : b\r\n\r\n",
                                 "0\r\nA: b\r\n c\r\n\r\n",
                                 "0\r\nA\r\n\r\n",
                                 "0\r\nA: \x01\r\n\r\n"}) {
    CAPTURE(body);
    CHECK(chunks(body + victim) != "");
  }
}

TEST_CASE("chunk extensions have the form that RFC 9112 section 7.1.1 gives them") {
  const auto extended = [](const std::string& extension) {
    const std::string first = chunks("5" + extension + "\r\nhello\r\n0\r\n\r\n" + victim);
    const std::string last = chunks("5\r\nhello\r\n0" + extension + "\r\n\r\n" + victim);
    CHECK(first == last);
    return first;
  };
  for (const std::string extension : {";a",
                                      ";a=b",
                                      ";a=b;c",
                                      ";a;b=c;d",
                                      ";!#$%&'*+-.^_`|~09azAZ=!#$%&'*+-.^_`|~09azAZ",  //
                                      ";a=\"\"",
                                      ";a=\"b\"",
                                      ";a=\"b c\td\"",
                                      ";a=\"b;c=d\"",
                                      ";a=\"b\";c=\"d\"",
                                      ";a=\"\\\"\"",
                                      ";a=\"\\\\\"",
                                      ";a=\"\\b\\ \\\t\"",
                                      ";a=\"\x80\xff\\\xfe\"",
                                      ";a=\"b\";c",  //
                                      " ;a",
                                      "\t;a",
                                      " \t ;a",
                                      "; a",
                                      ";\t a",
                                      ";a =b",
                                      ";a= b",
                                      ";a\t=\t\"b\"",
                                      " ; a = b ; c ; d = \"e\" ; f",
                                      ";a ;b",
                                      ";a=b ;c",
                                      ";a=\"b\" ;c"}) {
    CAPTURE(extension);
    CHECK(extended(extension) == "");
  }
  for (const std::string extension : {";",
                                      ";;",
                                      ";a;",
                                      ";;a",
                                      "; ",
                                      ";a; ",
                                      ";=b",
                                      ";a=",
                                      ";a= ",
                                      ";a=;b",
                                      ";a==b",
                                      ";a=b=c",  //
                                      ";a b",
                                      ";a=b c",
                                      ";\"a\"",
                                      ";\"a\"=b",
                                      ";a=b\"c\"",
                                      ";a=\"b\"c",
                                      ";a=\"b\"\"c\"",
                                      ";a=\"b\"=c",  //
                                      ";a=\"b",
                                      ";a=\"b\\\"",
                                      ";a=\"",
                                      ";a=\"b\\",
                                      ";a='b c'",  //
                                      " ",
                                      "\t",
                                      "  ",
                                      ";a ",
                                      ";a=b ",
                                      ";a=\"b\" ",
                                      " a",
                                      " =a",
                                      " 5",  //
                                      ";a@b",
                                      ";a=b/c",
                                      ";a(b)",
                                      ";\x80",
                                      ";a=\x80",
                                      ";a\x0b",
                                      ";a=\"\x0b\"",
                                      ";a=\"\\\x0b\"",
                                      ";a=\"\x7f\"",
                                      ";a\\",
                                      ";a=\\b",
                                      ";a=,",
                                      ",a"}) {
    CAPTURE(extension);
    CHECK(extended(extension) == (extension == ",a" ? malformed : ambiguous));
  }
  CHECK(extended(";a" + std::string(1, '\0')) == ambiguous);
  CHECK(extended(";a=\"" + std::string(1, '\0') + "\"") == ambiguous);
  for (const std::string line : {"5;a\n", "5;a\r\r\n", "5;a\rb\r\n", "5;a=b\n", "5;a=\"b\"\n", "5;\n", "5;a=\n",
                                 "5;a=\"b\n\"\r\n", "5;a=\"b\r\n\"\r\n", "5;a=\"b\\\n\"\r\n", "5;a\r\n b\r\n"}) {
    CAPTURE(line);
    CHECK(chunks(line + "hello\r\n0\r\n\r\n" + victim) != "");
  }
}

TEST_CASE("a chunk's size has one reading") {
  const auto sized = [](const std::string& size) { return chunks(size + "\r\nhello\r\n0\r\n\r\n" + victim); };
  CHECK(sized("5") == "");
  CHECK(sized("05") == "");
  CHECK(sized("0000000000000005") == "");
  CHECK(sized("00000000000000005") == malformed);
  CHECK(chunks("7fffffffffffffff\r\nhello") == "");
  for (const std::string size : {"8000000000000000",
                                 "ffffffffffffffff",
                                 "10000000000000005",
                                 "0x5",
                                 "0X5",
                                 "x5",
                                 "-5",
                                 "+5",
                                 " 5",
                                 "\t5",
                                 "5h",
                                 "5.",
                                 "5,5",
                                 "5_0",
                                 "5\x0b",
                                 "5\x0c",
                                 "5\x7f",
                                 "5\xa0",
                                 "\"5\"",
                                 "",
                                 ";a",
                                 "g",
                                 "%35"}) {
    CAPTURE(size);
    CHECK(sized(size) == malformed);
  }
  CHECK(sized("5" + std::string(1, '\0')) == malformed);
  CHECK(sized("5 5") == ambiguous);
  CHECK(sized("5\r") == ambiguous);
  CHECK(sized("5\n") == ambiguous);
  CHECK(chunks("5\nhello\r\n0\r\n\r\n") == ambiguous);
  CHECK(chunks("5\rhello\r\n0\r\n\r\n") == ambiguous);
  CHECK(chunks("4\r\nhello\r\n0\r\n\r\n") == ambiguous);
  CHECK(chunks("6\r\nhello\r\n0\r\n\r\n") == ambiguous);
  CHECK(chunks("5\r\nhello0\r\n\r\n") == ambiguous);
  CHECK(chunks("5\r\nhello\n0\r\n\r\n") == ambiguous);
  CHECK(chunks("5\r\nhello\r0\r\n\r\n") == ambiguous);
}

TEST_CASE("a trailer line is held to what a field line is") {
  const auto trailer = [](const std::string& lines) { return chunks("0\r\n" + lines + "\r\n" + victim); };
  for (const std::string lines :
       {"a:\r\n", "a:b\r\n", "A: b\r\nA: c\r\n", "a: \t b \t\r\n", "a: :\r\n", "a: \x80\xff\r\n",
        "!#$%&'*+-.^_`|~09azAZ: b\r\n", "content-lengt: 1\r\n", "content-length-: 1\r\n", "content_length: 1\r\n",
        "transfer-encoding-of-it: x\r\n", "hosts: x\r\n", "x-host: x\r\n"}) {
    CAPTURE(lines);
    CHECK(trailer(lines) == "");
  }
  for (const std::string lines : {" a: b\r\n",
                                  "\ta: b\r\n",
                                  "a: b\r\n c\r\n",
                                  "a: b\r\n\t\r\n",
                                  "a : b\r\n",
                                  "a\t: b\r\n",
                                  "a b: c\r\n",
                                  "a: b\n",
                                  "a: b\r\r\n",
                                  "a: b\rc\r\n",
                                  "a\r\n",
                                  "a\n",
                                  ": b\r\n",
                                  "\n",
                                  "\rX\r\n",
                                  "a: b\r\n\n",
                                  "hOST: b\r\n",
                                  "host:\r\n",
                                  "a: b\r\nTransfer-Encoding:x\r\n",
                                  "CONTENT-LENGTH:0\r\n"}) {
    CAPTURE(lines);
    CHECK(trailer(lines) == ambiguous);
  }
  for (const std::string lines : {"a: \x0b\r\n", "a: \x7f\r\n", "a@: b\r\n", "\x80: b\r\n", "\"a\": b\r\n", "\x0b\r\n",
                                  "a\x01: b\r\n", "a: b\x1b\r\n"}) {
    CAPTURE(lines);
    CHECK(trailer(lines) == malformed);
  }
  CHECK(trailer("a: " + std::string(1, '\0') + "\r\n") == malformed);
  CHECK(response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na : b\r\n\r\n") == bad);
  CHECK(response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n") == bad);
}

TEST_CASE("trailers neither frame nor route") {
  CHECK(chunks("0\r\nX-Checksum: 1\r\nY: \r\n\r\n" + victim) == "");
  CHECK(chunks("0\r\nContent-Length: 5\r\n\r\n" + victim) == ambiguous);
  CHECK(chunks("0\r\ntransfer-encoding: chunked\r\n\r\n" + victim) == ambiguous);
  CHECK(chunks("0\r\nX: y\r\nHost: b\r\n\r\n" + victim) == ambiguous);
  CHECK(chunks("0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + victim) == "");
  CHECK(chunks("0\r\nConnection: close\r\n\r\n" + victim) == "");
}

TEST_CASE("lines end where every parser ends them") {
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n" + victim) == "");
  CHECK(request("GET / HTTP/1.1\nHost: a\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: z\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\n" + victim) == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n\r" + victim) == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\n Host: a\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost : a\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n") != "");
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n") == malformed);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nX: y" + std::string(1, '\0') + "z\r\n\r\n") == malformed);
}

TEST_CASE("request lines are HTTP/1") {
  CHECK(request("GET / HTTP/1.0\r\n\r\n") == "");
  CHECK(request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == malformed);
  CHECK(request("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("GET / HTTP/0.9\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("GET /\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("GET / RTSP/1.0\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("SOURCE / ICE/1.0\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("GET  / HTTP/1.1\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("GET / HTTP/1.1 \r\nHost: a\r\n\r\n") != "");
  CHECK(request("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("get / HTTP/1.1\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("\x16\x03\x01\x02") == malformed);
  CHECK(request("garbage\r\n\r\n") == malformed);
}

TEST_CASE("one host, and the same everywhere") {
  CHECK(request("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n") == "");
  CHECK(request("GET http://a?q=1 HTTP/1.1\r\nHost: a\r\n\r\n") == "");
  CHECK(request("GET http://a:80? HTTP/1.1\r\nHost: a\r\n\r\n") == "");
  CHECK(request("GET http://[::1]?q HTTP/1.1\r\nHost: [::1]\r\n\r\n") == "");
  CHECK(request("GET http://a?@b HTTP/1.1\r\nHost: b\r\n\r\n") == ambiguous);
  CHECK(request("GET https://a/ HTTP/1.1\r\nHost: b\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n") == ambiguous);
  CHECK(request("GET / HTTP/1.1\r\nX: y\r\n\r\n") == malformed);
  CHECK(request("GET https://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n") == malformed);
  CHECK(request("CONNECT a:443 HTTP/1.1\r\nHost: b\r\n\r\n") == "");
  CHECK(request("CONNECT a:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello") == ambiguous);
}

TEST_CASE("responses are held to the same") {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  CHECK(response(ok + "Content-Length: 2\r\n\r\nok") == "");
  for (const std::string octets :
       {"garbage", "ICY 200 OK\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 200 OK\n\r\n",
        "HTTP/1.1 200 O\x01K\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
    CAPTURE(octets);
    CHECK(response(octets) == bad);
  }
  for (const std::string fields :
       {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2,2\r\n", "Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "X: y\r\n z\r\n", "X : y\r\n", "X: y\n"}) {
    CAPTURE(fields);
    CHECK(response(ok + fields + "\r\nok") == bad);
  }
  for (const std::string line : {"HTTP/1.1 204 No\r\n", "HTTP/1.1 100 Go\r\n", "HTTP/1.1 103 So\r\n"}) {
    CAPTURE(line);
    CHECK(response(line + "Content-Length: 2\r\n\r\nok") == bad);
    CHECK(response(line + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == bad);
  }
  CHECK(response("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n") == "");
  CHECK(response(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n") == bad);
  CHECK(response(ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\n") == bad);
  CHECK(response(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX") == bad);
}
