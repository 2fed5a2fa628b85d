// Heads of HTTP/2 in the shape of HTTP/1.
#include "http/h2_head.h"

#include "catch.h"
#include "http/validate_head.h"

using namespace borehole;
using namespace borehole::http;

namespace {

const H2Fields request{{":method", "POST"},
                       {":scheme", "https"},
                       {":path", "/model/a%3Ab/invoke?x=%2F"},
                       {":authority", "h:1"},
                       {"b", "2"},
                       {"a", "1"},
                       {"b", "1"}};

}  // namespace

TEST_CASE("A request head keeps order, duplicates and the raw target") {
  const H2RequestHead made = as_request_head(request, "/model/a%3Ab/invoke?x=%2F");
  CHECK(made.head.raw() == "POST /model/a%3Ab/invoke?x=%2F HTTP/1.1\r\nhost: h:1\r\nb: 2\r\na: 1\r\nb: 1\r\n\r\n");
  CHECK(made.origin == std::vector<std::size_t>{3, 4, 5, 6});
  CHECK(validate_request_head(made.head));
}

TEST_CASE("Host beside :authority is the same host or a second one") {
  H2Fields both = request;
  both.push_back({"host", "h:1"});
  CHECK(validate_request_head(as_request_head(both, "/").head));
  CHECK(as_request_head(both, "/").head.count("host") == 1);
  both.back().value = "other";
  const auto refused = validate_request_head(as_request_head(both, "/").head);
  REQUIRE(!refused);
  CHECK(refused.error().code == ErrorCode::ambiguous_request);
}

TEST_CASE("Edits of a head become edits of the fields") {
  H2Fields both = request;
  both.push_back({"host", "h:1"});
  const H2RequestHead made = as_request_head(both, "/");
  CHECK(edited(both, made, {}, "") == both);
  HeadEdit edit;
  edit.target = "/invoke";
  edit.removed_fields = {1, 3};
  edit.replaced_values = {{0, "upstream"}};
  const H2Fields changed = edited(both, made, edit, "http");
  CHECK(changed == H2Fields{{":method", "POST"},
                            {":scheme", "http"},
                            {":path", "/invoke"},
                            {":authority", "upstream"},
                            {"a", "1"},
                            {"host", "upstream"}});
}

TEST_CASE("A response head has its status and fields") {
  const ResponseHead head = as_response_head({{":status", "429"}, {"retry-after", "3"}});
  CHECK(head.status() == 429);
  CHECK(head.find("retry-after") == "3");
  CHECK(validate_response_head(head));
}

TEST_CASE("A response of our own is put in fields") {
  Bytes body;
  const std::string response = "HTTP/1.1 403 Forbidden\r\nx-amzn-ErrorType: A\r\nconnection: close\r\n\r\n{}";
  CHECK(as_response_fields(response, body) == H2Fields{{":status", "403"}, {"x-amzn-errortype", "A"}});
  CHECK(body == "{}");
}
