#include <openssl/rsa.h>
#include <openssl/ssl.h>

#include <string>

#include "catch.h"
#include "tls/ssl_context.h"
#include "tls/ssl_engine.h"
#include "tls_fixture.h"

using namespace borehole;
using fixture::Authority;
using fixture::FixedLeaf;
using fixture::Link;

namespace {

const std::string host = "bedrock-runtime.us-east-1.amazonaws.com";

// The other side as others may configure it.
class RawEngine final : public tls::SslEngine {
 public:
  RawEngine(SSL_CTX& context, bool client) : SslEngine(bssl::UniquePtr<SSL>(SSL_new(&context))), client_(client) {
    client ? SSL_set_connect_state(ssl()) : SSL_set_accept_state(ssl());
  }
  Result<void> start(Buffer& to_peer) override { return client_ ? begin_handshake(to_peer) : Result<void>(); }

 private:
  Error explain(int, const std::string& words) const override { return {ErrorCode::internal, Fault::proxy, words}; }
  bool client_;
};

bssl::UniquePtr<SSL_CTX> raw_context(std::uint16_t lowest, std::uint16_t highest) {
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_with_buffers_method()));
  SSL_CTX_set_min_proto_version(context.get(), lowest);
  SSL_CTX_set_max_proto_version(context.get(), highest);
  SSL_CTX_set_custom_verify(context.get(), SSL_VERIFY_NONE, [](SSL*, std::uint8_t*) noexcept { return ssl_verify_ok; });
  return context;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a client that knows TLS 1.2 only is served with ECDHE and AEAD; an older one is told") {
  Authority authority;
  tls::ServerContext server(*authority.leaves);
  Link link;
  link.server = server.accept({host});
  SECTION("TLS 1.2") {
    const auto context = raw_context(TLS1_2_VERSION, TLS1_2_VERSION);
    link.client = std::make_unique<RawEngine>(*context, true);
    link.start();
    link.pump(1);
    REQUIRE(link.established());
    CHECK(link.server->handshake().version == "TLSv1.2");
    CHECK(contains(link.server->handshake().cipher, "ECDHE_ECDSA"));
    REQUIRE(link.server->write("answer", link.to_client));
    link.pump();
    CHECK(link.at_client.view() == "answer");
  }
  SECTION("TLS 1.1") {
    const auto context = raw_context(TLS1_VERSION, TLS1_1_VERSION);
    link.client = std::make_unique<RawEngine>(*context, true);
    link.start();
    link.pump();
    REQUIRE(link.server_errors.size() == 1);
    CHECK(contains(link.server_errors[0].detail, "neither TLS 1.2 nor TLS 1.3"));
  }
  SECTION("TLS 1.2 without AEAD") {
    const auto context = raw_context(TLS1_2_VERSION, TLS1_2_VERSION);
    REQUIRE(SSL_CTX_set_strict_cipher_list(context.get(), "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA") == 1);
    link.client = std::make_unique<RawEngine>(*context, true);
    link.start();
    link.pump();
    REQUIRE(link.server_errors.size() == 1);
    CHECK(contains(link.server_errors[0].detail, "AEAD"));
  }
}

TEST_CASE(
    "an upstream that knows TLS 1.2 only is spoken to, and its sessions are used again; an older one is refused") {
  Authority authority;
  tls::ClientContext client(authority.trust());
  const auto leaf = authority.leaves->leaf_for(host);
  const auto link_to = [&](SSL_CTX& context) {
    SSL_CTX_set_chain_and_key(&context, leaf->chain().data(), leaf->chain().size(), leaf->key(), nullptr);
    Link link;
    link.client = client.connect({host});
    link.server = std::make_unique<RawEngine>(context, false);
    link.start();
    link.pump();
    return link;
  };
  SECTION("TLS 1.2") {
    const auto context = raw_context(TLS1_2_VERSION, TLS1_2_VERSION);
    const Link first = link_to(*context);
    REQUIRE(first.established());
    CHECK(first.client->handshake().version == "TLSv1.2");
    CHECK(contains(first.client->handshake().cipher, "ECDHE_ECDSA"));
    CHECK(first.client->handshake().alpn.empty());
    CHECK_FALSE(first.client->handshake().resumed);
    for (int i = 0; i < 3; ++i) CHECK(link_to(*context).client->handshake().resumed);
  }
  SECTION("TLS 1.1") {
    const auto context = raw_context(TLS1_VERSION, TLS1_1_VERSION);
    const Link link = link_to(*context);
    REQUIRE(link.client_errors.size() == 1);
    CHECK(link.client_errors[0].code == ErrorCode::tls_failed);
    CHECK(contains(link.client_errors[0].detail, "neither TLS 1.2 nor TLS 1.3"));
  }
}

TEST_CASE("an upstream's RSA key of less than 2048 bits is refused, one of 2048 is not") {
  Authority authority;
  const int bits = GENERATE(1024, 2048);
  bssl::UniquePtr<RSA> rsa(RSA_new());
  bssl::UniquePtr<BIGNUM> exponent(BN_new());
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  REQUIRE(BN_set_word(exponent.get(), RSA_F4) == 1);
  REQUIRE(RSA_generate_key_ex(rsa.get(), bits, exponent.get(), nullptr) == 1);
  REQUIRE(EVP_PKEY_set1_RSA(key.get(), rsa.get()) == 1);

  const auto& ca = authority.authority->state();
  ca::Profile profile = fixture::plain_profile(*key);
  profile.issuer = ca.issuing_name;
  profile.authority_key_id = ca.issuing_key_id;
  ca::add_dns_name(profile.alt_names, host);
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;
  chain.push_back(fixture::buffer_of(ca::sign_certificate(profile, *ca.issuing_key)));
  chain.push_back(bssl::UpRef(ca.issuing_certificate));
  FixedLeaf source;
  source.leaf = std::make_shared<const tls::Leaf>(std::move(chain), std::move(key));

  tls::ServerContext server(source);
  tls::ClientContext client(authority.trust());
  Link link;
  link.client = client.connect({host});
  link.server = server.accept({host});
  link.start();
  link.pump();
  if (bits == 2048) {
    CHECK(link.established());
  } else {
    REQUIRE(link.client_errors.size() == 1);
    CHECK(link.client_errors[0].code == ErrorCode::certificate_rejected);
    CHECK(contains(link.client_errors[0].detail, "2048 bits"));
  }
}
