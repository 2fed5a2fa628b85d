#include "proxy/route.h"

#include "catch.h"
#include "http/message_reader.h"

using namespace borehole;
using namespace borehole::proxy;

namespace {

const std::string east = "bedrock-runtime.us-east-1.amazonaws.com";
const std::string west = "bedrock-runtime.us-west-2.amazonaws.com";

struct Fixture {
  config::Config config;
  Surroundings at{"192.0.2.1", 5380, false, {}};

  Fixture() {
    config.routers.push_back({"/", "", std::nullopt, {}});
    config.routers.push_back({"/service/standard/", "https", config::HostPort{east, 443}, {}});
    config.routers.push_back({"/service/standard/west/", "https", config::HostPort{west, 443}, {}});
    config.routers.push_back({"/plain/", "http", config::HostPort{"model.internal", 8000}, {}});
    config.routers.push_back({"/json/", "https", config::HostPort{east, 443}, {{"content-type", "application/json"}}});
  }

  Result<Route> route(const std::string& line, const std::string& fields) const {
    http::MessageReader reader(http::Role::request);
    const auto progress = reader.feed(line + " HTTP/1.1\r\n" + fields + "\r\n");
    REQUIRE(progress);
    REQUIRE(progress->step == http::MessageReader::Step::head);
    const auto policy = Policy::make(std::make_shared<const config::Config>(config));
    REQUIRE(policy);
    auto routed = route_request(reader.request_head(), at, **policy);
    if (routed) {
      Buffer out;
      http::apply(reader.request_head(), routed->edit, out);
      sent = out.take_string();
    }
    return routed;
  }
  Result<Route> gateway(const std::string& target, const std::string& host) const {
    return route("POST " + target, "Host: " + host + "\r\n");
  }
  ErrorCode fault(const Result<Route>& routed) const {
    REQUIRE(!routed);
    return routed.error().code;
  }
  mutable std::string sent;
};

}  // namespace

TEST_CASE("A gateway call loses its router's prefix and nothing else") {
  Fixture f;
  const auto routed = f.gateway("/service/standard//model/a%3Ab/../c%2F?x=/service/standard/", east);
  REQUIRE(routed);
  CHECK(routed->router == "/service/standard/");
  CHECK(routed->target == UpstreamTarget{east, 443, true, east, true});
  CHECK(f.sent == "POST //model/a%3Ab/../c%2F?x=/service/standard/ HTTP/1.1\r\nHost: " + east + "\r\n\r\n");
}

TEST_CASE("The longest matching prefix takes a gateway call") {
  Fixture f;
  CHECK(f.gateway("/service/standard/west/x", west)->router == "/service/standard/west/");
  CHECK(f.gateway("/service/standard/westward", east)->router == "/service/standard/");
  CHECK(f.fault(f.gateway("/service/standard", "localhost:5380")) == ErrorCode::no_route);
  CHECK(f.fault(f.gateway("/Service/standard/x", "localhost:5380")) == ErrorCode::no_route);
}

TEST_CASE("The Host of a gateway call") {
  Fixture f;
  SECTION("is passed on if it is the upstream's") {
    for (const std::string& host : {east, east + ":443", std::string("BEDROCK-runtime.us-east-1.amazonaws.com")}) {
      const auto routed = f.gateway("/service/standard/x", host);
      REQUIRE(routed);
      CHECK(routed->notes.empty());
      CHECK(f.sent == "POST /x HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
      CHECK(routed->target.configured);
    }
  }
  SECTION("chooses the upstream if it is an intercepted host") {
    const auto routed = f.gateway("/service/standard/x", west);
    REQUIRE(routed);
    CHECK(routed->target == UpstreamTarget{west, 443, true, west, false});
    CHECK(f.sent == "POST /x HTTP/1.1\r\nHost: " + west + "\r\n\r\n");
  }
  SECTION("is replaced, with a note, if it is ours") {
    for (const std::string host : {"localhost:5380", "127.0.0.1:5380", "[::1]:5380", "192.0.2.1:5380",
                                   "proxy.corp:5380", "localhost:8080", "localhost"}) {
      INFO(host);
      const auto routed = f.gateway("/service/standard/x", host);
      REQUIRE(routed);
      CHECK(f.sent == "POST /x HTTP/1.1\r\nHost: " + east + "\r\n\r\n");
      REQUIRE(routed->notes.size() == 1);
      CHECK(routed->notes[0].find(host) != std::string::npos);
    }
    REQUIRE(f.gateway("/plain/x", "localhost:5380"));
    CHECK(f.sent == "POST /x HTTP/1.1\r\nHost: model.internal:8000\r\n\r\n");
  }
  SECTION("is refused if it is another's") {
    CHECK(f.fault(f.gateway("/service/standard/x", "example.com")) == ErrorCode::host_not_allowed);
    CHECK(f.fault(f.gateway("/service/standard/x", east + ".example.com")) == ErrorCode::host_not_allowed);
  }
}

TEST_CASE("A Host of Bedrock without a router's path goes to that host") {
  Fixture f;
  const auto routed = f.gateway("/model/x/converse", east);
  REQUIRE(routed);
  CHECK(routed->target == UpstreamTarget{east, 443, true, east, false});
  CHECK(routed->router == "/");
  CHECK(f.sent == "POST /model/x/converse HTTP/1.1\r\nHost: " + east + "\r\n\r\n");
}

TEST_CASE("A router wants its headers, a media type whatever its parameters") {
  Fixture f;
  const std::string host = "Host: " + east + "\r\n";
  CHECK(f.route("POST /json/x", host + "Content-Type: application/json\r\n"));
  CHECK(f.route("POST /json/x", host + "content-type: Application/JSON ; charset=utf-8\r\n"));
  CHECK(f.fault(f.route("POST /json/x", host + "Content-Type: application/jsonx\r\n")) == ErrorCode::header_required);
  CHECK(f.fault(f.route("POST /json/x", host)) == ErrorCode::header_required);
}

TEST_CASE("A 404 lists the routers") {
  Fixture f;
  const auto routed = f.gateway("/nowhere", "localhost:5380");
  REQUIRE(!routed);
  for (const auto& router : f.config.routers) {
    CHECK(routed.error().detail.find(router.path) != std::string::npos);
  }
  CHECK(routed.error().detail.find("/nowhere") != std::string::npos);
}

TEST_CASE("Absolute form is checked for what clients may reach") {
  Fixture f;
  const auto absolute = [&](const std::string& authority, const std::string& path) {
    return f.route("GET http://" + authority + path, "Host: " + authority + "\r\n");
  };
  CHECK(absolute("example.com:8080", "/x")->target == UpstreamTarget{"example.com", 8080, false, "example.com", false});
  CHECK(f.fault(absolute("example.com:22", "/")) == ErrorCode::port_not_allowed);
  CHECK(f.fault(absolute("localhost:5380", "/nowhere")) == ErrorCode::proxy_loop);
  CHECK(f.fault(absolute("192.0.2.1:5380", "/nowhere")) == ErrorCode::proxy_loop);
  // HTTP_PROXY is set, and the program posts to the gateway.
  const auto routed = absolute("localhost:5380", "/service/standard/x");
  REQUIRE(routed);
  CHECK(routed->way_in == calls::WayIn::gateway);
  CHECK(f.sent == "GET /x HTTP/1.1\r\nHost: " + east + "\r\n\r\n");
}

TEST_CASE("CONNECT names host and port, and not ourselves") {
  Fixture f;
  const auto policy = *Policy::make(std::make_shared<const config::Config>(f.config));
  const auto connect = [&](const std::string& authority) -> Result<ConnectRoute> {
    http::MessageReader reader(http::Role::request);
    const auto progress = reader.feed("CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n");
    REQUIRE(progress);
    return route_connect(reader.request_head(), f.at, *policy);
  };
  CHECK(connect(east + ":443")->intercept);
  CHECK(!connect("example.com:443")->intercept);
  CHECK(connect("[2001:db8::1]:443")->authority.is_ip);
  CHECK(connect("example.com:25").error().code == ErrorCode::port_not_allowed);
  CHECK(connect("localhost:5380").error().code == ErrorCode::proxy_loop);
}
