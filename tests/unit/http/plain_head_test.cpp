#include "http/plain_head.h"

#include <string>
#include <vector>

#include "catch.h"
#include "http/head_indexer.h"
#include "http/validate_head.h"

namespace borehole::http {

namespace {

constexpr PlainHead::Limits limits{.octets = 4096, .fields = 8, .target = 64, .line = 1024};

const std::string post =
    "POST /model/a%3A0/invoke?x=1 HTTP/1.1\r\nHost: bedrock-runtime.us-east-1.amazonaws.com\r\n"
    "Content-Length:  12\r\nX-Empty: \t \r\nuser-agent: aws-sdk \xc3\xa9\r\nConnection: Keep-Alive\r\n\r\n";
const std::string answer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n";

void same_fields(const MessageHead& a, const MessageHead& b) {
  CHECK(a.raw() == b.raw());
  CHECK(a.minor_version() == b.minor_version());
  REQUIRE(a.field_count() == b.field_count());
  for (std::size_t i = 0; i < a.field_count(); ++i) {
    CHECK(a.name(i) == b.name(i));
    CHECK(a.value(i) == b.value(i));
    CHECK(a.span(i).line_begin == b.span(i).line_begin);
    CHECK(a.span(i).line_end == b.span(i).line_end);
  }
}

std::size_t request_size(const std::string& octets, PlainHead::Limits within = limits) {
  RequestHead head;
  const std::size_t size = PlainHead::read(head, octets, within);
  if (size == 0) CHECK((head.raw().empty() && head.field_count() == 0));
  return size;
}

std::size_t response_size(const std::string& octets) {
  ResponseHead head;
  return PlainHead::read(head, octets, limits);
}

std::string with(const std::string& whole, const std::string& part, const std::string& other) {
  const std::size_t at = whole.find(part);
  REQUIRE(at != std::string::npos);
  return std::string(whole).replace(at, part.size(), other);
}

}  // namespace

TEST_CASE("a plain request head is what the indexer makes of it, and sound", "[plain_head]") {
  RequestHead head;
  REQUIRE(PlainHead::read(head, post + "{\"octets\": 1}", limits) == post.size());
  const RequestHead indexed = HeadIndexer::request(post);
  CHECK(validate_request_head(indexed).has_value());
  same_fields(head, indexed);
  CHECK(head.method() == indexed.method());
  CHECK(head.target() == indexed.target());
  CHECK(head.target_begin() == indexed.target_begin());
}

TEST_CASE("a plain response head is what the indexer makes of it, and sound", "[plain_head]") {
  for (const std::string& octets : {answer, with(answer, " OK", ""), with(answer, "OK", ""),
                                    with(answer, "200 OK", "404 Not \xa7 found"), with(answer, "200", "599")}) {
    CAPTURE(octets);
    ResponseHead head;
    REQUIRE(PlainHead::read(head, octets + "{}", limits) == octets.size());
    const ResponseHead indexed = HeadIndexer::response(octets);
    CHECK(validate_response_head(indexed).has_value());
    same_fields(head, indexed);
    CHECK(head.status() == indexed.status());
  }
}

TEST_CASE("a head that has not come whole is not plain", "[plain_head]") {
  for (std::size_t size = 0; size < post.size(); ++size) CHECK(request_size(post.substr(0, size)) == 0);
  for (std::size_t size = 0; size < answer.size(); ++size) CHECK(response_size(answer.substr(0, size)) == 0);
}

TEST_CASE("an unusual request head is left to the other readers", "[plain_head]") {
  const std::vector<std::pair<std::string, std::string>> changes{
      {"POST", "CONNECT"},
      {"POST", "post"},
      {"POST", "BREW"},
      {"POST ", "POST  "},
      {" /model", " model"},
      {" /model", " http://a/model"},
      {"/model", "/mod\x7f"},
      {"/model", "/mod\xc3\xa9"},
      {"/model", "/#"},
      {"HTTP/1.1", "HTTP/1.0"},
      {"HTTP/1.1", "HTTP/1.1 "},
      {"HTTP/1.1\r\n", "HTTP/1.1\n"},
      {"Host: ", "Host : "},
      {"Host: ", ": "},
      {"Host: ", " Host: "},
      {"Host: ", "Other: "},
      {"Host: ", "Host: b\r\nHost: "},
      {"bedrock-runtime", "bedrock runtime"},
      {"X-Empty:", "X-Empty"},
      {"X-Empty:", "X-\xc3\xa9:"},
      {"X-Empty:", "X-Empty: a\rb"},
      {"X-Empty:", "X-Empty: a\nb"},
      {"X-Empty:", std::string("X-Empty: a\0b", 12)},
      {"X-Empty:", "X-Empty: \x1f"},
      {"X-Empty:", "X-Empty: long enough for a lane or more of it \x7f"},
      {"X-Empty: \t \r\n", "X-Empty:\n"},
      {"X-Empty: \t \r\n", "X-Empty:\r\n folded\r\n"},
      {"X-Empty:", "Transfer-Encoding: chunked"},
      {"X-Empty:", "Upgrade: websocket"},
      {"X-Empty:", "Proxy-Connection: keep-alive"},
      {"X-Empty:", "content-length: 12"},
      {"12", "+12"},
      {"12", "12, 12"},
      {"12", "0x12"},
      {"12", ""},
      {"12", "12\t"},
      {"Keep-Alive", "Keep-Alive\t"},
      {"12", "99999999999999999999"},
      {"Keep-Alive", "Keep-Alive, Host"},
  };
  for (const auto& [part, other] : changes) {
    CAPTURE(part, other);
    CHECK(request_size(with(post, part, other)) == 0);
  }
}

TEST_CASE("an unusual response head is left to the other readers", "[plain_head]") {
  const std::vector<std::pair<std::string, std::string>> changes{
      {"HTTP/1.1", "HTTP/1.0"},
      {"HTTP/1.1", "http/1.1"},
      {"200", "20"},
      {"200", "2000"},
      {"200", "099"},
      {"200 ", "200\t"},
      {"OK", "O\x01K"},
      {"OK\r\n", "OK\n"},
      {"OK", "O\rK"},
      {"200", "204"},
      {"200", "100"},
      {"Content-Type:", "Content-Type :"},
      {"Length: 2", "Length: "},
      {"Content-Type", "Transfer-Encoding"},
  };
  for (const auto& [part, other] : changes) {
    CAPTURE(part, other);
    CHECK(response_size(with(answer, part, other)) == 0);
  }
}

TEST_CASE("a head beyond a limit is left to the other readers", "[plain_head]") {
  const std::size_t longest = std::string_view("Hostbedrock-runtime.us-east-1.amazonaws.com").size();
  CHECK(request_size(post, {post.size(), 5, 23, 1024}) == post.size());
  CHECK(request_size(post, {post.size() - 1, 5, 24, 1024}) == 0);
  CHECK(request_size(post, {post.size(), 4, 24, 1024}) == 0);
  CHECK(request_size(post, {post.size(), 5, 22, 1024}) == 0);
  CHECK(request_size(post, {post.size(), 5, 23, longest}) == post.size());
  CHECK(request_size(post, {post.size(), 5, 23, longest - 1}) == 0);
}

}  // namespace borehole::http
