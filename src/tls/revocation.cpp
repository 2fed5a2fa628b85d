#include "tls/revocation.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/obj.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <new>

#include "tls/error_queue.h"
#include "tls/staple.h"

namespace borehole::tls {
namespace {

const std::uint8_t* as_octets(Bytes bytes) noexcept { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

int nid_of(Bytes oid) noexcept {
  CBS cbs;
  CBS_init(&cbs, as_octets(oid), oid.size());
  return OBJ_cbs2nid(&cbs);
}

struct Digest {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> octets{};
  unsigned size = 0;
  Bytes view() const noexcept { return {reinterpret_cast<const char*>(octets.data()), size}; }
};

bool names(const Staple::Status& status, X509& leaf, X509& issuer) {
  const EVP_MD* hash = EVP_get_digestbynid(nid_of(status.hash_algorithm));
  if (hash == nullptr) return false;
  const ASN1_INTEGER* serial = X509_get0_serialNumber(&leaf);
  std::uint8_t* der = nullptr;
  const int size = i2d_ASN1_INTEGER(const_cast<ASN1_INTEGER*>(serial), &der);
  if (size <= 0) return false;
  const bssl::UniquePtr<std::uint8_t> owned(der);
  CBS element;
  CBS content;
  CBS_init(&element, der, static_cast<std::size_t>(size));
  if (CBS_get_asn1(&element, &content, CBS_ASN1_INTEGER) != 1) return false;
  if (CBS_mem_equal(&content, as_octets(status.serial), status.serial.size()) != 1) return false;
  Digest name;
  Digest key;
  const ASN1_BIT_STRING* bits = X509_get0_pubkey_bitstr(&issuer);
  return X509_NAME_digest(X509_get_subject_name(&issuer), hash, name.octets.data(), &name.size) == 1 &&
         EVP_Digest(ASN1_STRING_get0_data(bits), static_cast<std::size_t>(ASN1_STRING_length(bits)), key.octets.data(),
                    &key.size, hash, nullptr) == 1 &&
         name.view() == status.issuer_name_hash && key.view() == status.issuer_key_hash;
}

bool signed_by(const Staple& staple, X509& who) {
  int digest = NID_undef;
  int kind = NID_undef;
  bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(&who));
  if (!key || OBJ_find_sigid_algs(nid_of(staple.signature_algorithm), &digest, &kind) != 1) return false;
  // An algorithm that brings parameters of its own (RSASSA-PSS) has no digest here, and is not taken.
  const EVP_MD* hash = EVP_get_digestbynid(digest);
  const bool fits =
      kind == EVP_PKEY_id(key.get()) || (kind == NID_X9_62_id_ecPublicKey && EVP_PKEY_id(key.get()) == EVP_PKEY_EC);
  if (hash == nullptr || !fits) return false;
  bssl::ScopedEVP_MD_CTX context;
  return EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), as_octets(staple.signature), staple.signature.size(),
                          as_octets(staple.signed_part), staple.signed_part.size()) == 1;
}

// May this certificate answer for the issuer?
bool is_delegate(X509& certificate, X509& issuer) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(&issuer));
  return key && X509_check_issued(&issuer, &certificate) == X509_V_OK && X509_verify(&certificate, key.get()) == 1 &&
         (X509_get_extension_flags(&certificate) & EXFLAG_XKUSAGE) != 0 &&
         (X509_get_extended_key_usage(&certificate) & XKU_OCSP_SIGN) != 0;
}

bool is_authentic(const Staple& staple, X509& issuer) {
  if (signed_by(staple, issuer)) return true;
  return std::any_of(staple.certificates.begin(), staple.certificates.end(), [&](Bytes der) {
    const std::uint8_t* at = as_octets(der);
    const bssl::UniquePtr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    return certificate && is_delegate(*certificate, issuer) && signed_by(staple, *certificate);
  });
}

}  // namespace

bool is_revoked(Bytes der, X509& leaf, X509& issuer) {
  const auto staple = read_staple(der);
  if (!staple) return false;
  const bool said = std::any_of(staple->statuses.begin(), staple->statuses.end(), [&](const Staple::Status& status) {
    return status.revoked && names(status, leaf, issuer);
  });
  const bool revoked = said && is_authentic(*staple, issuer);
  if (memory_ran_out()) throw std::bad_alloc();
  return revoked;
}

}  // namespace borehole::tls
