#include "web/admin_server.h"

#include <string>
#include <vector>

#include "../net/net_fixture.h"
#include "catch.h"

using namespace borehole;
using net::test::loopback;
using net::test::TestLoop;

namespace {

const std::string pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

struct Site {
  Site() {
    web::AdminContent content;
    content.not_ready = [this] { return wrong; };
    content.ca_pem = pem;
    auto opened = web::AdminServer::open(test.loop, loopback(), "box.test", std::move(content));
    REQUIRE(opened);
    server = *std::move(opened);
  }

  // Sends `first`, and `second` a turn of the loop later; all that comes back until the connection ends.
  std::string exchange(const std::string& first, const std::string& second = {}) {
    net::Resolver resolver(
        [](const std::string&) -> Result<std::vector<net::Address>> { return std::vector<net::Address>{}; }, {});
    net::ResolverClient client(resolver, test.loop);
    net::test::Observer seen;
    std::unique_ptr<net::TcpSocket> socket;
    seen.ended = [&] { test.stop(); };
    seen.broken = [&] { test.stop(); };
    net::Timer later(test.loop, [&] {
      socket->out().append(second);
      socket->flush();
    });
    net::DialTarget target;
    target.host = "admin.test";
    target.fixed = server->address();
    net::Dial dial(test.loop, client, target, {}, [&](Result<std::unique_ptr<net::TcpSocket>> made) {
      if (!made) return test.stop();
      socket = *std::move(made);
      socket->observe(&seen);
      socket->set_reading(true);
      socket->out().append(first);
      socket->flush();
      if (!second.empty()) later.start(std::chrono::milliseconds(2));
    });
    REQUIRE(test.run());
    CHECK(seen.ends == 1);
    return seen.text;
  }

  std::string get(const std::string& target, const std::string& host = "localhost", const std::string& method = "GET") {
    return exchange(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  }

  TestLoop test;
  std::vector<std::string> wrong;
  std::unique_ptr<web::AdminServer> server;
};

std::string status_of(const std::string& response) { return response.substr(0, response.find("\r\n")); }

std::string body_of(const std::string& response) {
  const auto end = response.find("\r\n\r\n");
  return end == std::string::npos ? std::string("no end of the head") : response.substr(end + 4);
}

bool has_field(const std::string& response, const std::string& field) {
  return response.find("\r\n" + field + "\r\n") < response.find("\r\n\r\n");
}

}  // namespace

TEST_CASE("healthz, readyz and the CA are served") {
  Site site;
  const auto health = site.get("/healthz");
  CHECK(status_of(health) == "HTTP/1.1 200 OK");
  CHECK(body_of(health) == "ok\n");
  CHECK(has_field(health, "content-length: 3"));
  CHECK(has_field(health, "connection: close"));
  CHECK(has_field(health, "cache-control: no-store"));
  CHECK(has_field(health, "x-content-type-options: nosniff"));
  CHECK(status_of(site.get("/readyz")) == "HTTP/1.1 200 OK");
  const auto ca = site.get("/ca.pem?fresh=1");
  CHECK(status_of(ca) == "HTTP/1.1 200 OK");
  CHECK(has_field(ca, "content-type: application/x-pem-file"));
  CHECK(body_of(ca) == pem);
}

TEST_CASE("what is not ready is said with 503, while healthz stays well") {
  Site site;
  site.wrong = {"The store is full.", "The disk is gone."};
  const auto answer = site.get("/readyz");
  CHECK(status_of(answer) == "HTTP/1.1 503 Service Unavailable");
  CHECK(body_of(answer) == "The store is full.\nThe disk is gone.\n");
  CHECK(status_of(site.get("/healthz")) == "HTTP/1.1 200 OK");
  site.wrong.clear();
  CHECK(status_of(site.get("/readyz")) == "HTTP/1.1 200 OK");
}

TEST_CASE("HEAD gets the head of what GET gets") {
  Site site;
  for (const std::string path : {"/healthz", "/readyz", "/ca.pem", "/none"}) {
    CAPTURE(path);
    const auto whole = site.get(path);
    const auto head = site.get(path, "localhost", "HEAD");
    CHECK(head == whole.substr(0, whole.find("\r\n\r\n") + 4));
  }
}

TEST_CASE("another path is 404, another method 405") {
  Site site;
  for (const std::string path : {"/", "/healthz/", "/ca.key", "/ca/../ca.pem", "/issuing.key"}) {
    CAPTURE(path);
    CHECK(status_of(site.get(path)) == "HTTP/1.1 404 Not Found");
  }
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    CAPTURE(method);
    CHECK(status_of(site.get("/healthz", "localhost", method)) == "HTTP/1.1 405 Method Not Allowed");
  }
}

TEST_CASE("a name that was rebound to this machine is refused, whatever it asks") {
  Site site;
  for (const std::string host : {"evil.test", "evil.test:5381", "localhost.evil.test", "notlocalhost",
                                 "box.test.evil.test", "evil.test@localhost"}) {
    for (const std::string path : {"/healthz", "/ca.pem", "/none"}) {
      CAPTURE(host, path);
      const auto answer = site.get(path, host);
      CHECK(status_of(answer) != "HTTP/1.1 200 OK");
      CHECK((status_of(answer) == "HTTP/1.1 403 Forbidden" || status_of(answer) == "HTTP/1.1 400 Bad Request"));
      CHECK(answer.find("CERTIFICATE") == std::string::npos);
    }
  }
  CHECK(status_of(site.get("/ca.pem", "evil.test")) == "HTTP/1.1 403 Forbidden");
}

TEST_CASE("this machine's names, literals and the configured name are served") {
  Site site;
  for (const std::string host : {"localhost", "LocalHost:5381", "admin.localhost", "127.0.0.1:5381", "[::1]:5381",
                                 "192.0.2.7", "box.test:5381"}) {
    CAPTURE(host);
    CHECK(status_of(site.get("/healthz", host)) == "HTTP/1.1 200 OK");
  }
}

TEST_CASE("what is no request is answered with 400") {
  Site site;
  for (const std::string request :
       {"GET /healthz\r\n\r\n", "\x16\x03\x01 hello\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n"}) {
    CAPTURE(request);
    CHECK(status_of(site.exchange(request)) == "HTTP/1.1 400 Bad Request");
  }
  const auto large =
      site.exchange("GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: " + std::string(20'000, 'a') + "\r\n\r\n");
  CHECK(status_of(large) == "HTTP/1.1 400 Bad Request");
}

TEST_CASE("a request may come in pieces, and one connection carries one") {
  Site site;
  CHECK(body_of(site.exchange("GET /hea", "lthz HTTP/1.1\r\nHost: localhost\r\n\r\n")) == "ok\n");
  const std::string one = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  CHECK(body_of(site.exchange(one + one)) == "ok\n");
}
