#include "web/admin_server.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "../net/net_fixture.h"
#include "../store/scratch.h"
#include "catch.h"
#include "store/call_store.h"

using namespace borehole;
using net::test::loopback;
using net::test::TestLoop;

namespace {

const std::string pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

struct Site {
  explicit Site(web::AdminOptions options = {}, std::optional<std::string> store = {}) {
    web::AdminContent content;
    content.readiness = [this] { return readiness; };
    content.metrics = [] { return std::string("metrics_total 1\n"); };
    content.status = [] { return std::string("{\"name\":\"borehole\"}\n"); };
    content.ca = {pem, std::string("\x30\x00\xff", 3), {}};
    content.store = std::move(store);
    options.gate.listen_host = "box.test";
    options.passwords = &passwords;
    auto opened = web::AdminServer::open(test.loop, loopback(), std::move(options), std::move(content));
    REQUIRE(opened);
    server = *std::move(opened);
  }

  // One client: sends, and waits for what comes back.
  struct Client {
    explicit Client(Site& on) : site(on) {
      net::Resolver resolver(
          [](const std::string&) -> Result<std::vector<net::Address>> { return std::vector<net::Address>{}; }, {});
      net::ResolverClient names(resolver, site.test.loop);
      net::DialTarget target;
      target.host = "admin.test";
      target.fixed = site.server->address();
      net::Dial dial(site.test.loop, names, target, {}, [&](Result<std::unique_ptr<net::TcpSocket>> made) {
        if (made) socket = *std::move(made);
        site.test.stop();
      });
      REQUIRE(site.test.run());
      REQUIRE(socket);
      socket->observe(&seen);
      socket->set_reading(true);
    }
    void send(const std::string& text) {
      socket->out().append(text);
      socket->flush();
    }
    bool until(const std::function<bool()>& holds) {
      if (holds()) return true;
      const auto look = [&] {
        if (holds()) site.test.stop();
      };
      seen.received = [&](Bytes) { look(); };
      seen.ended = seen.broken = look;
      return site.test.run();
    }
    bool ended() const { return seen.ends + seen.breaks > 0; }
    bool until_ended() {
      return until([this] { return ended(); });
    }
    // So many answers, by their status lines.
    bool until_answers(std::size_t count) {
      return until([this, count] { return answers() >= count; });
    }
    std::size_t answers() const {
      std::size_t found = 0;
      for (auto at = seen.text.find("HTTP/1.1 "); at != std::string::npos; at = seen.text.find("HTTP/1.1 ", at + 1))
        ++found;
      return found;
    }

    Site& site;
    net::test::Observer seen;
    std::unique_ptr<net::TcpSocket> socket;
  };

  // All that comes back until the connection ends.
  std::string exchange(const std::string& request) {
    Client client(*this);
    client.send(request);
    REQUIRE(client.until_ended());
    CHECK(client.seen.ends == 1);
    return client.seen.text;
  }

  std::string get(const std::string& target, const std::string& host = "localhost", const std::string& method = "GET",
                  const std::string& fields = {}) {
    return exchange(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + fields +
                    "\r\n");
  }

  const SystemClock clock;
  config::PasswordChecks passwords{clock};
  TestLoop test;
  web::Readiness readiness;
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

std::string request(const std::string& path, const std::string& fields = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("health, readiness, metrics, status and the CA are served, with headers that keep browsers off") {
  Site site;
  const auto health = site.get("/healthz");
  CHECK(status_of(health) == "HTTP/1.1 200 OK");
  CHECK(body_of(health) == "ok\n");
  for (const std::string field :
       {"content-length: 3", "content-type: text/plain; charset=utf-8", "connection: close", "cache-control: no-store",
        "x-content-type-options: nosniff", "referrer-policy: no-referrer", "x-frame-options: DENY",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "cross-origin-resource-policy: same-origin"}) {
    CAPTURE(field);
    CHECK(has_field(health, field));
  }
  CHECK(body_of(site.get("/readyz")) == "ready\n");
  const auto ca = site.get("/ca.pem?fresh=1");
  CHECK(status_of(ca) == "HTTP/1.1 200 OK");
  CHECK(has_field(ca, "content-type: application/x-pem-file"));
  CHECK(body_of(ca) == pem);
  CHECK(body_of(site.get("/ca.der")) == std::string("\x30\x00\xff", 3));
  CHECK(status_of(site.get("/bundle.pem")) == "HTTP/1.1 404 Not Found");  // there is none here
  const auto metrics = site.get("/metrics");
  CHECK(has_field(metrics, "content-type: text/plain; version=0.0.4; charset=utf-8"));
  CHECK(body_of(metrics) == "metrics_total 1\n");
  const auto status = site.get("/api/status");
  CHECK(has_field(status, "content-type: application/json"));
  CHECK(body_of(status) == "{\"name\":\"borehole\"}\n");
  CHECK(body_of(site.get("http://localhost/healthz")) == "ok\n");  // absolute form
}

TEST_CASE("what is not ready is said with 503, a warning with 200, while healthz stays well") {
  Site site;
  site.readiness.wrong = {"The store is full.", "The disk is gone."};
  site.readiness.warnings = {"The CA expires."};
  const auto answer = site.get("/readyz");
  CHECK(status_of(answer) == "HTTP/1.1 503 Service Unavailable");
  CHECK(body_of(answer) == "The store is full.\nThe disk is gone.\nwarning: The CA expires.\n");
  CHECK(status_of(site.get("/healthz")) == "HTTP/1.1 200 OK");
  site.readiness.wrong.clear();
  CHECK(status_of(site.get("/readyz")) == "HTTP/1.1 200 OK");
  CHECK(body_of(site.get("/readyz")) == "ready\nwarning: The CA expires.\n");
}

TEST_CASE("HEAD gets the head of what GET gets") {
  Site site;
  for (const std::string path : {"/healthz", "/readyz", "/ca.pem", "/metrics", "/api/calls", "/none"}) {
    CAPTURE(path);
    const auto whole = site.get(path);
    const auto head = site.get(path, "localhost", "HEAD");
    CHECK(head == whole.substr(0, whole.find("\r\n\r\n") + 4));
  }
}

TEST_CASE("another path is 404, another method 405, a body is refused") {
  Site site;
  for (const std::string path : {"/", "/healthz/", "/ca.key", "/ca/../ca.pem", "/issuing.key", "/api", "/api/callsx"}) {
    CAPTURE(path);
    CHECK(status_of(site.get(path)) == "HTTP/1.1 404 Not Found");
  }
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    CAPTURE(method);
    const auto answer = site.exchange(method + " /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(status_of(answer) == "HTTP/1.1 405 Method Not Allowed");
    CHECK(has_field(answer, "allow: GET, HEAD"));
    CHECK(has_field(answer, "connection: close"));
  }
  CHECK(status_of(site.exchange("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n")) ==
        "HTTP/1.1 405 Method Not Allowed");
  for (const std::string fields : {"Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n"}) {
    CAPTURE(fields);
    const auto answer = site.exchange(request("/healthz", fields) + "GET");
    CHECK(status_of(answer) == "HTTP/1.1 413 Content Too Large");
    CHECK(has_field(answer, "connection: close"));
  }
  CHECK(body_of(site.get("/healthz", "localhost", "GET", "Content-Length: 0\r\n")) == "ok\n");
}

TEST_CASE("a name that was rebound to this machine is refused, whatever it asks") {
  Site site;
  for (const std::string host : {"evil.test", "evil.test:5381", "localhost.evil.test", "notlocalhost",
                                 "box.test.evil.test", "evil.test@localhost"}) {
    for (const std::string path : {"/healthz", "/ca.pem", "/api/calls", "/metrics", "/none"}) {
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

TEST_CASE("a page of another origin is refused, this port's own is served") {
  Site site;
  const auto with_origin = [&](const std::string& host, const std::string& fields) {
    return status_of(site.get("/api/status", host, "GET", fields));
  };
  for (const std::string origin : {"http://evil.test", "null", "https://localhost:5381", "http://localhost",
                                   "http://localhost:5382", "http://127.0.0.1:5381", "http://localhost:5381.evil.test",
                                   "http://localhost:5381@evil.test", "", "http://localhost:5381/"}) {
    CAPTURE(origin);
    CHECK(with_origin("localhost:5381", "Origin: " + origin + "\r\n") == "HTTP/1.1 403 Forbidden");
  }
  CHECK(with_origin("localhost:5381", "Origin: http://localhost:5381\r\nOrigin: http://evil.test\r\n") ==
        "HTTP/1.1 403 Forbidden");
  CHECK(with_origin("localhost:5381", "Origin: http://localhost:5381\r\n") == "HTTP/1.1 200 OK");
  CHECK(with_origin("localhost", "Origin: http://LOCALHOST:80\r\n") == "HTTP/1.1 200 OK");
  CHECK(with_origin("[::1]:5381", "Origin: http://[::1]:5381\r\n") == "HTTP/1.1 200 OK");
}

TEST_CASE("what is no request is answered with 400, one that is too large with 431") {
  Site site;
  for (const std::string text :
       {"GET /healthz\r\n\r\n", "\x16\x03\x01 hello\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n"}) {
    CAPTURE(text);
    CHECK(status_of(site.exchange(text)) == "HTTP/1.1 400 Bad Request");
  }
  CHECK(status_of(site.exchange(request("/healthz", "x: " + std::string(20'000, 'a') + "\r\n"))) ==
        "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST_CASE("a connection carries requests one after another, in pieces or pipelined, whole at every split") {
  Site site;
  Site::Client client(site);
  const std::string two = request("/healthz") + "HEAD /ca.pem HTTP/1.1\r\nHost: localhost\r\n\r\n" + request("/readyz");
  client.send(two);
  REQUIRE(client.until_answers(3));
  const std::string all = client.seen.text;
  CHECK(all.find("connection: close") == std::string::npos);
  CHECK(all.find("ok\nHTTP/1.1 200 OK") != std::string::npos);
  CHECK(all.ends_with("\r\n\r\nready\n"));
  CHECK_FALSE(client.ended());
  for (std::size_t cut = 1; cut < two.size(); cut += 7) {
    CAPTURE(cut);
    client.seen.text.clear();
    client.send(two.substr(0, cut));
    net::Timer later(site.test.loop, [&] { client.send(two.substr(cut)); });
    later.start(std::chrono::milliseconds(1));
    REQUIRE(client.until([&] { return client.seen.text.size() >= all.size(); }));
    CHECK(client.seen.text == all);
  }
  client.send(request("/healthz", "Connection: close\r\n") + request("/readyz"));
  client.seen.text.clear();
  REQUIRE(client.until_ended());
  CHECK(body_of(client.seen.text) == "ok\n");
}

TEST_CASE("HTTP/1.0 gets one answer, and what asks and half-closes gets it whole") {
  Site site;
  CHECK(body_of(site.exchange("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")) == "ok\n");
  Site::Client client(site);
  client.send(request("/ca.pem"));
  client.socket->shut_down();
  REQUIRE(client.until_ended());
  CHECK(client.seen.ends == 1);
  CHECK(body_of(client.seen.text) == pem);
}

TEST_CASE("an idle connection ends quietly, a request that does not come whole with 408") {
  web::AdminOptions options;
  options.patience.idle = options.patience.head = std::chrono::milliseconds(20);
  Site site(std::move(options));
  Site::Client idle(site);
  REQUIRE(idle.until_ended());
  CHECK(idle.seen.text.empty());
  Site::Client slow(site);
  slow.send("GET /healthz HTTP/1.1\r\n");
  REQUIRE(slow.until_ended());
  CHECK(status_of(slow.seen.text) == "HTTP/1.1 408 Request Timeout");
}

TEST_CASE("beyond its connections the longest idle one makes room; where all are busy the new one is told") {
  web::AdminOptions options;
  options.connections = 2;
  Site site(std::move(options));
  Site::Client first(site);
  first.send(request("/healthz"));
  REQUIRE(first.until_answers(1));
  Site::Client second(site);
  second.send(request("/healthz"));
  REQUIRE(second.until_answers(1));
  Site::Client third(site);
  third.send("GET /healthz HTTP/1.1\r\n");
  REQUIRE(first.until_ended());
  CHECK_FALSE(second.ended());
  second.send("GET /healthz HTTP/1.1\r\n");
  third.send("Host: localhost\r\n");
  // Both have begun a request by the time that a fourth comes, or else an answer would come after all.
  net::Timer settle(site.test.loop, [&] { site.test.stop(); });
  settle.start(std::chrono::milliseconds(20));
  REQUIRE(site.test.run());
  Site::Client fourth(site);
  REQUIRE(fourth.until_ended());
  CHECK(status_of(fourth.seen.text) == "HTTP/1.1 503 Service Unavailable");
}

TEST_CASE("calls are answered out of the store, also when many ask at once and some leave") {
  store::Scratch scratch;
  const std::string path = scratch.path("calls.db");
  auto writer = store::CallStoreWriter::open(path);
  REQUIRE(writer);
  REQUIRE(
      (*writer)->write({store::record("01ARZ3NDEKTSV4RRFFQ69G5FA0"), store::record("01ARZ3NDEKTSV4RRFFQ69G5FA1", 1)}));
  Site site({}, path);
  const auto list = site.get("/api/calls?limit=1");
  CHECK(has_field(list, "content-type: application/json"));
  CHECK(body_of(list).starts_with("{\"calls\":[{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FA1\","));
  CHECK(body_of(list).ends_with("],\"next\":\"01ARZ3NDEKTSV4RRFFQ69G5FA1\"}\n"));
  CHECK(
      body_of(site.get("/api/calls/01ARZ3NDEKTSV4RRFFQ69G5FA0")).starts_with("{\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FA0\""));
  CHECK(status_of(site.get("/api/calls/01ARZ3")) == "HTTP/1.1 404 Not Found");  // more than one
  CHECK(status_of(site.get("/api/calls/")) == "HTTP/1.1 400 Bad Request");
  CHECK(status_of(site.get("/api/calls/01?x=1")) == "HTTP/1.1 400 Bad Request");
  CHECK(status_of(site.get("/api/calls?x=1")) == "HTTP/1.1 400 Bad Request");
  CHECK(status_of(site.get("/api/calls?limit=%zz")) == "HTTP/1.1 400 Bad Request");

  Site::Client pipelined(site);
  std::string many;
  for (int i = 0; i < 30; ++i) many += request(i % 2 == 0 ? "/api/calls?limit=1" : "/healthz");
  pipelined.send(many);
  {
    Site::Client leaving(site);
    leaving.send(request("/api/calls"));
  }
  REQUIRE(pipelined.until_answers(30));
  std::string expected;
  for (int i = 0; i < 15; ++i) {
    const auto at = pipelined.seen.text.find("{\"calls\"");
    REQUIRE(at != std::string::npos);
    const auto ok = pipelined.seen.text.find("\r\n\r\nok\n");
    CHECK(at < ok);  // in the order of the requests
    pipelined.seen.text.erase(0, ok + 7);
  }
}

TEST_CASE("too many queries at once are told to come again; without a store there are no calls") {
  CHECK(status_of(Site().get("/api/calls")) == "HTTP/1.1 404 Not Found");
  web::AdminOptions options;
  options.queries_waiting = 0;
  Site site(std::move(options), "/nonexistent/calls.db");
  const auto answer = site.get("/api/calls");
  CHECK(status_of(answer) == "HTTP/1.1 503 Service Unavailable");
  CHECK(body_of(answer) == "{\"message\":\"Too many queries are waiting; try again in a moment.\"}\n");
}

namespace {

// ann, whose password is "secret".
web::AdminOptions with_users(const store::Scratch& scratch) {
  std::ofstream(scratch.path("users"))
      << "ann:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n";
  std::filesystem::permissions(scratch.path("users"), std::filesystem::perms::owner_read);
  auto users = config::UsersFile::load(scratch.path("users"));
  REQUIRE(users);
  web::AdminOptions options;
  options.gate.users = *users;
  options.gate.users_only = true;
  return options;
}

}  // namespace

TEST_CASE("wrong passwords at the admin port are slowed down, and who is known stays welcome") {
  store::Scratch scratch;
  Site site(with_users(scratch));
  const auto ask = [&](const std::string& credentials) {
    return status_of(site.get("/metrics", "localhost", "GET", "Authorization: Basic " + credentials + "\r\n"));
  };
  CHECK(ask("YW5uOnNlY3JldA==") == "HTTP/1.1 200 OK");
  std::vector<std::string> answers;
  for (const char c : std::string("ABCDEFGHIJKLMN")) answers.push_back(ask(std::string("YW5u") + "Onh" + c));  // ann:x…
  for (std::size_t i = 0; i < 10; ++i) CHECK(answers[i] == "HTTP/1.1 401 Unauthorized");
  CHECK(std::count(answers.begin() + 10, answers.end(), "HTTP/1.1 429 Too Many Requests") >= 2);
  CHECK(ask("YW5uOnNlY3JldA==") == "HTTP/1.1 200 OK");
}

TEST_CASE("a client that goes while its password is checked is let go, and other users may be put in force") {
  store::Scratch scratch;
  Site site(with_users(scratch));
  {
    Site::Client client(site);
    client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n\r\n");
    client.socket.reset();
  }
  const std::string right = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
  CHECK(status_of(site.get("/metrics", "localhost", "GET", right)) == "HTTP/1.1 200 OK");
  std::ofstream(scratch.path("others"))
      << "bob:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n";
  site.server->replace(config::UsersFile::load(scratch.path("others")).value(), {"another root\n", {}, {}});
  CHECK(status_of(site.get("/metrics", "localhost", "GET", right)) == "HTTP/1.1 401 Unauthorized");
  CHECK(body_of(site.get("/ca.pem")) == "another root\n");
  CHECK(status_of(site.get("/ca.der")) == "HTTP/1.1 404 Not Found");
}

TEST_CASE("a port that other machines reach wants credentials for what tells of calls") {
  store::Scratch scratch;
  Site site(with_users(scratch));
  site.readiness.wrong = {"The store is full."};
  const std::string right = "Authorization: Basic YW5uOnNlY3JldA==\r\n";
  for (const std::string path : {"/metrics", "/api/calls", "/api/status", "/api/calls/01", "/none"}) {
    CAPTURE(path);
    const auto answer = site.get(path);
    CHECK(status_of(answer) == "HTTP/1.1 401 Unauthorized");
    CHECK(has_field(answer, "www-authenticate: Basic realm=\"borehole\", charset=\"UTF-8\""));
    CHECK(status_of(site.get(path, "localhost", "GET", "Authorization: Basic YW5uOndyb25n\r\n")) ==
          "HTTP/1.1 401 Unauthorized");
  }
  CHECK(status_of(site.get("/metrics", "localhost", "GET", right)) == "HTTP/1.1 200 OK");
  CHECK(body_of(site.get("/healthz")) == "ok\n");
  CHECK(body_of(site.get("/ca.pem")) == pem);
  CHECK(body_of(site.get("/readyz")) == "not ready\n");  // why is for those who may know
  CHECK(body_of(site.get("/readyz", "localhost", "GET", right)) == "The store is full.\n");
}
