#include "ca/trust_p12.h"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pkcs8.h>
#include <openssl/stack.h>
#include <openssl/x509.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "ca/certificate_list.h"
#include "ca/client_files.h"
#include "catch.h"
#include "unit/tls/tls_fixture.h"

using namespace borehole;
using fixture::Authority;
using fixture::TempFolder;

namespace {

// What BoringSSL finds in it; an empty result where the password or the MAC is wrong.
std::vector<std::string> certificates_in(const std::string& p12, const std::string& password) {
  const bssl::UniquePtr<STACK_OF(X509)> found(sk_X509_new_null());
  EVP_PKEY* key = nullptr;
  CBS cbs;
  CBS_init(&cbs, reinterpret_cast<const std::uint8_t*>(p12.data()), p12.size());
  std::vector<std::string> ders;
  if (PKCS12_get_key_and_certs(&key, found.get(), &cbs, password.c_str()) == 1) {
    CHECK(key == nullptr);
    for (std::size_t i = 0; i < sk_X509_num(found.get()); ++i) {
      std::uint8_t* der = nullptr;
      const int size = i2d_X509(sk_X509_value(found.get(), i), &der);
      ders.emplace_back(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
      OPENSSL_free(der);
    }
  }
  ERR_clear_error();
  return ders;
}

// Stdout and stderr of a command that must succeed.
std::string said(const std::string& command, const TempFolder& folder) {
  const int status = std::system((command + " >" + (folder / "said") + " 2>&1").c_str());
  const std::string text = fixture::read(folder / "said");
  INFO(command << "\n" << text);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  return text;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

}  // namespace

TEST_CASE("a p12 holds its certificates, under its password and no other") {
  Authority a;
  Authority b;
  const std::string one = ca::list_certificates(a.authority->root_pem()).front().der;
  const std::string two = ca::list_certificates(b.authority->root_pem()).front().der;
  for (const std::string password :
       {"changeit", "pässwörd", "longer than one block of the digest, which is 64 octets"}) {
    const auto p12 = ca::to_pkcs12_trust_store({{"one", one}, {"two", two}}, password);
    REQUIRE(p12.has_value());
    auto found = certificates_in(*p12, password);
    std::sort(found.begin(), found.end());
    std::vector<std::string> wanted{one, two};
    std::sort(wanted.begin(), wanted.end());
    CHECK(found == wanted);
    CHECK(certificates_in(*p12, "wrong" + password).empty());
    std::string bent = *p12;
    bent[bent.size() / 2] = static_cast<char>(bent[bent.size() / 2] ^ 1);
    CHECK(certificates_in(bent, password).empty());
  }
}

TEST_CASE("openssl reads a p12, and sees a modern cipher and the mark of a trust anchor") {
  Authority a;
  const std::string der = ca::list_certificates(a.authority->root_pem()).front().der;
  const auto p12 = ca::to_pkcs12_trust_store({{"borehole's, für Java \xf0\x9f\x94\x91", der}}, "changeit");
  REQUIRE(p12.has_value());
  fixture::write(a.folder / "t.p12", *p12);
  const std::string text =
      said("openssl pkcs12 -info -nokeys -passin pass:changeit -in " + (a.folder / "t.p12"), a.folder);
  INFO(text);
  CHECK(count(text, "AES-256-CBC") == 1);
  CHECK(count(text, "MAC: sha256") == 1);
  // Until 3.2 openssl has no name for it.
  CHECK(count(text, "2.16.840.1.113894.746875.1.1") + count(text, "Trusted key usage (Oracle)") == 1);
  CHECK(count(text, "BEGIN CERTIFICATE") == 1);
}

TEST_CASE("keytool takes every entry of a p12 for a trusted certificate, by its alias") {
  Authority a;
  Authority b;
  const auto der = [](const Authority& of) { return ca::list_certificates(of.authority->root_pem()).front().der; };
  const auto p12 = ca::to_pkcs12_trust_store({{"first", der(a)}, {"zweites \xc3\xbc", der(b)}}, "other password");
  REQUIRE(p12.has_value());
  fixture::write(a.folder / "t.p12", *p12);
  const std::string text =
      said("keytool -list -storepass 'other password' -keystore " + (a.folder / "t.p12"), a.folder);
  INFO(text);
  CHECK(count(text, "contains 2 entries") == 1);
  CHECK(count(text, "trustedCertEntry") == 2);
  CHECK(count(text, "first, ") == 1);
}

TEST_CASE("a password that keytool would refuse is refused") {
  Authority a;
  const std::string der = ca::list_certificates(a.authority->root_pem()).front().der;
  for (const std::string password :
       {"", "short", "\xff\xff\xff\xff\xff\xff\xff", "surrogate\xed\xa0\x80", "overlong\xc0\xaf", "cut off\xe2\x82"}) {
    INFO(password);
    const auto p12 = ca::to_pkcs12_trust_store({{"one", der}}, password);
    REQUIRE_FALSE(p12.has_value());
    CHECK(p12.error().code == ErrorCode::config_invalid);
  }
}

TEST_CASE("trust anchors are ours and the system's, each once, each with a name of its own") {
  Authority a;
  const auto ours = ca::trust_anchors(a.authority->root_pem(), false);
  REQUIRE(ours.size() == 1);
  CHECK(ours.front().alias.find("borehole development ca") == 0);
  const auto all = ca::trust_anchors(a.authority->root_pem() + a.authority->root_pem(), true);
  CHECK(all.size() > 50);
  std::set<std::string> aliases;
  std::set<std::string> ders;
  for (const auto& anchor : all) {
    aliases.insert(anchor.alias);
    ders.insert(anchor.der);
  }
  CHECK(aliases.size() == all.size());
  CHECK(ders.size() == all.size());
}

TEST_CASE("certificates are listed out of PEM and DER; what is none is left out") {
  Authority a;
  const std::string pem = a.authority->root_pem();
  const auto listed = ca::list_certificates("# a comment\n" + pem +
                                            "-----BEGIN CERTIFICATE-----\nQUJD\n"
                                            "-----END CERTIFICATE-----\n" +
                                            pem);
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].sha256 == a.authority->facts().root_sha256);
  CHECK(listed[0].sha1 == a.authority->facts().root_sha1);
  CHECK(listed[0].subject == a.authority->facts().root_subject);
  CHECK(listed[0].not_after == a.authority->facts().not_after);
  CHECK(listed[0].is_borehole_root);
  CHECK(ca::to_pem(listed[0]) == pem);
  REQUIRE(ca::list_certificates(listed[0].der).size() == 1);
  CHECK(ca::list_certificates(listed[0].der + "more").empty());
  CHECK(ca::list_certificates("").empty());
  CHECK(ca::list_certificates("text").empty());
  CHECK(ca::list_certificates("0").empty());
  const auto issuing = ca::list_certificates(fixture::read(a.folder / "ca/issuing.pem"));
  REQUIRE(issuing.size() == 1);
  CHECK_FALSE(issuing[0].is_borehole_root);
}
