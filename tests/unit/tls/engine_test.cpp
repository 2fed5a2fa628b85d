#include "tls/engine.h"

#include <string>

#include "catch.h"
#include "tls_fixture.h"

using namespace borehole;
using fixture::Authority;
using fixture::FixedLeaf;
using fixture::Link;

namespace {

const std::string host = "bedrock-runtime.us-east-1.amazonaws.com";

struct Ends {
  Authority authority;
  tls::ServerContext server{*authority.leaves};
  tls::ClientContext client{authority.trust()};

  Link link(tls::ClientContext::Options ask, tls::ServerContext::Options give) {
    Link made;
    made.client = client.connect(std::move(ask));
    made.server = server.accept(std::move(give));
    made.start();
    return made;
  }
  Link link() { return link({host}, {host}); }
};

// Makes a connection whose client gets a ticket; whether an earlier session was resumed for it.
bool resumed(tls::ClientContext& client, tls::ClientContext::Options ask, tls::ServerContext& server,
             const std::string& leaf) {
  Link link;
  link.client = client.connect(std::move(ask));
  link.server = server.accept({leaf});
  link.start();
  link.pump();
  for (const auto& error : link.client_errors) UNSCOPED_INFO(error.detail);
  for (const auto& error : link.server_errors) UNSCOPED_INFO(error.detail);
  REQUIRE(link.established());
  CHECK(link.client->handshake().resumed == link.server->handshake().resumed);
  REQUIRE(link.server->write("the ticket goes with the first octets", link.to_client));
  link.pump();
  return link.client->handshake().resumed;
}

std::string some_text(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

void hand_over(Link& link, Buffer& wire, tls::Engine& to, Buffer& plaintext, Buffer& answer, std::size_t at) {
  const std::string all = wire.take_string();
  for (const Bytes piece : {Bytes(all).substr(0, at), Bytes(all).substr(at)}) {
    const auto progress = to.feed(piece, plaintext, answer);
    REQUIRE(progress.has_value());
    (&to == link.client.get() ? link.client_done : link.server_done) += progress->handshake_done ? 1 : 0;
  }
}

}  // namespace

TEST_CASE("a handshake over memory agrees on TLS 1.3, and both sides report it once") {
  Ends ends;
  Link link = ends.link();
  link.pump();
  REQUIRE(link.established());
  CHECK(link.client_done == 1);
  CHECK(link.server_done == 1);
  for (const auto* engine : {link.client.get(), link.server.get()}) {
    CHECK(engine->handshake().version == "TLSv1.3");
    CHECK(engine->handshake().cipher.substr(0, 4) == "TLS_");
    CHECK(engine->handshake().alpn == "http/1.1");
    CHECK_FALSE(engine->handshake().resumed);
  }
}

TEST_CASE("a handshake and data arrive byte by byte") {
  Ends ends;
  Link link = ends.link();
  link.pump(1);
  REQUIRE(link.established());
  REQUIRE(link.client->write("question", link.to_server));
  REQUIRE(link.server->write("answer", link.to_client));
  link.pump(1);
  CHECK(link.at_server.view() == "question");
  CHECK(link.at_client.view() == "answer");
}

TEST_CASE("a handshake survives every split of every flight") {
  Ends ends;
  const auto flights = [&](std::size_t first, std::size_t second, std::size_t third) {
    Link link = ends.link();
    const std::size_t hello = link.to_server.size();
    hand_over(link, link.to_server, *link.server, link.at_server, link.to_client, std::min(first, hello));
    const std::size_t answer = link.to_client.size();
    hand_over(link, link.to_client, *link.client, link.at_client, link.to_server, std::min(second, answer));
    REQUIRE(link.client->write("early question", link.to_server));
    const std::size_t finished = link.to_server.size();
    hand_over(link, link.to_server, *link.server, link.at_server, link.to_client, std::min(third, finished));
    link.pump();
    REQUIRE(link.established());
    CHECK(link.client_done == 1);
    CHECK(link.server_done == 1);
    REQUIRE(link.at_server.view() == "early question");
    return std::max({hello, answer, finished});
  };
  const std::size_t longest = flights(0, 0, 0);
  for (std::size_t at = 1; at <= longest; at += 3) flights(at, at, at);
}

TEST_CASE("large transfers arrive whole, in records no longer than 16 KiB, both ways at once") {
  Ends ends;
  Link link = ends.link();
  link.pump();
  const std::string up = some_text(3'000'001);
  const std::string down = some_text(1'234'567);
  REQUIRE(link.client->write(up, link.to_server));
  REQUIRE(link.server->write(down, link.to_client));
  const std::string wire(link.to_server.view());
  std::size_t records = 0;
  for (std::size_t at = 0; at < wire.size(); ++records) {
    const auto size = static_cast<std::size_t>(static_cast<unsigned char>(wire[at + 3])) << 8U |
                      static_cast<unsigned char>(wire[at + 4]);
    CHECK(size <= 16384 + 256);
    at += 5 + size;
  }
  CHECK(records >= up.size() / 16384);
  const std::size_t step = GENERATE(1u << 20u, 1000u, 16389u);
  link.pump(step);
  CHECK(link.at_server.view() == up);
  CHECK(link.at_client.view() == down);
}

TEST_CASE("one feed may hold the end of the handshake, many records and the close") {
  Ends ends;
  Link link = ends.link();
  Buffer none;
  REQUIRE(link.server->feed(link.to_server.take_string(), none, link.to_client));
  REQUIRE(link.client->feed(link.to_client.take_string(), none, link.to_server));
  REQUIRE(link.client->established());
  for (int i = 0; i < 50; ++i) REQUIRE(link.client->write("x", link.to_server));
  link.client->close(link.to_server);
  const auto progress = link.server->feed(link.to_server.take_string(), link.at_server, link.to_client);
  REQUIRE(progress.has_value());
  CHECK(progress->handshake_done);
  CHECK(progress->closed);
  CHECK(link.at_server.view() == std::string(50, 'x'));
}

TEST_CASE("closing is told apart from ending, and one side may go on after the other closed") {
  Ends ends;
  Link link = ends.link();
  link.pump();
  CHECK_FALSE(link.server_saw_close);

  link.client->close(link.to_server);
  link.pump();
  CHECK(link.server_saw_close);
  CHECK_FALSE(link.client_saw_close);
  REQUIRE(link.server->write("last words", link.to_client));
  link.pump();
  CHECK(link.at_client.view() == "last words");
  link.server->close(link.to_client);
  link.pump();
  CHECK(link.client_saw_close);
  CHECK(link.client_errors.empty());
  CHECK(link.server_errors.empty());
}

TEST_CASE("after closing, writing is an error, closing again is nothing, and what still comes is dropped") {
  Ends ends;
  Link link = ends.link();
  link.pump();
  link.server->close(link.to_client);
  const std::size_t alert = link.to_client.size();
  CHECK(alert > 0);
  link.server->close(link.to_client);
  CHECK(link.to_client.size() == alert);
  CHECK_FALSE(link.server->write("too late", link.to_client).has_value());
  CHECK(link.to_client.size() == alert);
  link.pump();
  const auto late = link.client->feed("\x17\x03\x03", link.at_client, link.to_server);
  REQUIRE(late.has_value());
  CHECK(late->closed);
}

TEST_CASE("closing before the handshake is done sends nothing") {
  Ends ends;
  Link link = ends.link();
  Buffer out;
  link.server->close(out);
  CHECK(out.empty());
}

TEST_CASE("ALPN: our preference wins among what is offered") {
  Ends ends;
  SECTION("a common protocol") {
    Link link = ends.link({host, 443, {"h2", "http/1.1"}}, {host, {"http/1.1", "h2"}});
    link.pump();
    REQUIRE(link.established());
    CHECK(link.client->handshake().alpn == "http/1.1");
    CHECK(link.server->handshake().alpn == "http/1.1");
  }
  SECTION("no protocol offered") {
    Link link = ends.link({host, 443, {}}, {host, {"http/1.1"}});
    link.pump();
    REQUIRE(link.established());
    CHECK(link.server->handshake().alpn.empty());
  }
  SECTION("nothing in common") {
    Link link = ends.link({host, 443, {"h2"}}, {host, {"http/1.1"}});
    link.pump();
    REQUIRE(link.server_errors.size() == 1);
    CHECK(link.server_errors[0].code == ErrorCode::client_tls_failed);
    CHECK(link.server_errors[0].fault == Fault::client);
    CHECK(link.server_errors[0].detail.find("ALPN") != std::string::npos);
    REQUIRE(link.client_errors.size() == 1);
    CHECK(link.client_errors[0].code == ErrorCode::tls_failed);
    CHECK(link.client_errors[0].detail.find("no application protocol") != std::string::npos);
  }
}

TEST_CASE("sessions are resumed, each ticket once, and never across names, ports or protocols") {
  Ends ends;
  const auto resumes = [&](tls::ClientContext::Options ask, const std::string& leaf) {
    return resumed(ends.client, std::move(ask), ends.server, leaf);
  };
  CHECK_FALSE(resumes({host}, host));
  CHECK(resumes({host}, host));
  CHECK(resumes({host}, host));
  CHECK_FALSE(resumes({host, 8443}, host));
  CHECK_FALSE(resumes({host, 443, {}}, host));
  CHECK_FALSE(resumes({"other.amazonaws.com"}, "other.amazonaws.com"));
  // Same SNI and address at the client, another leaf at the server: its ticket must not be taken.
  FixedLeaf source;
  source.leaf = ends.authority.leaves->leaf_for(host);
  tls::ServerContext server(source);
  const auto with_name = [&](const std::string& name) { return resumed(ends.client, {host, 9000}, server, name); };
  CHECK_FALSE(with_name("a"));
  CHECK(with_name("a"));
  CHECK_FALSE(with_name("b"));
}

TEST_CASE("a session is resumed at another worker, until its ticket's key is forgotten, and under no other CA") {
  Ends ends;
  fixture::FakeClock clock(fixture::real_now());
  const auto keys = tls::make_ticket_keys(clock);
  tls::ServerContext here(*ends.authority.leaves, {keys, "a CA"});
  tls::ServerContext there(*ends.authority.leaves, {keys, "a CA"});
  tls::ServerContext of_another_ca(*ends.authority.leaves, {keys, "another"});
  tls::ServerContext with_own_keys(*ends.authority.leaves);
  const auto later = [&](tls::ServerContext& server, Duration after) {  // of a session that begins here, now
    tls::ClientContext client(ends.authority.trust());
    CHECK_FALSE(resumed(client, {host}, here, host));
    clock.advance(std::chrono::duration_cast<WallTime::duration>(after));
    return resumed(client, {host}, server, host);
  };
  constexpr Duration none{};
  CHECK(later(here, none));
  CHECK(later(there, none));
  CHECK_FALSE(later(of_another_ca, none));
  CHECK_FALSE(later(with_own_keys, none));
  using std::chrono::hours;
  CHECK(later(there, hours(12)));  // its key is the former one
  CHECK_FALSE(later(there, hours(24)));
  {
    tls::ClientContext client(ends.authority.trust());
    CHECK_FALSE(resumed(client, {host}, here, host));
    for (int i = 0; i < 4; ++i) {  // each time with a new ticket
      clock.advance(hours(12));
      CHECK(resumed(client, {host}, i % 2 == 0 ? there : here, host));
    }
  }
  // A key is forgotten in time though nobody came for long, and others come just before.
  tls::ClientContext first(ends.authority.trust()), second(ends.authority.trust());
  clock.advance(hours(24));
  CHECK_FALSE(resumed(first, {host}, here, host));
  CHECK_FALSE(resumed(second, {host}, here, host));
  clock.advance(hours(23));
  CHECK(resumed(second, {host}, there, host));
  clock.advance(hours(2));
  CHECK_FALSE(resumed(first, {host}, there, host));
}

TEST_CASE("an upstream certificate that must not be trusted is refused in words") {
  Ends ends;
  FixedLeaf source;
  tls::ServerContext server(source);
  std::string expect;
  std::string ask = host;
  const auto name = [](ca::Profile& profile, const std::string& dns) { ca::add_dns_name(profile.alt_names, dns); };
  const auto& authority = *ends.authority.authority;
  std::shared_ptr<const tls::TrustStore> trust = ends.authority.trust();

  SECTION("another host's") {
    source.leaf = fixture::odd_leaf(authority, [&](ca::Profile& p) { name(p, "other.amazonaws.com"); });
    expect = "it is for other.amazonaws.com, not for " + host;
  }
  SECTION("expired") {
    source.leaf = fixture::odd_leaf(authority, [&](ca::Profile& p) {
      name(p, host);
      p.not_before -= std::chrono::hours(20);
      p.not_after = p.not_before + std::chrono::hours(10);
    });
    expect = "certificate has expired";
  }
  SECTION("not yet valid") {
    source.leaf = fixture::odd_leaf(authority, [&](ca::Profile& p) {
      name(p, host);
      p.not_before += std::chrono::hours(10);
      p.not_after += std::chrono::hours(20);
    });
    expect = "certificate is not yet valid";
  }
  SECTION("of a root that is unknown") {
    source.leaf = fixture::odd_leaf(authority, [&](ca::Profile& p) { name(p, host); });
    trust = tls::TrustStore::load({}).value();
    expect = "upstream.ca_files";
  }
  SECTION("without a subjectAltName, though the common name fits") {
    source.leaf = fixture::odd_leaf(authority, [&](ca::Profile& p) {
      p.subject = ca::encode_name(host);
      p.alt_names.clear();
    });
    expect = "subjectAltName";
  }
  SECTION("outside the constraints of who signed it") {
    ask = "www.example.com";
    source.leaf = fixture::odd_leaf(authority, [&](ca::Profile& p) { name(p, "www.example.com"); });
    expect = "permitted subtree violation";
  }
  SECTION("for a name, where an address was asked") {
    ask = "127.0.0.1";
    source.leaf = fixture::odd_leaf(authority, [&](ca::Profile& p) { name(p, host); });
    expect = "it is for " + host + ", not for 127.0.0.1";
  }
  SECTION("a wildcard over part of a label") {
    source.leaf = fixture::odd_leaf(authority, [&](ca::Profile& p) { name(p, "bedrock-*.us-east-1.amazonaws.com"); });
    expect = "not for " + host;
  }
  tls::ClientContext client(trust);
  Link link;
  link.client = client.connect({ask});
  link.server = server.accept({ask});
  link.start();
  link.pump();
  REQUIRE(link.client_errors.size() == 1);
  const Error& error = link.client_errors[0];
  INFO(error.detail);
  CHECK(error.code == ErrorCode::certificate_rejected);
  CHECK(error.fault == Fault::upstream);
  CHECK(error.detail.find(ask) != std::string::npos);
  CHECK(error.detail.find(expect) != std::string::npos);
  CHECK_FALSE(link.client->established());
  // The other side is told, and a later feed gives the same error.
  CHECK(link.server_errors.size() == 1);
  const auto again = link.client->feed("x", link.at_client, link.to_server);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().detail == error.detail);
}

TEST_CASE("a client that does not trust the CA is told how to") {
  Ends ends;
  tls::ClientContext stranger(tls::TrustStore::load({}).value());
  Link link;
  link.client = stranger.connect({host});
  link.server = ends.server.accept({host});
  link.start();
  link.pump();
  REQUIRE(link.server_errors.size() == 1);
  CHECK(link.server_errors[0].code == ErrorCode::client_tls_failed);
  CHECK(link.server_errors[0].fault == Fault::client);
  CHECK(link.server_errors[0].detail.find("AWS_CA_BUNDLE") != std::string::npos);
  CHECK(link.server_errors[0].detail.find(host) != std::string::npos);
}

// BoringSSL, as a verifier, knows no name constraints on addresses and refuses what is under them; so this leaf is its
// own root.
TEST_CASE("addresses are proven by address, and a certificate in ca_files may be its own root") {
  fixture::TempFolder folder;
  const auto self_signed = fixture::self_signed_leaf(
      [](ca::Profile& p) { ca::add_address(p.alt_names, ca::address_octets("127.0.0.1")); }, folder / "self.pem");
  FixedLeaf source;
  source.leaf = self_signed;
  tls::ServerContext server(source);
  tls::ClientContext client(tls::TrustStore::load({folder / "self.pem"}).value());
  const auto works = [&](const std::string& address) {
    Link link;
    link.client = client.connect({address});
    link.server = server.accept({address});
    link.start();
    link.pump();
    return link.established();
  };
  CHECK(works("127.0.0.1"));
  CHECK_FALSE(works("127.0.0.2"));
  CHECK_FALSE(works("localhost"));
}

TEST_CASE("a name that no certificate could prove fails before anything is sent") {
  Ends ends;
  const std::string name = GENERATE(std::string(), std::string("a\0b", 3), std::string(300, 'a'));
  Buffer out;
  auto engine = ends.client.connect({name});
  const auto started = engine->start(out);
  REQUIRE_FALSE(started.has_value());
  CHECK(started.error().code == ErrorCode::tls_failed);
  CHECK(out.empty());
}

TEST_CASE("without a certificate the handshake fails with an alert, and it is our fault") {
  Ends ends;
  FixedLeaf nothing;
  tls::ServerContext server(nothing);
  Link link;
  link.client = ends.client.connect({host});
  link.server = server.accept({host});
  link.start();
  link.pump();
  REQUIRE(link.server_errors.size() == 1);
  CHECK(link.server_errors[0].fault == Fault::proxy);
  REQUIRE(link.client_errors.size() == 1);
  CHECK(link.client_errors[0].detail.find("alert") != std::string::npos);
}

TEST_CASE("what is no TLS is called so") {
  Ends ends;
  Buffer plaintext;
  Buffer out;
  SECTION("a client that speaks HTTP") {
    auto server = ends.server.accept({host});
    const auto fed = server->feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n", plaintext, out);
    REQUIRE_FALSE(fed.has_value());
    CHECK(fed.error().code == ErrorCode::client_tls_failed);
    CHECK(fed.error().detail.find("HTTP") != std::string::npos);
  }
  SECTION("an upstream that speaks HTTP") {
    auto client = ends.client.connect({host});
    REQUIRE(client->start(out));
    const auto fed = client->feed("HTTP/1.1 400 Bad Request\r\n\r\n", plaintext, out);
    REQUIRE_FALSE(fed.has_value());
    CHECK(fed.error().code == ErrorCode::tls_failed);
    CHECK(fed.error().detail.find("does not answer with TLS") != std::string::npos);
  }
}

TEST_CASE("a changed octet on the wire is an error with an alert, and final") {
  Ends ends;
  Link link = ends.link();
  link.pump();
  REQUIRE(link.client->write("question", link.to_server));
  std::string wire = link.to_server.take_string();
  wire.back() = static_cast<char>(wire.back() ^ 1);
  const auto fed = link.server->feed(wire, link.at_server, link.to_client);
  REQUIRE_FALSE(fed.has_value());
  CHECK(fed.error().code == ErrorCode::client_tls_failed);
  CHECK(link.at_server.empty());
  CHECK_FALSE(link.to_client.empty());
  CHECK_FALSE(link.server->write("answer", link.to_client).has_value());
}
