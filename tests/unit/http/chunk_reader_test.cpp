#include "http/chunk_reader.h"

#include <string>
#include <vector>

#include "catch.h"

using namespace borehole;
using namespace borehole::http;

namespace {

std::string detail_of(Role role, Bytes body) {
  ChunkReader reader(role, ReaderLimits{});
  std::vector<Bytes> content;
  const auto progress = reader.feed(body, content);
  return progress ? "" : progress.error().detail;
}

std::string missing_behind(Bytes body) {
  ChunkReader reader(Role::request, ReaderLimits{});
  std::vector<Bytes> content;
  const auto progress = reader.feed(body, content);
  REQUIRE(progress);
  CHECK(progress->consumed == body.size());
  return reader.missing();
}

}  // namespace

TEST_CASE("a chunk's octets are viewed, one view for each chunk and feed") {
  ChunkReader reader(Role::request, ReaderLimits{});
  std::vector<Bytes> content;
  const std::string body = "3;x=\"1\"\r\na\r\n\r\n2\r\n0\r\r\n0\r\n\r\nnext";
  const auto progress = reader.feed(body, content);
  REQUIRE(progress);
  CHECK(progress->complete);
  CHECK(progress->consumed == body.size() - 4);
  REQUIRE(content.size() == 2);
  CHECK(content[0] == "a\r\n");
  CHECK(content[0].data() == body.data() + 9);
  CHECK(content[1] == "0\r");
  CHECK_FALSE(reader.trailers());
}

TEST_CASE("a body's end takes nothing more until the next body starts") {
  ChunkReader reader(Role::request, ReaderLimits{});
  std::vector<Bytes> content;
  for (int i = 0; i < 3; ++i) {
    reader.start();
    auto progress = reader.feed("1\r\nx\r\n0\r\nA: b\r\n\r\n", content);
    REQUIRE(progress);
    CHECK(progress->complete);
    CHECK(reader.trailers());
    progress = reader.feed("1\r\n", content);
    REQUIRE(progress);
    CHECK(progress->complete);
    CHECK(progress->consumed == 0);
  }
  CHECK(content.size() == 3);
  reader.start();
  REQUIRE(reader.feed("0\r\n\r\n", content));
  CHECK_FALSE(reader.trailers());
}

TEST_CASE("limits hold for each body anew") {
  ReaderLimits limits;
  limits.chunk_extension_bytes = 4;
  limits.trailer_bytes = 8;
  ChunkReader reader(Role::request, limits);
  std::vector<Bytes> content;
  for (int i = 0; i < 3; ++i) {
    reader.start();
    const auto progress = reader.feed("1;a\r\nx\r\n0;b\r\nA: b\r\n\r\n", content);
    REQUIRE(progress);
    CHECK(progress->complete);
  }
  for (const Bytes body : {"1;abcd\r\n", "1;a\r\nx\r\n1 ;a\r\n", "1    ;a\r\n", "1;a=\"b"}) {
    reader.start();
    CAPTURE(body);
    const auto progress = reader.feed(body, content);
    REQUIRE_FALSE(progress);
    CHECK(progress.error().code == ErrorCode::malformed_request);
  }
  reader.start();
  const auto progress = reader.feed("0\r\nA: bc\r\n\r\n", content);
  REQUIRE_FALSE(progress);
  CHECK(progress.error().code == ErrorCode::head_too_large);
}

TEST_CASE("an error says what stands where, and never quotes the message") {
  CHECK(detail_of(Role::request, "secret\r\n") ==
        "The request's body cannot be read: a chunk does not begin with its size in hexadecimal digits and CRLF.");
  CHECK(detail_of(Role::response, "1\r\nsecret") ==
        "The upstream's response's body cannot be read: a chunk is not ended by CRLF where its size says.");
  CHECK(detail_of(Role::request, "1;=secret") ==
        "The request's body cannot be read: behind a chunk's size stands something else than extensions of the form "
        "`;name=value`.");
  CHECK(detail_of(Role::request, "0\r\nA: b\r\nsecret\x01: x\r\n") ==
        "Line 2 of the request's trailer section has a field name with a character no name may have.");
  CHECK(detail_of(Role::request, "0\r\nA: b\rX") ==
        "Line 1 of the request's trailer section is not ended by CRLF alone (a bare LF or CR).");
  CHECK(detail_of(Role::request, "0\r\nContent-LENGTH: 1\r\n") ==
        "The request's trailer section has a content-length field.");
}

TEST_CASE("a body that was cut says what did not come") {
  CHECK(missing_behind("") == "the last chunk is missing");
  CHECK(missing_behind("5") == "the last chunk is missing");
  CHECK(missing_behind("5\r") == "the last chunk is missing");
  CHECK(missing_behind("5\r\nhe") == "3 octets of a chunk are missing");
  CHECK(missing_behind("5\r\nhello\r\n0\r") == "the last chunk is missing");
  CHECK(missing_behind("0\r\n") == "the empty line behind the last chunk is missing");
  CHECK(missing_behind("0\r\nA: b\r\n\r") == "the empty line behind the last chunk is missing");
}
