// Refusals: their shape (CONTRACT section 5), and what becomes of the connection and of the request's body.
#include "catch.h"
#include "dialogue.h"

using namespace borehole;
using namespace borehole::proxy::test;
using namespace std::chrono_literals;

namespace {

const std::string host = bedrock_host;
const std::string origin = host + ":443 tls";
const std::string get = "GET /models HTTP/1.1\r\nHost: " + host + "\r\n\r\n";

}  // namespace

TEST_CASE("A refused request without a body leaves the connection as ready as before") {
  Dialogue d;
  d.opened();
  d >> received(client, get) << lease(origin);
  d >> connect_fails(ErrorCode::dns_failed) << refusal(502, "ServiceUnavailableException", "dns_failed");
  SECTION("to be shut down") { d >> shut_down() << finish_client(); }
  SECTION("to go idle") {
    d >> time_passes(119s);
    d >> time_passes(1s) << finish_client();
  }
  SECTION("to be used") { d >> received(client, get) << lease(origin); }
  CHECK(d.calls() == 1);
}
