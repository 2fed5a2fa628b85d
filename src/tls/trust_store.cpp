#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <new>
#include <optional>
#include <utility>

#include "base/log.h"
#include "tls/client_context.h"
#include "tls/error_queue.h"
#include "tls/trust_state.h"

namespace borehole::tls {
namespace {

// Debian and Ubuntu, Fedora and RHEL, openSUSE, Alpine and macOS, OpenELEC, CentOS 7 and 8.
constexpr std::array<const char*, 6> usual_bundles = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
};

using Certificates = std::vector<bssl::UniquePtr<X509>>;

Error io_error(const std::string& what) { return {ErrorCode::io_failed, Fault::proxy, what}; }

Result<std::string> read_text(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return unexpected(io_error(fmt::format("{} cannot be read: {}", path, std::strerror(errno))));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return unexpected(io_error(fmt::format("{} cannot be read", path)));
  return text;
}

struct Parsed {
  Certificates certificates;
  std::size_t damaged = 0;
};

Parsed parse_pem(const std::string& text) {
  Parsed parsed;
  bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  while (bio && BIO_pending(bio.get()) > 0) {
    bssl::UniquePtr<X509> certificate(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    if (certificate) {
      parsed.certificates.push_back(std::move(certificate));
      continue;
    }
    const std::uint32_t error = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) break;
    ++parsed.damaged;
  }
  return parsed;
}

// `borehole env` points SSL_CERT_FILE at bundle.pem, in which our own root is. Who holds the issuing key must not be
// able to stand between borehole and the upstream: our roots vouch for us to clients only.
bool is_own_root(X509* certificate) {
  std::array<char, 64> organization{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_organizationName, organization.data(),
                            static_cast<int>(organization.size()));
  return std::strcmp(organization.data(), "borehole") == 0;
}

struct SystemBundle {
  std::string path;  // empty: none was found
  Certificates roots;
};

Result<SystemBundle> read_system_bundle() {
  SystemBundle bundle;
  const char* chosen = std::getenv("SSL_CERT_FILE");
  const bool is_chosen = chosen != nullptr && *chosen != '\0';
  std::string text;
  if (is_chosen) {
    bundle.path = chosen;
    auto read = read_text(bundle.path);
    if (!read) {
      read.error().detail += "; it is what SSL_CERT_FILE names: correct or unset that variable";
      return unexpected(std::move(read).error());
    }
    text = std::move(*read);
  } else {
    for (const char* path : usual_bundles) {
      auto read = read_text(path);
      if (!read || read->empty()) continue;
      bundle.path = path;
      text = std::move(*read);
      break;
    }
  }
  Parsed parsed = parse_pem(text);
  if (parsed.damaged > 0) log::warn("{}: {} certificates cannot be read and are left out", bundle.path, parsed.damaged);
  if (is_chosen && parsed.certificates.empty()) {
    return unexpected(io_error(fmt::format(
        "{} holds no certificate; it is what SSL_CERT_FILE names: correct or unset that variable", bundle.path)));
  }
  for (auto& certificate : parsed.certificates) {
    if (!is_own_root(certificate.get())) bundle.roots.push_back(std::move(certificate));
  }
  return bundle;
}

void add(X509_STORE& store, X509* certificate) {
  // What it says is worked out once, and kept: not while a call is served, where memory may have run out.
  X509_check_purpose(certificate, -1, 0);
  X509_STORE_add_cert(&store, certificate);  // fails for a certificate that is in it already, which is no loss
  if (memory_ran_out()) throw std::bad_alloc();
}

Result<void> add_file(X509_STORE& store, const std::string& path) {
  auto text = read_text(path);
  if (!text) {
    text.error().detail += "; upstream.ca_files names it";
    return unexpected(std::move(text).error());
  }
  const Parsed parsed = parse_pem(*text);
  if (parsed.damaged > 0 || parsed.certificates.empty()) {
    const char* what = parsed.damaged > 0 ? "a certificate that cannot be read" : "no certificate";
    return unexpected(io_error(
        fmt::format("{} holds {}; upstream.ca_files wants PEM files (-----BEGIN CERTIFICATE-----)", path, what)));
  }
  for (const auto& certificate : parsed.certificates) add(store, certificate.get());
  return {};
}

}  // namespace

TrustStore::TrustStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
TrustStore::~TrustStore() = default;

Result<std::shared_ptr<const TrustStore>> TrustStore::load(const std::vector<std::string>& ca_files) {
  auto state = std::make_unique<State>();
  state->store.reset(X509_STORE_new());
  if (!state->store) return unexpected(Error{ErrorCode::out_of_memory, Fault::proxy, "out of memory"});
  auto bundle = read_system_bundle();
  if (!bundle) return unexpected(std::move(bundle).error());
  for (const auto& root : bundle->roots) add(*state->store, root.get());
  state->system_roots = bundle->roots.size();
  for (const std::string& path : ca_files) {
    if (auto added = add_file(*state->store, path); !added) return unexpected(std::move(added).error());
  }
  return std::shared_ptr<const TrustStore>(new TrustStore(std::move(state)));
}

std::size_t TrustStore::system_roots() const noexcept { return state_->system_roots; }

std::string TrustStore::system_roots_pem() {
  auto bundle = read_system_bundle();
  bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!bundle || !out) return {};
  for (const auto& root : bundle->roots) PEM_write_bio_X509(out.get(), root.get());
  const std::uint8_t* text = nullptr;
  std::size_t size = 0;
  if (BIO_mem_contents(out.get(), &text, &size) != 1 || size == 0) return {};
  return {reinterpret_cast<const char*>(text), size};
}

}  // namespace borehole::tls
