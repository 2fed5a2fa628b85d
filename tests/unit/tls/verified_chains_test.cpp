#include "tls/verified_chains.h"

#include <array>
#include <string>
#include <vector>

#include "catch.h"
#include "tls/ssl_engine.h"
#include "tls_fixture.h"

using namespace borehole;
using fixture::Authority;
using fixture::Link;
using tls::VerifiedChains;

namespace {

const std::string host = "bedrock-runtime.us-east-1.amazonaws.com";

bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> sent(const std::vector<std::string>& certificates) {
  bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> chain(sk_CRYPTO_BUFFER_new_null());
  for (const auto& one : certificates) REQUIRE(bssl::PushToStack(chain.get(), fixture::buffer_of(one)));
  return chain;
}

// Self-signed, ending at `seconds` since 1970.
bssl::UniquePtr<X509> ending_at(std::int64_t seconds) {
  const auto key = ca::make_p256_key();
  ca::Profile profile = fixture::plain_profile(*key);
  profile.issuer = profile.subject;
  profile.not_before = WallTime(std::chrono::seconds(seconds)) - std::chrono::hours(1);
  profile.not_after = WallTime(std::chrono::seconds(seconds));
  const auto der = fixture::buffer_of(ca::sign_certificate(profile, *key));
  return bssl::UniquePtr<X509>(X509_parse_from_buffer(der.get()));
}

bssl::UniquePtr<STACK_OF(X509)> verified(const std::vector<std::int64_t>& ends) {
  bssl::UniquePtr<STACK_OF(X509)> chain(sk_X509_new_null());
  for (const auto end : ends) REQUIRE(bssl::PushToStack(chain.get(), ending_at(end)));
  return chain;
}

// What an engine does not show.
struct Opened : tls::SslEngine {
  using SslEngine::ssl;
  static auto ssl_of() { return &Opened::ssl; }
};

}  // namespace

TEST_CASE("a chain is known by its host, its certificates in their order, and its staple") {
  const auto chain = sent({"leaf", "issuer"});
  const auto key = VerifiedChains::key(host, chain.get(), "staple");
  CHECK(VerifiedChains::key(host, sent({"leaf", "issuer"}).get(), "staple") == key);
  CHECK(VerifiedChains::key("other", chain.get(), "staple") != key);
  CHECK(VerifiedChains::key(host, chain.get(), "stapl3") != key);
  CHECK(VerifiedChains::key(host, chain.get(), "") != key);
  CHECK(VerifiedChains::key(host, sent({"issuer", "leaf"}).get(), "staple") != key);
  CHECK(VerifiedChains::key(host, sent({"leafissuer"}).get(), "staple") != key);
  CHECK(VerifiedChains::key(host, sent({"lea", "fissuer"}).get(), "staple") != key);
  CHECK(VerifiedChains::key(host + "staple", chain.get(), "") != key);
}

TEST_CASE("it is known for five minutes, not before it was verified, and no longer than its certificates last") {
  constexpr std::int64_t now = 1'800'000'000;
  const auto key = VerifiedChains::key(host, sent({"leaf"}).get(), "");
  const auto until_known = [&](const std::vector<std::int64_t>& ends) {
    VerifiedChains chains;
    CHECK_FALSE(chains.contains(key, now));
    chains.add(key, verified(ends).get(), now);
    CHECK_FALSE(chains.contains(key, now - 1));
    std::int64_t at = now;
    while (chains.contains(key, at)) ++at;
    return at - now;
  };
  CHECK(until_known({now + 3600, now + 7200}) == VerifiedChains::known_for);
  CHECK(until_known({now + 20, now + 7200}) == 20);
  CHECK(until_known({now + 3600, now + 10}) == 10);
  CHECK(until_known({}) == 0);
}

TEST_CASE("a burst of full handshakes verifies a chain once; another host's and a refused one each time") {
  Authority authority;
  tls::ServerContext server(*authority.leaves);
  tls::ClientContext client(authority.trust());
  const auto meets = [&](const std::string& asked, const std::string& leaf) {
    Link link;
    link.client = client.connect({asked});
    link.server = server.accept({leaf});
    link.start();
    link.pump();
    return link.established();
  };
  for (int i = 0; i < 3; ++i) CHECK(meets(host, host));
  CHECK(client.chains_verified() == 1);
  const std::string other = "bedrock-runtime.eu-west-1.amazonaws.com";
  for (int i = 0; i < 2; ++i) CHECK_FALSE(meets(other, host));  // known to be good, but not for this one
  CHECK(client.chains_verified() == 3);
  CHECK(meets(other, other));
  CHECK(client.chains_verified() == 4);
  CHECK(meets(host, host));
  CHECK(client.chains_verified() == 4);
  Authority stranger;  // its CA is not trusted
  tls::ServerContext foreign(*stranger.leaves);
  Link link;
  link.client = client.connect({host});
  link.server = foreign.accept({host});
  link.start();
  link.pump();
  CHECK_FALSE(link.established());
  CHECK(client.chains_verified() == 5);
}

TEST_CASE("of certificates that several connections were shown there is one copy") {
  Authority authority;
  tls::ServerContext server(*authority.leaves);
  tls::ClientContext client(authority.trust());
  std::array<Link, 2> links;
  std::array<const STACK_OF(CRYPTO_BUFFER)*, 2> chains{};
  for (std::size_t i = 0; i < links.size(); ++i) {
    links[i].client = client.connect({host});
    links[i].server = server.accept({host});
    links[i].start();
    links[i].pump();
    REQUIRE(links[i].established());
    chains[i] = SSL_get0_peer_certificates((dynamic_cast<tls::SslEngine&>(*links[i].client).*Opened::ssl_of())());
  }
  REQUIRE(sk_CRYPTO_BUFFER_num(chains[0]) == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(sk_CRYPTO_BUFFER_value(chains[0], i) == sk_CRYPTO_BUFFER_value(chains[1], i));
  }
}
