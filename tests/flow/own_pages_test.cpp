// http://borehole.test/ on the proxy's port: the CA for clients that have no other way to it. Answered without an
// upstream and without a record.
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

std::string get(const std::string& target, const std::string& fields = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: borehole.test\r\n" + fields + "\r\n";
}

std::string body_of(const std::string& response) { return response.substr(response.find("\r\n\r\n") + 4); }

// What the client was answered, by status line and body.
Expected page(const std::string& status_line, const std::string& body, bool closes = false) {
  Expected expected = to_client_something();
  expected.fault = [=](const std::string& octets) -> std::string {
    if (!octets.starts_with(status_line + "\r\n")) return "status line: " + octets.substr(0, octets.find('\r'));
    if ((octets.find("\r\nconnection: close\r\n") != std::string::npos) != closes) return "connection: close";
    const auto length = "\r\ncontent-length: " + std::to_string(body_of(octets).size()) + "\r\n";
    if (octets.find(length) == std::string::npos && body_of(octets) == body && !body.empty()) return "content-length";
    if (octets.find("borehole-error") != std::string::npos) return "it is no refusal";
    return body_of(octets) == body ? "" : "body: " + body_of(octets);
  };
  return expected;
}

const std::string ok = "HTTP/1.1 200 OK";

}  // namespace

TEST_CASE("The proxy's own pages are answered on a connection that goes on") {
  Dialogue d;
  d >> received(client, get("http://borehole.test/ca.pem")) << page(ok, "the root\n");
  d >> received(client, get("http://borehole.test/ca.der?x=1")) << page(ok, "DER");
  d >> received(client, "GET http://BOREHOLE.test:80/bundle.pem HTTP/1.1\r\nHost: borehole.test:80\r\n\r\n")
           << page(ok, "the bundle\n");
  d >> received(client, "HEAD http://borehole.test/ca.pem HTTP/1.1\r\nHost: borehole.test\r\n\r\n") << page(ok, "");
  d >> received(client, "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n") << lease("example.com:80");
  CHECK(d.calls() == 0);
  CHECK(d.world.leases == "example.com:80\n");
}

TEST_CASE("The first page says that the proxy works and how to trust it") {
  Dialogue d;
  for (const std::string target : {"http://borehole.test/", "http://borehole.test"}) {
    CAPTURE(target);
    d.session->received(client, get(target), d.now);
    REQUIRE(d.world.asked.size() == 1);
    const std::string said = d.world.asked.front().octets;
    d.world.asked.clear();
    CHECK(said.starts_with(ok));
    CHECK(said.find("borehole works") != std::string::npos);
    CHECK(said.find("http://borehole.test/bundle.pem") != std::string::npos);
    CHECK(said.find("SHA-256 ab12") != std::string::npos);
  }
}

TEST_CASE("Other paths are 404, other methods 405; a body that comes with them is discarded") {
  Dialogue d;
  const std::string nothing = "There are /, /ca.pem, /ca.der and /bundle.pem at http://borehole.test/.\n";
  for (const std::string path : {"/issuing.key", "/ca.pem/", "//ca.pem", "/%63a.pem", "/../ca.pem"}) {
    d >> received(client, get("http://borehole.test" + path)) << page("HTTP/1.1 404 Not Found", nothing);
  }
  const std::string only = "http://borehole.test/ answers GET and HEAD only.\n";
  d >> received(client,
                "POST http://borehole.test/ca.pem HTTP/1.1\r\nHost: borehole.test\r\nContent-Length: 4\r\n\r\nbo")
           << page("HTTP/1.1 405 Method Not Allowed", only);
  d >> received(client, "dy" + get("http://borehole.test/ca.pem")) << page(ok, "the root\n");
  d >> received(client, get("http://borehole.test/ca.pem", "Connection: close\r\n"))
           << page(ok, "the root\n", true) << finish_client();
  CHECK(d.calls() == 0);
}

TEST_CASE("A page without content is not there") {
  Dialogue d;
  d.own_pages.bundle_pem.clear();
  d >> received(client, get("http://borehole.test/bundle.pem")) << page(
           "HTTP/1.1 404 Not Found", "There are /, /ca.pem, /ca.der and /bundle.pem at http://borehole.test/.\n");
}

TEST_CASE("Another scheme, port or name is somebody else's") {
  Dialogue d;
  SECTION("https") { d >> received(client, get("https://borehole.test/ca.pem")) << lease("borehole.test:443 tls"); }
  SECTION("another port") {
    d >> received(client, "GET http://borehole.test:8080/ca.pem HTTP/1.1\r\nHost: borehole.test:8080\r\n\r\n")
             << lease("borehole.test:8080");
  }
  SECTION("a name below it") {
    d >> received(client, "GET http://a.borehole.test/ca.pem HTTP/1.1\r\nHost: a.borehole.test\r\n\r\n")
             << lease("a.borehole.test:80");
  }
  SECTION("Host and target that disagree") {
    d >> received(client, "GET http://borehole.test/ca.pem HTTP/1.1\r\nHost: example.com\r\n\r\n")
             << last_refusal(400, "ValidationException", "ambiguous_request") << finish_client();
  }
  SECTION("inside an opened TLS") {
    d.opened();
    d >> received(client, get("http://borehole.test/ca.pem"))
             << last_refusal(400, "ValidationException", "host_mismatch") << finish_client();
  }
}

TEST_CASE("The proxy's pages over TLS to the proxy are the same") {
  Dialogue d;
  d >> received(client, client_hello("")) << open_tls("itself", client_hello(""));
  d >> received(client, get("http://borehole.test/ca.pem")) << page(ok, "the root\n");
}

TEST_CASE("Who may not use the proxy gets none of its pages") {
  SECTION("for want of credentials") {
    const auto path = std::filesystem::temp_directory_path() / ("borehole-pages-users-" + std::to_string(getpid()));
    std::ofstream(path)
        << "ann:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n";
    config::Config config = gateway_config();
    config.auth.users_file = path.string();
    Dialogue d(std::move(config));
    std::filesystem::remove(path);
    d >> received(client, get("http://borehole.test/ca.pem")) << refusal(407, "", "proxy_auth_required");
    d >> received(client, get("http://borehole.test/ca.pem", "Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n"))
             << judge("Basic YW5uOnNlY3JldA==");
    d >> judged(proxy::Policy::Verdict::right) << page(ok, "the root\n");
  }
  SECTION("because of its address") {
    Dialogue d(gateway_config(), Error{ErrorCode::address_not_allowed, Fault::client, "not from there"});
    d >> received(client, get("http://borehole.test/ca.pem"))
             << refusal(403, "AccessDeniedException", "address_not_allowed");
  }
}

TEST_CASE("A session that is told to end answers a page that was begun to be asked for with 503") {
  Dialogue d;
  d >> received(client, "GET http://borehole.test/ca");
  d >> shut_down();
  d >> received(client, ".pem HTTP/1.1\r\nHost: borehole.test\r\n\r\n")
           << last_refusal(503, "ServiceUnavailableException", "shutting_down") << finish_client();
}
