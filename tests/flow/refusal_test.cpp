// Refusals: their shape (CONTRACT section 5), and what becomes of the connection and of the request's body.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "catch.h"
#include "dialogue.h"
#include "hello.h"

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

TEST_CASE("A proxy with users asks for credentials, once outside of what it opened") {
  const auto path = std::filesystem::temp_directory_path() / ("borehole-flow-users-" + std::to_string(getpid()));
  std::ofstream(path)
      << "ann:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n";
  config::Config config = gateway_config();
  config.auth.users_file = path.string();
  Dialogue d(std::move(config));
  std::filesystem::remove(path);

  SECTION("a call without them is refused, its body discarded, the connection kept") {
    d >> received(client, "POST https://" + host + "/m HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 4\r\n\r\nbo")
             << refusal(407, "", "proxy_auth_required");
    d >> received(client,
                  "dyGET http://example.com/ HTTP/1.1\r\nHost: example.com\r\nProxy-Authorization: Basic "
                  "YW5uOnNlY3JldA==\r\n\r\n")
             << judge("Basic YW5uOnNlY3JldA==");
    d >> judged(proxy::Policy::Verdict::right) << lease("example.com:80");
    d >> leased() << to_upstream("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    CHECK(d.call(0).outcome == calls::Outcome::refused);
  }
  SECTION("a CONNECT with wrong ones is refused") {
    d >> received(client, "CONNECT " + host + ":443 HTTP/1.1\r\nProxy-Authorization: Basic YW5uOndyb25n\r\n\r\n")
             << judge("Basic YW5uOndyb25n");
    d >> judged(proxy::Policy::Verdict::wrong) << last_refusal(407, "", "proxy_auth_required") << finish_client();
  }
  SECTION("what is inside of a CONNECT that had them is not asked again") {
    d.world.pooled = true;
    d >> received(client, "CONNECT " + host + ":443 HTTP/1.1\r\nProxy-Authorization: Basic YW5uOnNlY3JldA==\r\n\r\n")
             << judge("Basic YW5uOnNlY3JldA==");
    d >> judged(proxy::Policy::Verdict::right) << reach(origin) << to_client(established);
    d >> received(client, client_hello(host)) << open_tls(host, client_hello(host)) << prepare(origin);
    d >> received(client, get) << lease(origin) << to_upstream(get);
  }
}

TEST_CASE("A client over a limit is answered, whatever it asks") {
  Dialogue d(gateway_config(), Error{ErrorCode::too_many_connections, Fault::proxy, "too many"});
  const std::string line = GENERATE(as<std::string>(), "CONNECT example.com:443 HTTP/1.1\r\n\r\n",
                                    "GET http://example.com/ HTTP/1.0\r\nHost: example.com\r\n\r\n");
  d >> received(client, line) << last_refusal(503, "ServiceUnavailableException", "too_many_connections", "too many")
                              << finish_client();
}

TEST_CASE("A malformed, ambiguous or too large head is refused and ends its connection") {
  Dialogue d;
  d.opened();
  SECTION("malformed") {
    d >> received(client, "GET /m HTTP/1.1\r\n\r\n") << last_refusal(400, "ValidationException", "malformed_request");
  }
  SECTION("ambiguous") {
    d >> received(client, "POST /m HTTP/1.1\r\nHost: " + host +
                              "\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
             << last_refusal(400, "ValidationException", "ambiguous_request");
  }
  SECTION("too large") {
    d >> received(client, "GET /m HTTP/1.1\r\nX: " + std::string(65536, 'x'))
             << last_refusal(431, "ValidationException", "head_too_large");
  }
  SECTION("CONNECT inside of what CONNECT opened") {
    d >> received(client, "CONNECT " + host + ":443 HTTP/1.1\r\n\r\n")
             << last_refusal(400, "ValidationException", "malformed_request");
  }
  d << finish_client();
  REQUIRE(d.calls() == 1);
  CHECK(d.call(0).outcome == calls::Outcome::refused);
}

TEST_CASE("A refusal of HEAD has no body, whether or not the connection stays") {
  Dialogue d;
  d >> received(client, "HEAD http://example.com:22/ HTTP/1.1\r\nHost: example.com:22\r\n\r\n")
           << to_client_something();
  CHECK(d.world.to_client.starts_with("HTTP/1.1 403 "));
  CHECK(d.world.to_client.ends_with("\r\n\r\n"));
  d.opened();
  d >> received(client, "HEAD /m HTTP/1.1\r\nHost: example.com\r\n\r\n") << to_client_something() << finish_client();
  CHECK(d.world.to_client.find("HTTP/1.1 400 ") != std::string::npos);
  CHECK(d.world.to_client.ends_with("connection: close\r\n\r\n"));
}

TEST_CASE("A refusal of a client that waits for 100 ends its connection") {
  Dialogue d;
  d >> received(client,
                "POST http://example.com:22/ HTTP/1.1\r\nHost: example.com:22\r\nExpect: 100-continue\r\n"
                "Content-Length: 4\r\n\r\n")
           << last_refusal(403, "AccessDeniedException", "port_not_allowed") << finish_client();
}
