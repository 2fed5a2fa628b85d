// What holds of every exchange: the octets that are forwarded are the same with and without a tap, with a pooled and a
// fresh upstream, and whatever the pieces in which they arrive.
#include <fmt/format.h>

#include "catch.h"
#include "dialogue.h"
#include "hello.h"

using namespace borehole;
using namespace borehole::proxy;
using namespace borehole::proxy::test;

namespace {

const std::string host = bedrock_host;
const std::string at_host = "\r\nHost: " + host + "\r\n";
const std::string connect_head = "CONNECT " + host + ":443 HTTP/1.1\r\n\r\n";
const std::string get = "GET /m" + std::string(" HTTP/1.1") + at_host + "\r\n";
const std::string counted = "POST /m HTTP/1.1" + at_host + "Content-Length: 5\r\n\r\n12345";
const std::string chunked =
    "POST /m HTTP/1.1" + at_host +
    "Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n";
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct Turn {
  Side side = client;
  std::string octets;
  bool ends = false;
};
using Script = std::vector<Turn>;

struct Case {
  std::string name;
  Script script;
};

Turn from_client(std::string octets) { return {client, std::move(octets)}; }
Turn from_upstream(std::string octets) { return {upstream, std::move(octets)}; }
Turn upstream_end() { return {upstream, "", true}; }
Turn client_end() { return {client, "", true}; }

Script inside(Script script) {
  script.insert(script.begin(), {from_client(connect_head), from_client(client_hello(host))});
  return script;
}

std::vector<Case> cases() {
  return {
      {"counted", inside({from_client(counted), from_upstream(ok), from_client(get), from_upstream(ok)})},
      {"chunked both ways, trailers",
       inside(
           {from_client(chunked), from_upstream("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;e\r"
                                                "\nc\r\n0\r\nX: 1\r\nY: 2\r\n\r\n")})},
      {"pipelined", inside({from_client(get + counted + chunked + get), from_upstream(ok), from_upstream(ok),
                            from_upstream(ok), from_upstream(ok), client_end()})},
      {"interim",
       inside({from_client("POST /m HTTP/1.1" + at_host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
               from_upstream("HTTP/1.1 100 Continue\r\n\r\n"), from_client("{}"),
               from_upstream("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok)})},
      {"HEAD, 204, 304", inside({from_client("HEAD /m HTTP/1.1" + at_host + "\r\n"),
                                 from_upstream("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), from_client(get),
                                 from_upstream("HTTP/1.1 204 No Content\r\n\r\n"), from_client(get),
                                 from_upstream("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"),
                                 from_client(get), from_upstream(ok)})},
      {"empty body",
       inside({from_client("POST /m HTTP/1.1" + at_host + "Content-Length: 0\r\n\r\n"),
               from_upstream("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), from_client(get), from_upstream(ok)})},
      {"ends with its connection",
       inside({from_client(get), from_upstream("HTTP/1.1 200 OK\r\n\r\nsome octets"), upstream_end()})},
      {"HTTP/1.0", inside({from_client("GET /m HTTP/1.0" + at_host + "\r\n"),
                           from_upstream("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")})},
      {"HTTP/1.0 kept alive",
       inside({from_client("GET /m HTTP/1.0" + at_host + "Connection: keep-alive\r\n\r\n"),
               from_upstream("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
               from_client(get), from_upstream(ok)})},
      {"upgrade",
       inside({from_client("GET /ws HTTP/1.1" + at_host + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
               from_upstream("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nhello"),
               from_client("to you"), from_upstream("bye"), client_end(), from_upstream("x"), upstream_end()})},
      {"early answer", inside({from_client(counted.substr(0, counted.size() - 3)), from_upstream(ok),
                               from_client(counted.substr(counted.size() - 3)), from_client(get), from_upstream(ok)})},
      {"connection: close",
       inside({from_client("GET /m HTTP/1.1" + at_host + "Connection: close\r\n\r\n"),
               from_upstream("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")})},
      {"hop-by-hop fields",
       inside(
           {from_client("GET /m HTTP/1.1" + at_host +
                        "Connection: keep-alive, X-Hop, x-kept\r\nX-Hop: 1\r\nPROXY-Connection: x\r\nAuthorization: "
                        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request, "
                        "SignedHeaders=host;x-kept, Signature=00\r\nX-Kept:  2 \r\nx-hop: 3\r\nkeep-alive: 5\r\n\r\n"),
            from_upstream(ok)})},
      {"refused and discarded",
       {from_client("POST http://example.com:22/ HTTP/1.1\r\nHost: example.com:22\r\nContent-Length: 5\r\n\r\n12345"
                    "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n"),
        from_upstream(ok)}},
      {"refused, chunked",
       {from_client("POST http://example.com:22/ HTTP/1.1\r\nHost: example.com:22\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n0\r\n\r\nGET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n"),
        from_upstream(ok)}},
      {"another Host",
       inside({from_client("POST /m HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\n12345" + get)})},
      {"malformed head", inside({from_client("GET /m HTTP/1.1" + at_host + "Host : x\r\n\r\n" + get)})},
      {"absolute",
       {from_client("POST https://" + host + "/m%2F?q HTTP/1.1" + at_host + "Content-Length: 2\r\n\r\n{}"),
        from_upstream(ok), from_client("GET http://example.com HTTP/1.1\r\nHost: example.com\r\n\r\n"),
        from_upstream(ok)}},
      {"gateway",
       {from_client("POST /service/standard/model/a%3Ab/../c HTTP/1.1\r\nHost: localhost:5380\r\n"
                    "Content-Length: 2\r\n\r\n{}"),
        from_upstream(ok), from_client("GET /elsewhere HTTP/1.1\r\nHost: localhost:5380\r\n\r\n")}},
      {"direct", {from_client(client_hello(host)), from_client(counted), from_upstream(ok)}},
      {"over TLS to the proxy",
       {from_client(client_hello("localhost")), from_client(connect_head), from_client(client_hello(host)),
        from_client(counted), from_upstream(ok)}},
      {"tunnel",
       {from_client("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"), from_client("abc"),
        from_upstream("def"), client_end(), from_upstream("ghi"), upstream_end()}},
  };
}

// How a script is played.
struct Manner {
  std::size_t turn = 0;  // the turn that is cut …
  std::size_t cut = 0;   // … at this octet; 0: nowhere
  bool octet_by_octet = false;
  bool pooled = true;
  bool tapped = true;
};

struct Played {
  std::string octets;  // everything but what the taps saw
  std::string calls;
};

Played play(const Script& script, const Manner& manner) {
  Dialogue d(gateway_config(), {}, manner.tapped);
  d.world.pooled = manner.pooled;
  std::string tls;
  const auto note = [&] {
    while (d.world.reaching || d.world.coming) {  // fresh connections come as soon as they are asked for
      (d.world.reaching ? reached() : leased()).run(d);
    }
    for (const Asked& asked : d.world.asked) {
      if (asked.what.starts_with("open tls")) tls += asked.what + " " + asked.octets;
    }
    d.world.asked.clear();
  };
  for (std::size_t i = 0; i < script.size() && !d.over(); ++i) {
    const Turn& turn = script[i];
    if (turn.ends) {
      ended(turn.side).run(d);
      note();
      continue;
    }
    Bytes left = turn.octets;
    while (!left.empty() && !d.over()) {
      std::size_t size = left.size();
      if (manner.octet_by_octet) {
        size = 1;
      } else if (manner.cut > 0 && manner.turn == i && left.size() == turn.octets.size()) {
        size = manner.cut;
      }
      const std::string piece(left.substr(0, size));  // of its own, so that a read past it is seen
      received(turn.side, piece).run(d);
      note();
      left.remove_prefix(size);
    }
  }
  const auto wait_of = [](bool over, bool clean) { return !over ? "open" : clean ? "finished" : "broken"; };
  Played played;
  played.octets = fmt::format("to client:\n{}\nto upstream:\n{}\nleases:\n{}tls: {}\n{} {}", d.world.to_client,
                              d.world.to_upstream, d.world.leases, tls, wait_of(d.over(), d.world.clean),
                              d.world.client_held || d.world.upstream_held ? "held" : "");
  played.calls = d.witness.text();
  return played;
}

}  // namespace

TEST_CASE("Forwarded octets do not depend on who looks, nor on how they arrive") {
  for (const Case& one : cases()) {
    const Played whole = play(one.script, {});
    INFO(one.name << "\n" << whole.octets);
    CHECK(!whole.calls.empty() == (one.name != "tunnel"));
    for (const bool pooled : {true, false}) {
      for (const bool tapped : {true, false}) {
        Manner manner;
        manner.pooled = pooled;
        manner.tapped = tapped;
        CHECK(play(one.script, manner).octets == whole.octets);
        manner.octet_by_octet = true;
        const Played by_octet = play(one.script, manner);
        CHECK(by_octet.octets == whole.octets);
        if (tapped) CHECK(by_octet.calls == whole.calls);
      }
    }
    for (std::size_t turn = 0; turn < one.script.size(); ++turn) {
      for (std::size_t cut = 1; cut < one.script[turn].octets.size(); ++cut) {
        Manner manner;
        manner.turn = turn;
        manner.cut = cut;
        manner.pooled = cut % 2 == 0;
        const Played split = play(one.script, manner);
        if (split.octets == whole.octets && split.calls == whole.calls) continue;
        INFO("turn " << turn << " cut at " << cut);
        CHECK(split.octets == whole.octets);
        CHECK(split.calls == whole.calls);
      }
    }
  }
}

TEST_CASE("What is forwarded is what was sent") {
  const auto sent_of = [](const Script& script) {
    std::string up;
    std::string down;
    for (std::size_t i = 2; i < script.size(); ++i) (script[i].side == client ? up : down) += script[i].octets;
    return std::pair(up, down);
  };
  for (const Case& one : cases()) {
    if (one.name.starts_with("refused") || one.name.starts_with("malformed") || one.name == "hop-by-hop fields" ||
        one.name == "another Host")
      continue;
    if (one.script[0].octets != connect_head) continue;
    const auto [up, down] = sent_of(one.script);
    const Played played = play(one.script, {});
    INFO(one.name);
    CHECK(played.octets.starts_with("to client:\n" + established + down + "\nto upstream:\n" + up + "\nleases:\n"));
  }
}

TEST_CASE("Hop-by-hop fields go, signed ones stay with a note") {
  Dialogue d;
  d.opened();
  d.world.pooled = true;
  const std::string auth =
      "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request, "
      "SignedHeaders=host;x-kept, Signature=00\r\n";
  d >> received(client, "GET /m HTTP/1.1" + at_host +
                            "Connection: X-Hop, x-kept\r\nX-Hop: 1\r\nProxy-Connection: x\r\n" + auth +
                            "X-Kept:  2 \r\nx-hop: 3\r\nConnection: Keep-Alive\r\nKeep-Alive: 5\r\n\r\n")
           << lease(host + ":443 tls")
           << to_upstream("GET /m HTTP/1.1" + at_host + "Connection: X-Hop, x-kept\r\n" + auth +
                          "X-Kept:  2 \r\nConnection: Keep-Alive\r\n\r\n");
  d >> received(upstream, ok) << to_client(ok) << give_back();
  REQUIRE(d.call(0).notes.size() == 1);
  CHECK(d.call(0).notes[0].starts_with("X-Kept is signed"));
}
