// Credentials whose check takes a while: what waits for it, and what comes of it.
#include <sys/stat.h>

#include "catch.h"
#include "h2_peers.h"
#include "unit/config/fixture.h"

using namespace borehole;
using namespace borehole::proxy;
using namespace borehole::proxy::test;
using namespace std::chrono_literals;

namespace {

using Verdict = Policy::Verdict;

const std::string host = bedrock_host;
const std::string basic = "Basic YWxpOm9wZW4gc2VzYW1l";
const std::string connect = "CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + ":443\r\n";
const std::string asking = connect + "Proxy-Authorization: " + basic + "\r\n\r\n";

config::Config with_users(const Fixture& fixture) {
  config::Config config = gateway_config();
  config.auth.users_file = fixture.write("users", "ali:$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n");
  chmod(config.auth.users_file->c_str(), 0600);
  return config;
}

http::H2Fields post_with(const std::string& credentials) {
  return {{":method", "POST"},
          {":scheme", "https"},
          {":authority", "localhost:5380"},
          {":path", "/service/standard/model/m/invoke"},
          {"proxy-authorization", credentials}};
}

}  // namespace

TEST_CASE("A password that is not known yet is asked about, and its request waits") {
  const Fixture fixture;
  Dialogue d(with_users(fixture));
  d >> received(client, asking) << judge(basic);
  SECTION("right") {
    d >> judged(Verdict::right) << reach(host + ":443 tls");
    d >> reached() << to_client(established);
    d >> ended(client) << finish_client();
  }
  SECTION("wrong") {
    d >> judged(Verdict::wrong) << last_refusal(407, "", "proxy_auth_required") << finish_client();
    CHECK(d.call(0).outcome == calls::Outcome::refused);
  }
  SECTION("too many") {
    d >> judged(Verdict::too_many_guesses) << last_refusal(407, "", "too_many_guesses") << finish_client();
  }
  SECTION("the client vanishes meanwhile, and the request is recorded all the same") {
    d >> broken(client) << finish_client();
    CHECK(d.call(0).outcome == calls::Outcome::client_aborted);
    d >> judged(Verdict::right);
  }
  SECTION("the program ends meanwhile") {
    d.session->cut(d.now);
    d << break_client();
    CHECK(d.call(0).error->code == ErrorCode::shutting_down);
  }
  SECTION("the client sends no more, and is answered") {
    d >> ended(client);
    d >> judged(Verdict::wrong) << last_refusal(407, "", "proxy_auth_required") << finish_client();
  }
  SECTION("however long it takes") {
    d >> time_passes(1h);
    d >> judged(Verdict::right) << reach(host + ":443 tls");
    d >> reached() << to_client(established);
    d >> ended(client) << finish_client();
  }
}

TEST_CASE("What is certain without a check is answered at once") {
  const Fixture fixture;
  Dialogue d(with_users(fixture));
  d >> received(client, connect + "\r\n") << last_refusal(407, "", "proxy_auth_required") << finish_client();
}

TEST_CASE("A body that comes while its password is checked waits, and is passed on whole") {
  const Fixture fixture;
  Dialogue d(with_users(fixture));
  d.world.pooled = true;
  const std::string head = "POST /service/standard/m HTTP/1.1\r\nHost: localhost:5380\r\nContent-Length: 100000\r\n";
  const std::string body(100'000, 'b');
  d >> received(client, head + "Proxy-Authorization: " + basic + "\r\n\r\n") << judge(basic);
  d >> received(client, body.substr(0, 70'000)) << hold(client);
  d >> judged(Verdict::right);
  CHECK(d.world.leases == host + ":443 tls configured\n");
  CHECK(d.world.to_upstream.ends_with("\r\n\r\n" + body.substr(0, 70'000)));
  d.world.asked.clear();
  d >> received(client, body.substr(70'000)) << to_upstream(body.substr(70'000));
  d >> ended(client);
  d >> ended(upstream);
  d.world.asked.clear();
}

TEST_CASE("Of HTTP/2 one stream waits for its password, with its body and trailers, and others do not") {
  const Fixture fixture;
  H2Peers peers(with_users(fixture));
  peers.prior_knowledge();
  const http::StreamId asked = peers.client_codec.request(post_with(basic), false);
  peers.client_codec.body(asked, "a body");
  peers.client_codec.trailers(asked, {{"x-trailer", "1"}});
  const http::StreamId plain = peers.client_codec.request(post_with("Bearer x"), true);
  peers.settle();
  CHECK(peers.asked() == "judge " + basic + "\n");
  peers.forget();
  CHECK(peers.log.text.starts_with(std::to_string(plain) + " head :status=407|"));
  SECTION("right") {
    peers.d.session->judged(peers.d.world.question, Verdict::right, peers.d.now);
    REQUIRE(peers.d.world.legs.size() == 1);
    peers.forget();
    peers.leg_opens(1);
    CHECK(peers.upstream().log.text.find("1 body a body\n1 trailers x-trailer=1") != std::string::npos);
    CHECK(peers.upstream().log.text.find("proxy-authorization") == std::string::npos);
    peers.upstream().codec.response(1, h2_ok, true);
    peers.settle();
    CHECK(peers.d.call(1).outcome == calls::Outcome::complete);
  }
  SECTION("wrong") {
    peers.d.session->judged(peers.d.world.question, Verdict::wrong, peers.d.now);
    peers.settle();
    CHECK(peers.log.text.find(std::to_string(asked) + " head :status=407|") != std::string::npos);
    CHECK(peers.d.call(1).outcome == calls::Outcome::refused);
    CHECK(peers.d.world.legs.empty());
  }
  SECTION("the client resets it meanwhile") {
    peers.client_codec.reset(asked, http::h2_error::cancel);
    peers.settle();
    CHECK(peers.d.call(1).outcome == calls::Outcome::client_aborted);
    peers.d.session->judged(peers.d.world.question, Verdict::right, peers.d.now);
    CHECK(peers.d.world.legs.empty());
  }
  SECTION("however long it takes") {
    peers.time_passes(1h);
    CHECK(peers.d.calls() == 1);
  }
}
