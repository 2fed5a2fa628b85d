// `record.answer_header`: the one field that answers get when it is set, and nothing else of them.
#include "catch.h"
#include "dialogue.h"
#include "hello.h"

using namespace borehole;
using namespace borehole::proxy::test;

namespace {

const std::string host = bedrock_host;
const std::string origin = host + ":443 tls";
const std::string get = "GET /m HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
const std::string ok = "HTTP/1.1 200 OK\r\nx-A:  1 \r\nContent-Length: 2\r\n\r\nok";

config::Config naming() {
  config::Config config = gateway_config();
  config.record.answer_header = "Borehole-Call-Id";
  return config;
}

// Which call it is counts the CONNECT too, whose tap was let go.
std::string named(const std::string& answer, int call) {
  const auto end = answer.find("\r\n\r\n") + 2;
  return answer.substr(0, end) + "Borehole-Call-Id: CALL" + std::to_string(call) + "\r\n" + answer.substr(end);
}

std::string sent_to_client(Dialogue& d) {
  std::string octets;
  for (const auto& one : d.world.asked)
    if (one.what == "to client") octets += one.octets;
  d.world.asked.clear();
  return octets;
}

}  // namespace

TEST_CASE("An answer names its record behind its last field, however it arrives") {
  for (std::size_t cut = 0; cut <= ok.size(); ++cut) {
    CAPTURE(cut);
    Dialogue d(naming());
    d.opened();
    d.world.pooled = true;
    d >> received(client, get) << lease(origin) << to_upstream(get);
    if (cut > 0) d >> received(upstream, ok.substr(0, cut));
    std::string octets = sent_to_client(d);
    if (cut < ok.size()) d.session->received(upstream, ok.substr(cut), d.now);
    octets += sent_to_client(d);
    const int call = static_cast<int>(d.witness.seen.size());
    CHECK(octets == named(ok, call));
    REQUIRE(d.calls() == 1);
    CHECK(d.call(0).id == "CALL" + std::to_string(call));
    CHECK(d.call(0).response_heads == ok.substr(0, ok.size() - 2));  // what was recorded is what Amazon sent
    d.world.asked.clear();
  }
}

TEST_CASE("Each call is named with its own id, interim responses are not") {
  Dialogue d(naming());
  d.opened();
  d.world.pooled = true;
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  d >> received(client, get) << lease(origin) << to_upstream(get);
  const int first = static_cast<int>(d.witness.seen.size());
  d >> received(upstream, interim + ok) << to_client(interim + named(ok, first)) << give_back();
  d >> received(client, get) << lease(origin) << to_upstream(get);
  const std::string bare = "HTTP/1.1 204 No Content\r\n\r\n";  // a head without fields
  d >> received(upstream, bare) << to_client(named(bare, first + 1)) << give_back();
}

TEST_CASE("A refusal names its record too") {
  Dialogue d(naming());
  d.opened();
  d >> received(client, get) << lease(origin);
  const int call = static_cast<int>(d.witness.seen.size());
  d >> connect_fails(ErrorCode::dns_failed);
  const std::string answer = sent_to_client(d);
  CHECK(answer.starts_with("HTTP/1.1 502 "));
  CHECK(answer.find("\r\nBorehole-Call-Id: CALL" + std::to_string(call) + "\r\n") != std::string::npos);
}

TEST_CASE("Without a record there is nothing to name, and by default nothing is added") {
  const bool tapped = GENERATE(false, true);
  Dialogue d(tapped ? gateway_config() : naming(), {}, tapped);
  d.opened();
  d.world.pooled = true;
  d >> received(client, get) << lease(origin) << to_upstream(get);
  d >> received(upstream, ok) << to_client(ok) << give_back();
}
