// Exchanges: framing, keep-alive, pipelining, interim responses, upgrades.
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
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TEST_CASE("Pipelined requests are answered one after another, also behind the client's end") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  const bool ends = GENERATE(false, true);
  d >> received(client, get + post + "body" + get) << lease(origin) << to_upstream(get);
  if (ends) d >> ended(client);
  d >> received(upstream, ok) << to_client(ok) << give_back() << lease(origin) << to_upstream(post + "body");
  d >> received(upstream, ok) << to_client(ok) << give_back() << lease(origin) << to_upstream(get);
  d >> received(upstream, ok) << to_client(ok) << give_back();
  if (ends) d << finish_client();
  CHECK(d.calls() == 3);
}
