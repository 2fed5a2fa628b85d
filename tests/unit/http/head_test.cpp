#include "http/head.h"

#include "catch.h"
#include "http/head_indexer.h"

using namespace borehole::http;

TEST_CASE("field names compare without case, ASCII only") {
  CHECK(same_name("Host", "hOST"));
  CHECK_FALSE(same_name("Host", "Hos"));
  CHECK_FALSE(same_name("a@", "a`"));
  CHECK_FALSE(same_name("\xc4", "\xe4"));
}

TEST_CASE("a token is found in a list, with any whitespace and case, and nothing but whole tokens") {
  CHECK(list_has_token("close", "close"));
  CHECK(list_has_token("TE , \tClose", "close"));
  CHECK(list_has_token(",,close,", "close"));
  CHECK_FALSE(list_has_token("closed", "close"));
  CHECK_FALSE(list_has_token("not close", "close"));
  CHECK_FALSE(list_has_token("", "close"));
}

TEST_CASE("fields are found over several lines of a name") {
  const RequestHead head =
      HeadIndexer::request("GET / HTTP/1.0\r\nConnection: TE\r\nA: 1\r\nconnection:close\r\na: 2\r\n\r\n");
  CHECK(head.minor_version() == 0);
  CHECK(head.count("CONNECTION") == 2);
  CHECK(head.find("A") == borehole::Bytes("1"));
  CHECK(head.has_token("Connection", "te"));
  CHECK(head.has_token("Connection", "close"));
  CHECK_FALSE(head.has_token("A", "close"));
  CHECK(head.count("B") == 0);
}

TEST_CASE("spans cover the lines without a gap") {
  const RequestHead head = HeadIndexer::request("GET /x HTTP/1.1\r\nA:b\r\nLong-Name: \t c d \t\r\nE:\r\n\r\n");
  REQUIRE(head.field_count() == 3);
  std::size_t at = 17;
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(head.span(i).line_begin == at);
    at = head.span(i).line_end;
  }
  CHECK(at + 2 == head.raw().size());
  CHECK(head.value(1) == "c d");
  CHECK(head.target_begin() == 4);
}

TEST_CASE("an index of octets that are no head stays inside them") {
  for (const std::string raw : {"", "\n", "\r\n", "G", "GET", "GET ", " ", "GET / HTTP/1.1", "GET /\r\nx",
                                "GET /\r\n:", "A\r\n:\r\n", "A\r\n \t\r\n\r\n"}) {
    CAPTURE(raw);
    const RequestHead request = HeadIndexer::request(raw);
    const ResponseHead response = HeadIndexer::response(raw);
    CHECK(request.method().size() + request.target().size() <= raw.size());
    for (std::size_t i = 0; i < request.field_count(); ++i) {
      CHECK(request.name(i).size() + request.value(i).size() <= raw.size());
      CHECK(response.name(i) == request.name(i));
    }
  }
}

TEST_CASE("a status is read from the status line") {
  CHECK(HeadIndexer::response("HTTP/1.1 404 Not Found\r\n\r\n").status() == 404);
  CHECK(HeadIndexer::response("HTTP/1.0 200\r\n\r\n").status() == 200);
  CHECK(HeadIndexer::response("HTTP/1.0 200\r\n\r\n").minor_version() == 0);
  CHECK(HeadIndexer::response("HTTP/1.1 103 Early Hints\r\n\r\n").informational());
  CHECK_FALSE(HeadIndexer::response("HTTP/1.1 200 OK\r\n\r\n").informational());
}
