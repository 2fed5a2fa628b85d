#include "http/head_edit.h"

#include <string>

#include "catch.h"
#include "http/head_indexer.h"

using namespace borehole;
using namespace borehole::http;

namespace {

const std::string raw =
    "POST https://a.example/model/x?y HTTP/1.1\r\nHOST:\t a.example \r\nX-Odd:  keep\t \r\nProxy-Authorization: Basic "
    "eA==\r\nProxy-Connection: keep-alive\r\nx-last:\xe9\r\n\r\n";

std::string edited(const HeadEdit& edit) {
  Buffer out;
  out.append("before ");
  apply(HeadIndexer::request(raw), edit, out);
  CHECK(out.view().substr(0, 7) == "before ");
  return std::string(out.view().substr(7));
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("an empty edit copies every octet") {
  CHECK(HeadEdit{}.empty());
  CHECK(edited({}) == raw);
}

TEST_CASE("an absolute target becomes its origin and nothing else changes") {
  HeadEdit edit;
  edit.target = "/model/x?y";
  CHECK_FALSE(edit.empty());
  CHECK(edited(edit) == with(raw, "https://a.example/model", "/model"));
  edit.target = "/" + std::string(5000, 'p');
  CHECK(edited(edit) == with(raw, "https://a.example/model/x?y", "/" + std::string(5000, 'p')));
}

TEST_CASE("removed fields go with their whole line") {
  HeadEdit edit;
  edit.removed_fields = {2, 3};
  const std::string both =
      with(with(raw, "Proxy-Authorization: Basic eA==\r\n", ""), "Proxy-Connection: keep-alive\r\n", "");
  CHECK(edited(edit) == both);
  edit.removed_fields = {0};
  CHECK(edited(edit) == with(raw, "HOST:\t a.example \r\n", ""));
  edit.removed_fields = {4};
  CHECK(edited(edit) == with(raw, "x-last:\xe9\r\n", ""));
  edit.removed_fields = {0, 1, 2, 3, 4};
  CHECK(edited(edit) == "POST https://a.example/model/x?y HTTP/1.1\r\n\r\n");
}

TEST_CASE("a replaced value keeps the name and the whitespace around it") {
  HeadEdit edit;
  edit.replaced_values = {{0, "bedrock-runtime.us-east-1.amazonaws.com"}};
  CHECK(edited(edit) == with(raw, "\t a.example \r\n", "\t bedrock-runtime.us-east-1.amazonaws.com \r\n"));
  edit.replaced_values = {{4, ""}, {1, "v"}};
  CHECK(edited(edit) == with(with(raw, "  keep\t ", "  v\t "), "\xe9", ""));
}

TEST_CASE("all kinds of edit together") {
  HeadEdit edit;
  edit.target = "/";
  edit.removed_fields = {2, 3};
  edit.replaced_values = {{0, "b"}, {3, "removed anyway"}};
  CHECK(edited(edit) == "POST / HTTP/1.1\r\nHOST:\t b \r\nX-Odd:  keep\t \r\nx-last:\xe9\r\n\r\n");
}

TEST_CASE("an empty value can be replaced") {
  Buffer out;
  HeadEdit edit;
  edit.replaced_values = {{0, "x"}};
  apply(HeadIndexer::request("GET / HTTP/1.1\r\nAccept-Encoding: \r\n\r\n"), edit, out);
  CHECK(out.view() == "GET / HTTP/1.1\r\nAccept-Encoding: x\r\n\r\n");
}

TEST_CASE("a field is added behind the last one, and nothing else of the head changes") {
  const auto added = [](const std::string& head) {
    Buffer out;
    add_field(HeadIndexer::response(head), "X-Id", "7", out);
    return std::string(out.view());
  };
  CHECK(added("HTTP/1.1 200 OK\r\nA:  1 \r\n\r\n") == "HTTP/1.1 200 OK\r\nA:  1 \r\nX-Id: 7\r\n\r\n");
  CHECK(added("HTTP/1.1 204 \r\n\r\n") == "HTTP/1.1 204 \r\nX-Id: 7\r\n\r\n");
}
