// Back-pressure: a slow reader holds back its writer, and every hold is let go again.
#include "catch.h"
#include "dialogue.h"

using namespace borehole;
using namespace borehole::proxy::test;
using namespace std::chrono_literals;

namespace {

const std::string host = bedrock_host;
const std::string origin = host + ":443 tls";
const std::string get = "GET /models HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
const std::string post = "POST /m HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 4\r\n\r\n";
const std::string ok_head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";

}  // namespace

TEST_CASE("A slow client holds the upstream until it has read") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, get) << lease(origin) << to_upstream(get);
  d >> received(upstream, ok_head) << to_client(ok_head);
  d >> congested(client) << hold(upstream);
  SECTION("and is resumed") {
    d >> drained(client) << resume(upstream);
    d >> received(upstream, "ok") << to_client("ok") << give_back();
  }
  SECTION("and is given back resumed") {
    d >> received(upstream, "ok") << to_client("ok") << resume(upstream) << give_back() << hold(client);
    d >> drained(client) << resume(client);
  }
  CHECK(!d.world.client_held);
}

TEST_CASE("A slow upstream holds the client until it has read") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, post + "b") << lease(origin) << to_upstream(post + "b");
  d >> congested(upstream) << hold(client);
  SECTION("and is resumed") {
    d >> drained(upstream) << resume(client);
    d >> received(client, "ody") << to_upstream("ody");
    d >> received(upstream, ok_head + "ok") << to_client(ok_head + "ok") << give_back();
  }
  SECTION("and is let go with the upstream") {
    d >> broken(upstream) << drop_upstream() << refusal(502, "ServiceUnavailableException", "upstream_closed")
                          << resume(client);
    d >> received(client, "ody" + get) << lease(origin) << to_upstream(get);
  }
  CHECK(!d.world.client_held);
}

TEST_CASE("An upstream that answers before it has taken the whole request is not used again") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  d >> received(client, post + "b") << lease(origin) << to_upstream(post + "b");
  d >> received(client, "ody") << to_upstream("ody");
  d >> congested(upstream);
  d >> received(upstream, ok_head + "ok") << to_client(ok_head + "ok") << drop_upstream();
  CHECK(!d.world.client_held);
}

TEST_CASE("What was congested once does not hold a tunnel") {
  Dialogue d;
  d.world.pooled = true;
  const std::string head = "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\n\r\n";
  d >> received(client, "POST http://example.com/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\n\r\n")
           << lease("example.com:80") << to_upstream(head);
  d >> congested(upstream) << hold(client);
  d >> broken(upstream) << drop_upstream() << refusal(502, "ServiceUnavailableException", "upstream_closed")
                        << resume(client);
  d >> received(client, "xCONNECT example.com:443 HTTP/1.1\r\n\r\n")
           << tunnel("example.com:443") << to_client(established);
  d >> congested(upstream) << hold(client);
  d >> drained(upstream) << resume(client);
  d >> congested(client) << hold(upstream);
  d >> drained(client) << resume(upstream);
}

TEST_CASE("What a client sends ahead is held beyond a limit, and taken in the end") {
  Dialogue d;
  d.opened();
  d >> received(client, "POST /m HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 70000\r\n\r\n") << lease(origin);
  const std::string head = "POST /m HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 70000\r\n\r\n";
  d >> received(client, std::string(60000, 'a'));
  d >> received(client, std::string(10000, 'b')) << hold(client);
  d >> leased() << to_upstream(head + std::string(60000, 'a') + std::string(10000, 'b')) << resume(client);
}
