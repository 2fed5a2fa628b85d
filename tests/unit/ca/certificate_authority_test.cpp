#include "ca/certificate_authority.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ca/retired_roots.h"
#include "catch.h"
#include "unit/tls/tls_fixture.h"

using namespace borehole;
using ca::CertificateAuthority;
using fixture::Authority;
using fixture::TempFolder;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Result<std::shared_ptr<const CertificateAuthority>> make(const std::string& folder, WallTime now) {
  return CertificateAuthority::open_or_create(folder, fixture::usual_constraints(), now);
}

// What the machine's openssl says of a leaf below our root, under its strictest rules.
int openssl_verify(const TempFolder& folder, const tls::Leaf& leaf, const std::string& arguments) {
  fixture::write(folder / "leaf.pem", fixture::pem_of(leaf.chain()[0]));
  const std::string command = "openssl verify -x509_strict -purpose sslserver -CAfile " + (folder / "ca/ca.pem") +
                              " -untrusted " + (folder / "ca/issuing.pem") + " " + arguments + " " +
                              (folder / "leaf.pem") + " >" + (folder / "openssl.out") + " 2>&1";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a new CA has its files, its modes and its constraints, and opens again as the same") {
  TempFolder folder;
  const WallTime now = fixture::real_now();
  const std::string place = folder / "deep/er/ca";
  CHECK(CertificateAuthority::open(place, now).error().code == ErrorCode::not_found);
  const auto made = make(place, now);
  REQUIRE(made.has_value());
  CHECK(mode_of(place) == 0700);
  CHECK(mode_of(place + "/issuing.key") == 0600);
  CHECK(mode_of(place + "/ca.pem") == 0644);
  const auto& facts = (*made)->facts();
  CHECK(facts.constraints.dns == fixture::usual_constraints().dns);
  CHECK(facts.constraints.ip == fixture::usual_constraints().ip);
  CHECK(facts.not_before < now - std::chrono::hours(23));
  CHECK(facts.not_after > now + std::chrono::hours(24 * 700));
  CHECK(contains(facts.root_subject, "borehole"));
  CHECK(facts.root_subject != facts.issuing_subject);
  CHECK(facts.root_sha256.size() == 64);
  CHECK((*made)->root_pem() == fixture::read(place + "/ca.pem"));
  CHECK((*made)->folder() == place);

  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(place)) files.insert(entry.path().filename().string());
  CHECK(files ==
        std::set<std::string>{".lock", "bundle.pem", "ca.der", "ca.pem", "issuing.key", "issuing.pem", "trust.p12"});

  const auto again = make(place, now + std::chrono::hours(24));
  REQUIRE(again.has_value());
  CHECK((*again)->facts().root_sha256 == facts.root_sha256);
  CHECK((*again)->facts().issuing_sha256 == facts.issuing_sha256);
  const auto opened = CertificateAuthority::open(place, now);
  REQUIRE(opened.has_value());
  CHECK((*opened)->facts().root_sha256 == facts.root_sha256);
}

TEST_CASE("only one private key is ever written") {
  Authority a;
  std::size_t keys = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(a.folder.path())) {
    if (entry.is_regular_file()) keys += contains(fixture::read(entry.path().string()), "PRIVATE KEY") ? 1 : 0;
  }
  CHECK(keys == 1);
}

TEST_CASE("openssl's strict rules accept our leaves, and refuse a name outside the constraints") {
  Authority a;
  const auto& authority = *a.authority;
  const std::string host = "bedrock-runtime.us-east-1.amazonaws.com";
  INFO(fixture::read(a.folder / "openssl.out"));
  CHECK(openssl_verify(a.folder, *a.leaves->leaf_for(host), "-verify_hostname " + host) == 0);
  CHECK(openssl_verify(a.folder, *a.leaves->leaf_for("127.0.0.1"), "-verify_ip 127.0.0.1") == 0);
  CHECK(openssl_verify(a.folder, *a.leaves->leaf_for("::1"), "-verify_ip ::1") == 0);
  CHECK(openssl_verify(a.folder, *a.leaves->leaf_for(""), "-verify_hostname localhost") == 0);
  CHECK(openssl_verify(a.folder, *a.leaves->leaf_for(""), "-verify_ip 127.0.0.1") == 0);
  const std::string long_name = std::string(60, 'a') + "." + std::string(60, 'b') + ".amazonaws.com";
  CHECK(openssl_verify(a.folder, *a.leaves->leaf_for(long_name), "-verify_hostname " + long_name) == 0);
  CHECK(openssl_verify(a.folder, *a.leaves->leaf_for("with_underscore.localhost"), "") == 0);

  const auto outside = [&](const fixture::Change& change) {
    const int status = openssl_verify(a.folder, *fixture::odd_leaf(authority, change), "");
    return status != 0 && contains(fixture::read(a.folder / "openssl.out"), "permitted subtree violation");
  };
  CHECK(outside([](ca::Profile& p) { ca::add_dns_name(p.alt_names, "www.example.com"); }));
  CHECK(outside([](ca::Profile& p) { ca::add_dns_name(p.alt_names, "notamazonaws.com"); }));
  CHECK(outside([](ca::Profile& p) { ca::add_address(p.alt_names, ca::address_octets("8.8.8.8")); }));
  CHECK(outside([](ca::Profile& p) { ca::add_address(p.alt_names, ca::address_octets("2001:db8::1")); }));
}

TEST_CASE("a kind of name without an entry is excluded, not permitted") {
  Authority a;
  const WallTime now = fixture::real_now();
  std::filesystem::remove_all(a.folder / "ca");
  const auto made = CertificateAuthority::open_or_create(a.folder / "ca", {{"localhost"}, {}}, now);
  REQUIRE(made.has_value());
  CHECK((*made)->facts().constraints.ip.empty());
  const auto leaf =
      fixture::odd_leaf(**made, [](ca::Profile& p) { ca::add_address(p.alt_names, ca::address_octets("127.0.0.1")); });
  CHECK(openssl_verify(a.folder, *leaf, "") != 0);
  CHECK(contains(fixture::read(a.folder / "openssl.out"), "excluded subtree violation"));
}

TEST_CASE("what starts at once ends up with the same CA") {
  TempFolder folder;
  const WallTime now = fixture::real_now();
  SECTION("threads") {
    std::vector<std::string> roots(8);
    std::vector<std::thread> threads;
    for (auto& root : roots) {
      threads.emplace_back([&] {
        if (const auto made = make(folder / "ca", now)) root = (*made)->facts().issuing_sha256;
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(roots[0].size() == 64);
    CHECK(std::set<std::string>(roots.begin(), roots.end()).size() == 1);
  }
  SECTION("processes") {
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        const auto made = make(folder / "ca", now);
        if (made) fixture::write(folder / ("root" + std::to_string(i)), (*made)->facts().issuing_sha256);
        ::_exit(made ? 0 : 1);
      }
      children.push_back(child);
    }
    std::set<std::string> roots;
    for (std::size_t i = 0; i < children.size(); ++i) {
      int status = 0;
      ::waitpid(children[i], &status, 0);
      CHECK(status == 0);
      roots.insert(fixture::read(folder / ("root" + std::to_string(i))));
    }
    CHECK(roots.size() == 1);
    CHECK(roots.begin()->size() == 64);
  }
}

TEST_CASE("an interrupted attempt is begun anew") {
  TempFolder folder;
  REQUIRE(std::filesystem::create_directories(folder / "ca/.making"));
  fixture::write(folder / "ca/issuing.key", "half a key");
  fixture::write(folder / "ca/.making/issuing.pem", "half a certificate");
  const auto made = make(folder / "ca", fixture::real_now());
  REQUIRE(made.has_value());
  CHECK_FALSE(std::filesystem::exists(folder / "ca/.making"));
}

TEST_CASE("a damaged CA is never repaired; the error names the file and what to do") {
  TempFolder folder;
  const WallTime now = fixture::real_now();
  const std::string place = folder / "ca";
  REQUIRE(make(place, now).has_value());
  REQUIRE(make(folder / "other", now).has_value());
  WallTime at = now;
  std::string file;
  std::string remedy = "borehole ca rotate";
  SECTION("the key is open to others") {
    file = "issuing.key";
    ::chmod((place + "/" + file).c_str(), 0640);
    remedy = "chmod 600 " + place + "/issuing.key";
  }
  SECTION("the folder is open to others") {
    ::chmod(place.c_str(), 0777);
    remedy = "chmod 700 " + place;
  }
  SECTION("the key is cut short") {
    file = "issuing.key";
    std::filesystem::resize_file(place + "/" + file, 100);
  }
  SECTION("the key is another's") {
    file = "issuing.key";
    fixture::write(place + "/" + file, fixture::read(folder / "other/issuing.key"));
  }
  SECTION("the key is gone") {
    file = "issuing.key";
    std::filesystem::remove(place + "/" + file);
  }
  SECTION("the issuing certificate is another's") {
    file = "issuing.pem";
    fixture::write(place + "/" + file, fixture::read(folder / "other/issuing.pem"));
  }
  SECTION("the issuing certificate is the root") {
    file = "issuing.key";
    fixture::write(place + "/issuing.pem", fixture::read(place + "/ca.pem"));
  }
  SECTION("the root is no certificate") {
    file = "ca.pem";
    fixture::write(place + "/" + file, "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n");
  }
  SECTION("the root is the issuing certificate") {
    file = "ca.pem";
    fixture::write(place + "/" + file, fixture::read(place + "/issuing.pem"));
  }
  SECTION("the root is gone") {
    file = "ca.pem";
    std::filesystem::remove(place + "/" + file);
  }
  SECTION("the root is empty") {
    file = "ca.pem";
    fixture::write(place + "/" + file, "");
  }
  SECTION("it has expired") {
    file = "ca.pem";
    at = now + std::chrono::hours(24 * 731);
  }
  SECTION("the clock stands before it") {
    file = "ca.pem";
    at = now - std::chrono::hours(48);
    remedy = "clock";
  }
  const auto key = fixture::read(place + "/issuing.key");
  for (const auto& opened : {make(place, at), CertificateAuthority::open(place, at)}) {
    REQUIRE_FALSE(opened.has_value());
    INFO(opened.error().detail);
    CHECK(opened.error().code == ErrorCode::ca_invalid);
    CHECK(contains(opened.error().detail, file.empty() ? place : place + "/" + file));
    CHECK(contains(opened.error().detail, remedy));
  }
  CHECK(fixture::read(place + "/issuing.key") == key);
}

TEST_CASE("bundle.pem is the system's roots and ours; it follows the system's, and never holds ours twice") {
  TempFolder folder;
  TempFolder others;
  const WallTime now = fixture::real_now();
  fixture::self_signed_leaf(
      [](ca::Profile& p) { p.subject = p.issuer = "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02r1"; },
      others / "system.pem");
  const std::string first = fixture::read(others / "system.pem");
  const char* before = std::getenv("SSL_CERT_FILE");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("SSL_CERT_FILE", (others / "system.pem").c_str(), 1);
  const auto made = make(folder / "ca", now);
  REQUIRE(made.has_value());
  const std::string bundle = folder / "ca/bundle.pem";
  CHECK(fixture::read(bundle) == first + (*made)->root_pem());
  CHECK(tls::TrustStore::load({}).value()->system_roots() == 1);

  fixture::write(others / "system.pem", first + first);
  REQUIRE(make(folder / "ca", now).has_value());
  CHECK(fixture::read(bundle) == first + first + (*made)->root_pem());

  // A shell with `borehole env` in it starts borehole: our own root is not trusted upstream, nor doubled.
  ::setenv("SSL_CERT_FILE", bundle.c_str(), 1);
  REQUIRE(make(folder / "ca", now).has_value());
  CHECK(fixture::read(bundle) == first + first + (*made)->root_pem());
  CHECK(tls::TrustStore::load({}).value()->system_roots() == 2);

  ::setenv("SSL_CERT_FILE", (others / "missing.pem").c_str(), 1);
  const auto missing = tls::TrustStore::load({});
  REQUIRE_FALSE(missing.has_value());
  CHECK(contains(missing.error().detail, "SSL_CERT_FILE"));
  if (before == nullptr) {
    ::unsetenv("SSL_CERT_FILE");
  } else {
    ::setenv("SSL_CERT_FILE", kept.c_str(), 1);
  }
}

TEST_CASE("a folder without trust.p12 gets one, and nothing else changes") {
  TempFolder folder;
  const WallTime now = fixture::real_now();
  REQUIRE(make(folder / "ca", now).has_value());
  const std::vector<std::string> others{"ca.pem", "ca.der", "issuing.pem", "issuing.key", "bundle.pem"};
  std::vector<std::string> before;
  for (const auto& file : others) before.push_back(fixture::read(folder / ("ca/" + file)));
  std::filesystem::remove(folder / "ca/trust.p12");
  REQUIRE(CertificateAuthority::open(folder / "ca", now).has_value());
  CHECK_FALSE(std::filesystem::exists(folder / "ca/trust.p12"));  // who only looks writes nothing
  REQUIRE(make(folder / "ca", now).has_value());
  const std::string p12 = fixture::read(folder / "ca/trust.p12");
  CHECK(p12.size() > 1000);
  CHECK(mode_of(folder / "ca/trust.p12") == 0644);
  for (std::size_t i = 0; i < others.size(); ++i) CHECK(fixture::read(folder / ("ca/" + others[i])) == before[i]);
  REQUIRE(make(folder / "ca", now).has_value());
  CHECK(fixture::read(folder / "ca/trust.p12") == p12);  // its salts are new each time: it was left alone
}

TEST_CASE("a rotated root is on the list of retired ones, and the files of clients follow") {
  TempFolder folder;
  const WallTime now = fixture::real_now();
  const std::string place = folder / "ca";
  std::vector<std::string> retired;
  for (int i = 0; i < 3; ++i) {
    const auto made = CertificateAuthority::rotate(place, fixture::usual_constraints(), now);
    REQUIRE(made.has_value());
    CHECK(ca::retired_roots(place) == retired);
    CHECK(contains(fixture::read(place + "/bundle.pem"), (*made)->root_pem()));
    retired.push_back((*made)->facts().root_sha256);
  }
  const std::string p12 = fixture::read(place + "/trust.p12");
  SECTION("a damaged root is no hindrance") {
    fixture::write(place + "/ca.pem", "no certificate");
    retired.pop_back();
  }
  SECTION("nor is a missing one") {
    std::filesystem::remove(place + "/ca.pem");
    retired.pop_back();
  }
  SECTION("lines that are no fingerprints are passed over") {
    fixture::write(place + "/retired.txt", "# a note\n\n" + retired[0] + " CN=one\n" + retired[1] + "\nABCDEF");
  }
  REQUIRE(CertificateAuthority::rotate(place, fixture::usual_constraints(), now).has_value());
  CHECK(ca::retired_roots(place) == retired);
  CHECK(fixture::read(place + "/trust.p12") != p12);
}

TEST_CASE("whole days are left until the end") {
  ca::AuthorityFacts facts;
  facts.not_after = fixture::real_now();
  CHECK(ca::days_left(facts, facts.not_after) == 0);
  CHECK(ca::days_left(facts, facts.not_after - std::chrono::hours(47)) == 1);
  CHECK(ca::days_left(facts, facts.not_after - std::chrono::hours(24 * 30)) == 30);
  CHECK(ca::days_left(facts, facts.not_after + std::chrono::hours(1)) == -1);
}

TEST_CASE("a file of ca_files that is none is named") {
  TempFolder folder;
  fixture::write(folder / "text.pem", "no certificate\n");
  fixture::write(folder / "broken.pem", "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n");
  for (const char* file : {"text.pem", "broken.pem", "missing.pem"}) {
    const auto loaded = tls::TrustStore::load({folder / file});
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().code == ErrorCode::io_failed);
    CHECK(contains(loaded.error().detail, folder / file));
    CHECK(contains(loaded.error().detail, "upstream.ca_files"));
  }
}
