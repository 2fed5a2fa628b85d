#include "ca/certificate_authority.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "ca/authority_state.h"
#include "ca/ca_files.h"
#include "ca/certificate_text.h"
#include "ca/certificate_writer.h"
#include "ca/client_files.h"
#include "ca/name_constraints.h"
#include "ca/retired_roots.h"

namespace borehole::ca {
namespace {

constexpr std::chrono::days lifetime{730};

constexpr const char* root_file = "ca.pem";
constexpr const char* root_der_file = "ca.der";
constexpr const char* issuing_file = "issuing.pem";
constexpr const char* key_file = "issuing.key";
// Where a new CA is written before it is moved into place. Found without a ca.pem beside it, it is the rest of an
// interrupted attempt that nobody can have trusted.
constexpr const char* staging_folder = ".making";

std::string join(const std::string& folder, const char* file) { return folder + "/" + file; }

Error ca_invalid(std::string detail) { return {ErrorCode::ca_invalid, Fault::proxy, std::move(detail)}; }
Error internal(const char* what) { return {ErrorCode::internal, Fault::proxy, what}; }

constexpr const char* mend = "restore the folder from a copy, or run `borehole ca rotate` for a new CA";

bssl::UniquePtr<CRYPTO_BUFFER> buffer_of(Bytes der) {
  return bssl::UniquePtr<CRYPTO_BUFFER>(
      CRYPTO_BUFFER_new(reinterpret_cast<const std::uint8_t*>(der.data()), der.size(), nullptr));
}

// --- making ---

struct Tier {
  std::string der;
  std::string name;
  bssl::UniquePtr<EVP_PKEY> key;
  PublicKey public_key;
};

bool prepare(Tier& tier, const char* kind, const std::string& mark) {
  tier.key = make_p256_key();
  if (!tier.key) return false;
  auto public_key = public_key_of(*tier.key);
  if (!public_key) return false;
  tier.public_key = std::move(*public_key);
  tier.name = encode_name(fmt::format("borehole {} CA {}", kind, mark));
  return true;
}

Profile profile_of(const Tier& issuer, const Tier& subject, WallTime now, const std::string& constraints, int pathlen) {
  Profile profile;
  profile.issuer = issuer.name;
  profile.subject = subject.name;
  profile.not_before = now - backdated;
  profile.not_after = now + lifetime;
  profile.key = subject.public_key;
  if (&issuer != &subject) profile.authority_key_id = issuer.public_key.id;
  profile.ca_pathlen = pathlen;
  profile.name_constraints = constraints;
  return profile;
}

// Two CAs never share a name: trust stores would take one for the other.
std::string unique_mark(WallTime now) {
  std::array<char, 4> random{};
  RAND_bytes(reinterpret_cast<std::uint8_t*>(random.data()), random.size());
  return format_rfc3339(now).substr(0, 10) + " " + hex({random.data(), random.size()});
}

Result<void> write_authority(const std::string& staging, const Tier& root, const Tier& issuing) {
  const bssl::UniquePtr<BIO> key_pem(BIO_new(BIO_s_mem()));  // its memory is cleansed when freed
  if (!key_pem ||
      PEM_write_bio_PKCS8PrivateKey(key_pem.get(), issuing.key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return unexpected(internal("the CA's key cannot be written"));
  }
  if (auto done = write_new_file(join(staging, key_file), contents(*key_pem), 0600); !done) return done;
  if (auto done = write_new_file(join(staging, issuing_file), pem_of(issuing.der), 0644); !done) return done;
  if (auto done = write_new_file(join(staging, root_der_file), root.der, 0644); !done) return done;
  return write_new_file(join(staging, root_file), pem_of(root.der), 0644);
}

// The lock is held, and there is no CA.
Result<void> make_authority(const std::string& folder, const NameConstraints& constraints, WallTime now) {
  auto encoded = encode_constraints(constraints);
  if (!encoded) return unexpected(std::move(encoded).error());

  const std::string mark = unique_mark(now);
  Tier root;
  Tier issuing;
  if (!prepare(root, "development", mark) || !prepare(issuing, "issuing", mark)) {
    return unexpected(internal("no key for the CA could be made"));
  }
  root.der = sign_certificate(profile_of(root, root, now, *encoded, 1), *root.key);
  issuing.der = sign_certificate(profile_of(root, issuing, now, *encoded, 0), *root.key);
  root.key.reset();  // the only copy; BoringSSL overwrites it
  if (root.der.empty() || issuing.der.empty()) return unexpected(internal("the CA could not be signed"));

  const std::string staging = join(folder, staging_folder);
  remove_tree(staging);
  if (auto made = make_private_folder(staging); !made) return made;
  if (auto written = write_authority(staging, root, issuing); !written) {
    remove_tree(staging);
    return written;
  }
  // ca.pem comes last: with it there the CA is whole.
  for (const char* file : {key_file, issuing_file, root_der_file, root_file}) {
    if (auto moved = rename_file(join(staging, file), join(folder, file)); !moved) return moved;
  }
  sync_folder(folder);
  remove_tree(staging);
  return {};
}

// --- opening ---

Error unreadable(Error error) {
  if (error.code != ErrorCode::io_failed) return error;  // it says what to do
  return ca_invalid(fmt::format("{}; {}", error.detail, mend));
}

Result<bssl::UniquePtr<X509>> read_certificate(const std::string& path) {
  auto text = read_file(path);
  if (!text) return unexpected(unreadable(std::move(text).error()));
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.InnerPointer): `bio` dies before `text`
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  bssl::UniquePtr<X509> certificate;
  if (bio) certificate.reset(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) return unexpected(ca_invalid(fmt::format("{} holds no readable certificate; {}", path, mend)));
  return certificate;
}

int no_password(char*, int, int, void*) noexcept { return 0; }

Result<bssl::UniquePtr<EVP_PKEY>> read_key(const std::string& path) {
  auto text = read_secret_file(path);
  if (!text) return unexpected(unreadable(std::move(text).error()));
  std::string& pem = *text;
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  bssl::UniquePtr<EVP_PKEY> key;
  if (bio) key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  cleanse(pem);
  ERR_clear_error();
  if (!key) return unexpected(ca_invalid(fmt::format("{} holds no readable key; {}", path, mend)));
  return key;
}

Result<void> check_times(const std::string& path, X509& certificate, WallTime now, AuthorityFacts& facts) {
  WallTime begin{};
  WallTime end{};
  if (!wall_time(X509_get0_notBefore(&certificate), begin) || !wall_time(X509_get0_notAfter(&certificate), end)) {
    return unexpected(ca_invalid(fmt::format("{} has an unreadable validity; {}", path, mend)));
  }
  if (now > end) {
    return unexpected(ca_invalid(fmt::format("{} expired on {}: run `borehole ca rotate`, then trust the new CA", path,
                                             format_rfc3339(end).substr(0, 10))));
  }
  if (now < begin) {
    return unexpected(ca_invalid(fmt::format("{} is not valid before {}: check this machine's clock", path,
                                             format_rfc3339(begin).substr(0, 10))));
  }
  facts.not_before = std::max(facts.not_before, begin);
  facts.not_after = facts.not_after == WallTime{} ? end : std::min(facts.not_after, end);
  return {};
}

bool signs(X509& issuer, X509& subject) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(&issuer));
  const bool ok = key && X509_check_ca(&issuer) == 1 && X509_check_issued(&issuer, &subject) == X509_V_OK &&
                  X509_verify(&subject, key.get()) == 1;
  ERR_clear_error();
  return ok;
}

Result<void> fill(CertificateAuthority::State& state, X509& root, X509& issuing, WallTime now) {
  const std::string root_path = join(state.folder, root_file);
  const std::string issuing_path = join(state.folder, issuing_file);
  if (auto fine = check_times(root_path, root, now, state.facts); !fine) return fine;
  if (auto fine = check_times(issuing_path, issuing, now, state.facts); !fine) return fine;
  if (!signs(root, root)) return unexpected(ca_invalid(fmt::format("{} is no self-signed CA; {}", root_path, mend)));
  if (!signs(root, issuing) || X509_check_ca(&issuing) != 1) {
    return unexpected(ca_invalid(fmt::format("{} is no CA signed by {}; {}", issuing_path, root_path, mend)));
  }
  const ASN1_OCTET_STRING* key_id = X509_get0_subject_key_id(&issuing);
  if (X509_check_private_key(&issuing, state.issuing_key.get()) != 1 || key_id == nullptr) {
    ERR_clear_error();
    return unexpected(
        ca_invalid(fmt::format("{} does not fit {}; {}", join(state.folder, key_file), issuing_path, mend)));
  }
  auto constraints = read_constraints(issuing);
  if (!constraints) {
    return unexpected(ca_invalid(fmt::format("{} {}; {}", issuing_path, constraints.error().detail, mend)));
  }
  state.facts.constraints = std::move(*constraints);
  state.facts.root_subject = subject_text(root);
  state.facts.issuing_subject = subject_text(issuing);
  state.facts.root_sha256 = fingerprint(root, *EVP_sha256());
  state.facts.root_sha1 = fingerprint(root, *EVP_sha1());
  state.facts.issuing_sha256 = fingerprint(issuing, *EVP_sha256());
  state.root_pem = pem_of(der_of(root));
  state.issuing_certificate = buffer_of(der_of(issuing));
  state.issuing_key_id = {reinterpret_cast<const char*>(ASN1_STRING_get0_data(key_id)),
                          static_cast<std::size_t>(ASN1_STRING_length(key_id))};
  std::uint8_t* name = nullptr;
  const int name_size = i2d_X509_NAME(X509_get_subject_name(&issuing), &name);
  const bssl::UniquePtr<std::uint8_t> owned(name);
  if (name_size <= 0 || !state.issuing_certificate) return unexpected(internal("the CA cannot be read"));
  state.issuing_name = {reinterpret_cast<const char*>(name), static_cast<std::size_t>(name_size)};
  return {};
}

Result<std::unique_ptr<CertificateAuthority::State>> read_authority(const std::string& folder, WallTime now) {
  if (auto fine = check_folder(folder); !fine) return unexpected(std::move(fine).error());
  auto state = std::make_unique<CertificateAuthority::State>();
  state->folder = folder;
  auto root = read_certificate(join(folder, root_file));
  if (!root) return unexpected(std::move(root).error());
  auto issuing = read_certificate(join(folder, issuing_file));
  if (!issuing) return unexpected(std::move(issuing).error());
  auto key = read_key(join(folder, key_file));
  if (!key) return unexpected(std::move(key).error());
  state->issuing_key = std::move(*key);
  if (auto filled = fill(*state, **root, **issuing, now); !filled) return unexpected(std::move(filled).error());
  return state;
}

// What one may find instead of a CA. The rest of an interrupted attempt counts as nothing.
Result<bool> has_authority(const std::string& folder) {
  if (auto allowed = check_access(join(folder, root_file)); !allowed) return unexpected(std::move(allowed).error());
  if (exists(join(folder, root_file))) return true;
  if (exists(join(folder, staging_folder))) return false;
  for (const char* file : {key_file, issuing_file}) {
    if (!exists(join(folder, file))) continue;
    return unexpected(ca_invalid(fmt::format("{} is missing beside {}; {}", join(folder, root_file), file, mend)));
  }
  return false;
}

void warn_if_it_ends_soon(const CertificateAuthority::State& state, WallTime now) {
  const int days = days_left(state.facts, now);
  if (days >= soon_days) return;
  log::warn("the CA in {} ends in {} {}: run `borehole ca rotate`, start again, and trust the new one", state.folder,
            days, days == 1 ? "day" : "days");
}

}  // namespace

CertificateAuthority::CertificateAuthority(std::unique_ptr<State> state) : state_(std::move(state)) {}
CertificateAuthority::~CertificateAuthority() = default;

Result<std::shared_ptr<const CertificateAuthority>> CertificateAuthority::open_or_create(
    const std::string& folder, const NameConstraints& constraints, WallTime now) {
  if (auto allowed = check_access(join(folder, root_file)); !allowed) return unexpected(std::move(allowed).error());
  if (!exists(join(folder, root_file))) {
    if (auto made = make_private_folder(folder); !made) return unexpected(std::move(made).error());
  }
  auto lock = FolderLock::take(folder);
  auto found = has_authority(folder);
  if (!found) return unexpected(std::move(found).error());
  // A folder that may only be read is good enough for a CA that exists.
  if (!lock && !*found) return unexpected(std::move(lock).error());
  if (!*found) {
    if (auto made = make_authority(folder, constraints, now); !made) return unexpected(std::move(made).error());
  }
  auto state = read_authority(folder, now);
  if (!state) return unexpected(std::move(state).error());
  if (auto fresh = refresh_client_files(folder, (*state)->root_pem); !fresh) {
    return unexpected(std::move(fresh).error());
  }
  warn_if_it_ends_soon(**state, now);
  return std::shared_ptr<const CertificateAuthority>(new CertificateAuthority(std::move(*state)));
}

Result<std::shared_ptr<const CertificateAuthority>> CertificateAuthority::rotate(const std::string& folder,
                                                                                 const NameConstraints& constraints,
                                                                                 WallTime now) {
  if (auto allowed = check_access(join(folder, root_file)); !allowed) return unexpected(std::move(allowed).error());
  if (auto made = make_private_folder(folder); !made) return unexpected(std::move(made).error());
  {
    auto lock = FolderLock::take(folder);
    if (!lock) return unexpected(std::move(lock).error());
    if (auto noted = retire_root(folder); !noted) return unexpected(std::move(noted).error());
    // The key first: whatever happens then, no half of an old CA can be opened. What clients read stays until it is
    // exchanged.
    for (const char* file : {key_file, issuing_file, root_file, root_der_file}) remove_tree(join(folder, file));
    sync_folder(folder);
  }
  return open_or_create(folder, constraints, now);
}

Result<std::shared_ptr<const CertificateAuthority>> CertificateAuthority::open(const std::string& folder,
                                                                               WallTime now) {
  auto found = has_authority(folder);
  if (!found) return unexpected(std::move(found).error());
  if (!*found) {
    return unexpected(Error{ErrorCode::not_found, Fault::proxy,
                            fmt::format("there is no CA in {} yet: `borehole serve` makes one when it starts, and "
                                        "`borehole ca rotate` makes one now",
                                        folder)});
  }
  auto state = read_authority(folder, now);
  if (!state) return unexpected(std::move(state).error());
  return std::shared_ptr<const CertificateAuthority>(new CertificateAuthority(std::move(*state)));
}

int days_left(const AuthorityFacts& facts, WallTime now) {
  return static_cast<int>(std::chrono::floor<std::chrono::days>(facts.not_after - now).count());
}

const AuthorityFacts& CertificateAuthority::facts() const noexcept { return state_->facts; }
std::string CertificateAuthority::root_pem() const { return state_->root_pem; }
const std::string& CertificateAuthority::folder() const noexcept { return state_->folder; }

}  // namespace borehole::ca
