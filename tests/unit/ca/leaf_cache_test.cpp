#include "ca/leaf_cache.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <set>
#include <string>

#include "catch.h"
#include "unit/tls/tls_fixture.h"

using namespace borehole;
using fixture::Authority;
using std::chrono::hours;

namespace {

bssl::UniquePtr<X509> certificate_of(const tls::Leaf& leaf) {
  return bssl::UniquePtr<X509>(X509_parse_from_buffer(leaf.chain()[0]));
}

double hours_between(const ASN1_TIME* from, const ASN1_TIME* to) {
  int days = 0;
  int seconds = 0;
  REQUIRE(ASN1_TIME_diff(&days, &seconds, from, to) == 1);
  return days * 24 + seconds / 3600.0;
}

double hours_from(WallTime from, const ASN1_TIME* to) {
  const bssl::UniquePtr<ASN1_TIME> start(ASN1_TIME_set(nullptr, std::chrono::system_clock::to_time_t(from)));
  return hours_between(start.get(), to);
}

ca::LeafCacheOptions with(int leaf_days, std::size_t max_entries) {
  ca::LeafCacheOptions options = Authority::default_options();
  options.leaf_days = leaf_days;
  options.max_entries = max_entries;
  return options;
}

std::string common_name(X509& certificate) {
  std::array<char, 128> text{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(&certificate), NID_commonName, text.data(),
                            static_cast<int>(text.size()));
  return text.data();
}

}  // namespace

TEST_CASE("a leaf has the profile that every client accepts") {
  Authority a;
  const auto leaf = a.leaves->leaf_for("bedrock.us-east-1.amazonaws.com");
  REQUIRE(leaf);
  REQUIRE(leaf->chain().size() == 2);
  const auto certificate = certificate_of(*leaf);
  REQUIRE(certificate);
  CHECK(X509_get_version(certificate.get()) == 2);
  CHECK(X509_check_ca(certificate.get()) == 0);
  CHECK(X509_get_key_usage(certificate.get()) == KU_DIGITAL_SIGNATURE);
  CHECK(X509_get_extended_key_usage(certificate.get()) == XKU_SSL_SERVER);
  CHECK(common_name(*certificate) == "bedrock.us-east-1.amazonaws.com");
  CHECK(X509_check_host(certificate.get(), "bedrock.us-east-1.amazonaws.com", 31, 0, nullptr) == 1);
  CHECK(X509_get0_subject_key_id(certificate.get()) != nullptr);
  const bssl::UniquePtr<X509> issuing(X509_parse_from_buffer(leaf->chain()[1]));
  const auto* authority_key = X509_get0_authority_key_id(certificate.get());
  REQUIRE(authority_key != nullptr);
  CHECK(ASN1_OCTET_STRING_cmp(authority_key, X509_get0_subject_key_id(issuing.get())) == 0);
  CHECK(ASN1_STRING_length(X509_get0_serialNumber(certificate.get())) == 16);
  for (const int critical : {NID_basic_constraints, NID_key_usage}) {
    const int at = X509_get_ext_by_NID(certificate.get(), critical, -1);
    REQUIRE(at >= 0);
    CHECK(X509_EXTENSION_get_critical(X509_get_ext(certificate.get(), at)) == 1);
  }
  // The leaf's key is not the CA's.
  CHECK(X509_check_private_key(issuing.get(), leaf->key()) == 0);
  CHECK(X509_check_private_key(certificate.get(), leaf->key()) == 1);
}

TEST_CASE("a leaf lives for at most seven days, begins a day ago, and does not outlive the CA") {
  const int days = GENERATE(1, 3, 7);
  Authority a(fixture::real_now(), with(days, 10));
  const auto check = [&] {
    const auto certificate = certificate_of(*a.leaves->leaf_for("a.localhost"));
    const auto* begin = X509_get0_notBefore(certificate.get());
    const auto* end = X509_get0_notAfter(certificate.get());
    CHECK(hours_between(begin, end) < 7 * 24);
    CHECK(hours_from(a.clock.wall(), end) <= days * 24);
    return std::pair(hours_from(a.clock.wall(), begin), hours_from(a.clock.wall(), end));
  };
  const auto fresh = check();
  CHECK(fresh.first > -24.1);
  CHECK(fresh.first < -23.9);
  CHECK(fresh.second > 20);

  a.clock.advance(a.authority->facts().not_after - a.clock.wall() - hours(2));
  CHECK(check().second < 2.1);
  // At the CA's end there is nothing younger: one leaf, not one a connection.
  const auto minted = a.leaves->minted();
  a.clock.advance(hours(1));
  CHECK(check().second < 1.1);
  a.clock.advance(hours(2));
  CHECK(check().second < 0);
  CHECK(a.leaves->minted() == minted);
}

TEST_CASE("a leaf is minted once, and anew when it nears its end") {
  Authority a(fixture::real_now(), with(7, 10));
  const auto first = a.leaves->leaf_for("a.localhost");
  CHECK(a.leaves->leaf_for("a.localhost") == first);
  CHECK(a.leaves->leaf_for("A.LocalHost.") == first);
  CHECK(a.leaves->minted() == 1);
  a.clock.advance(hours(4 * 24));
  CHECK(a.leaves->leaf_for("a.localhost") == first);
  a.clock.advance(hours(24));
  const auto second = a.leaves->leaf_for("a.localhost");
  CHECK(second != first);
  CHECK(a.leaves->minted() == 2);
  // A clock set back before its beginning.
  a.clock.advance(-hours(2 * 24));
  CHECK(a.leaves->leaf_for("a.localhost") != second);
}

TEST_CASE("a leaf of one day keeps a quarter of its life in reserve") {
  Authority a(fixture::real_now(), with(1, 10));
  const auto first = a.leaves->leaf_for("a.localhost");
  a.clock.advance(hours(17));
  CHECK(a.leaves->leaf_for("a.localhost") == first);
  a.clock.advance(hours(2));
  CHECK(a.leaves->leaf_for("a.localhost") != first);
}

TEST_CASE("the default leaf serves the proxy's own names, and stands in for names we may not vouch for") {
  Authority a;
  const auto leaf = a.leaves->leaf_for("");
  REQUIRE(leaf);
  const auto certificate = certificate_of(*leaf);
  CHECK(X509_check_host(certificate.get(), "localhost", 9, 0, nullptr) == 1);
  CHECK(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0) == 1);
  CHECK(X509_check_ip_asc(certificate.get(), "::1", 0) == 1);
  CHECK(X509_check_host(certificate.get(), "not-ours.example", 16, 0, nullptr) == 0);
  for (const std::string& name : {std::string("www.example.com"), std::string("8.8.8.8"), std::string("*.localhost"),
                                  std::string("a b.localhost"), std::string("\"\n.localhost"),
                                  std::string(300, 'a') + ".localhost", std::string("..")}) {
    CAPTURE(name);
    CHECK(a.leaves->leaf_for(name) == leaf);
  }
  CHECK(a.leaves->minted() == 1);
}

TEST_CASE("without a name that may be vouched for there is no default leaf") {
  ca::LeafCacheOptions options;
  options.default_names = {"not-ours.example"};
  Authority a(fixture::real_now(), options);
  CHECK(a.leaves->leaf_for("") == nullptr);
  CHECK(a.leaves->leaf_for("www.example.com") == nullptr);
  CHECK(a.leaves->leaf_for("localhost") != nullptr);
}

TEST_CASE("an address goes into the certificate as one, and not into its subject") {
  ca::LeafCacheOptions options;
  options.default_names = {"localhost"};
  Authority a(fixture::real_now(), options);
  const auto leaf = a.leaves->leaf_for("::1");
  const auto certificate = certificate_of(*leaf);
  CHECK(X509_check_ip_asc(certificate.get(), "::1", 0) == 1);
  CHECK(common_name(*certificate) == "borehole");
  CHECK(a.leaves->leaf_for("[0:0::1]") == leaf);
}

TEST_CASE("the proxy's own names share one certificate that holds them all") {
  ca::LeafCacheOptions options;
  options.default_names = {"localhost", "127.0.0.1"};
  Authority a(fixture::real_now(), options);
  const auto leaf = a.leaves->leaf_for("localhost");
  CHECK(a.leaves->leaf_for("127.0.0.1") == leaf);
  CHECK(a.leaves->leaf_for("") == leaf);
  const auto certificate = certificate_of(*leaf);
  CHECK(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0) == 1);
  CHECK(X509_check_host(certificate.get(), "localhost", 9, 0, nullptr) == 1);
}

TEST_CASE("a name too long for the subject is in the subjectAltName alone") {
  Authority a;
  const std::string name = std::string(40, 'a') + "." + std::string(40, 'b') + ".localhost";
  const auto certificate = certificate_of(*a.leaves->leaf_for(name));
  CHECK(common_name(*certificate) == "borehole");
  CHECK(X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr) == 1);
}

TEST_CASE("the cache is bounded: what was used longest ago goes first; serials are never used again") {
  Authority a(fixture::real_now(), with(7, 3));
  std::set<std::string> serials;
  const auto serial = [&](const std::string& name) {
    const auto certificate = certificate_of(*a.leaves->leaf_for(name));
    const auto* number = X509_get0_serialNumber(certificate.get());
    return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(number)),
                       static_cast<std::size_t>(ASN1_STRING_length(number)));
  };
  const std::string first = serial("a.localhost");
  serials.insert(first);
  for (const char* name : {"b.localhost", "c.localhost"}) serials.insert(serial(name));
  CHECK(serial("a.localhost") == first);
  serials.insert(serial("d.localhost"));  // b goes
  CHECK(serial("a.localhost") == first);
  CHECK(a.leaves->minted() == 4);
  serials.insert(serial("b.localhost"));
  CHECK(a.leaves->minted() == 5);
  CHECK(serials.size() == 5);
}

TEST_CASE("names without end are minted at a rate, and those that are known at none") {
  Authority a;
  const auto name = [](int i) { return "bedrock-runtime.x" + std::to_string(i) + ".amazonaws.com"; };
  for (int i = 0; i < 5000; ++i) REQUIRE(a.leaves->leaf_for(name(i)));
  CHECK_FALSE(a.leaves->leaf_for(name(5000)));
  CHECK(a.leaves->minted() == 5000);
  CHECK(a.leaves->refused() == 1);
  CHECK(a.leaves->leaf_for(name(4999)));
  a.clock.advance(std::chrono::milliseconds(1));
  CHECK(a.leaves->leaf_for(name(5000)));
  CHECK_FALSE(a.leaves->leaf_for(name(5001)));
}
