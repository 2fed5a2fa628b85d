#include "proxy/refusal.h"

#include "catch.h"

using namespace borehole;
using namespace borehole::proxy;

TEST_CASE("A refusal is shaped as an AWS error") {
  const Error error{ErrorCode::no_route, Fault::client, "no \"router\"\n…"};
  const std::string body = "{\"message\": \"no \\\"router\\\"\\n…\"}";
  const std::string head =
      "HTTP/1.1 404 Not Found\r\nx-amzn-ErrorType: ResourceNotFoundException\r\nborehole-error: no_route\r\n"
      "content-type: application/json\r\ncontent-length: " +
      std::to_string(body.size()) + "\r\n";
  CHECK(refusal_response(error, false, false) == head + "\r\n" + body);
  CHECK(refusal_response(error, true, false) == head + "connection: close\r\n\r\n" + body);
  CHECK(refusal_response(error, false, true) == head + "\r\n");
}

TEST_CASE("A refusal for want of credentials asks for them and has no type") {
  const std::string text = refusal_response({ErrorCode::proxy_auth_required, Fault::client, "who?"}, true, false);
  CHECK(text.starts_with("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"borehole\""));
  CHECK(text.find("ErrorType") == std::string::npos);
}

TEST_CASE("What came from the wire cannot end the JSON of a refusal") {
  const std::string text = refusal_response({ErrorCode::host_mismatch, Fault::client, "\xff\\\"\r\n\x01"}, true, false);
  const std::string body = text.substr(text.find("\r\n\r\n") + 4);
  CHECK(body == "{\"message\": \"\xef\xbf\xbd\\\\\\\"\\r\\n\\u0001\"}");
}

TEST_CASE("Each refusal has the status and type of its kind") {
  const auto shape = [](ErrorCode code) {
    const RefusalShape s = refusal_shape(code);
    return std::to_string(s.status) + " " + std::string(s.type);
  };
  CHECK(shape(ErrorCode::malformed_request) == "400 ValidationException");
  CHECK(shape(ErrorCode::ambiguous_request) == "400 ValidationException");
  CHECK(shape(ErrorCode::host_mismatch) == "400 ValidationException");
  CHECK(shape(ErrorCode::host_not_allowed) == "403 AccessDeniedException");
  CHECK(shape(ErrorCode::port_not_allowed) == "403 AccessDeniedException");
  CHECK(shape(ErrorCode::address_not_allowed) == "403 AccessDeniedException");
  CHECK(shape(ErrorCode::proxy_auth_required) == "407 ");
  CHECK(shape(ErrorCode::no_route) == "404 ResourceNotFoundException");
  CHECK(shape(ErrorCode::head_too_large) == "431 ValidationException");
  CHECK(shape(ErrorCode::dns_failed) == "502 ServiceUnavailableException");
  CHECK(shape(ErrorCode::certificate_rejected) == "502 ServiceUnavailableException");
  CHECK(shape(ErrorCode::upstream_closed) == "502 ServiceUnavailableException");
  CHECK(shape(ErrorCode::connect_timeout) == "504 ModelTimeoutException");
  CHECK(shape(ErrorCode::response_timeout) == "504 ModelTimeoutException");
  CHECK(shape(ErrorCode::shutting_down) == "503 ServiceUnavailableException");
  CHECK(shape(ErrorCode::too_many_connections) == "503 ServiceUnavailableException");
  CHECK(shape(ErrorCode::store_failed) == "503 ServiceUnavailableException");
}
