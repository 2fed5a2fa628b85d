#include "tls/certificate_check.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/x509v3.h>

#include <array>
#include <new>

#include "base/log.h"
#include "tls/broken_chain.h"
#include "tls/error_queue.h"
#include "tls/revocation.h"

namespace borehole::tls {
namespace {

constexpr int min_rsa_bits = 2048;
constexpr int min_curve_bits = 256;
constexpr std::size_t max_names_shown = 5;

// What the certificate says it is for, a few at most.
std::string names_of(X509* certificate) {
  bssl::UniquePtr<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string text;
  std::size_t shown = 0;
  const std::size_t count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    if (++shown > max_names_shown) continue;
    if (!text.empty()) text += ", ";
    const ASN1_STRING* value = name->type == GEN_DNS ? static_cast<const ASN1_STRING*>(name->d.dNSName)
                                                     : static_cast<const ASN1_STRING*>(name->d.iPAddress);
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(value));
    if (name->type == GEN_DNS) {
      text += log::escaped({reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)), size});
    } else {
      std::array<char, INET6_ADDRSTRLEN> address{};
      if (size == 4 || size == 16) {
        inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(value), address.data(), address.size());
      }
      text += address[0] == '\0' ? "?" : address.data();
    }
  }
  if (shown > max_names_shown) text += fmt::format(" and {} more", shown - max_names_shown);
  return text;
}

// Self-signed anchors are not verified by their signature, only by being there: theirs does not count.
bool is_weak(X509_STORE_CTX& context, int* depth, const char** why) {
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(&context);
  const std::size_t count = chain == nullptr ? 0 : sk_X509_num(chain);
  for (std::size_t i = 0; i < count; ++i) {
    X509* certificate = sk_X509_value(chain, i);
    *depth = static_cast<int>(i);
    bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
    if (!key) {
      *why = "its public key cannot be read";
      return true;
    }
    if (EVP_PKEY_id(key.get()) == EVP_PKEY_RSA && EVP_PKEY_bits(key.get()) < min_rsa_bits) {
      *why = "an RSA key has less than 2048 bits";
      return true;
    }
    if (EVP_PKEY_id(key.get()) == EVP_PKEY_EC && EVP_PKEY_bits(key.get()) < min_curve_bits) {
      *why = "an elliptic curve has less than 256 bits";
      return true;
    }
    if (i + 1 == count) break;
    switch (X509_get_signature_nid(certificate)) {
      case NID_sha1WithRSAEncryption:
      case NID_sha1WithRSA:
      case NID_ecdsa_with_SHA1:
      case NID_dsaWithSHA1:
      case NID_md5WithRSAEncryption:
      case NID_md5WithRSA: *why = "a signature uses SHA-1 or MD5"; return true;
      default: break;
    }
  }
  return false;
}

bool is_revoked_by(Bytes staple, X509_STORE_CTX& context) {
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(&context);
  if (staple.empty() || chain == nullptr || sk_X509_num(chain) < 2) return false;
  return is_revoked(staple, *sk_X509_value(chain, 0), *sk_X509_value(chain, 1));
}

std::string remedy(int error, X509* leaf, const std::string& host) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "it must be renewed there, unless the clock of this machine is wrong";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "check the clock of this machine";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
      const std::string names = leaf == nullptr ? "" : names_of(leaf);
      return names.empty() ? "it names no host in its subjectAltName; it must be issued anew with one"
                           : fmt::format("it is for {}, not for {}: check the name and upstream.resolve", names, host);
    }
    case X509_V_ERR_CERT_REVOKED: return "do not trust it: its key may be in other hands, until it is issued anew";
    default: return "it must be issued anew";
  }
}

}  // namespace

bool demand_host(X509_VERIFY_PARAM& param, const std::string& host) {
  X509_VERIFY_PARAM_set_hostflags(&param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  std::array<unsigned char, 16> address{};
  if (inet_pton(AF_INET, host.c_str(), address.data()) == 1) {
    return X509_VERIFY_PARAM_set1_ip(&param, address.data(), 4) == 1;
  }
  if (inet_pton(AF_INET6, host.c_str(), address.data()) == 1) {
    return X509_VERIFY_PARAM_set1_ip(&param, address.data(), 16) == 1;
  }
  // An empty name would demand nothing.
  if (host.empty() || host.size() > 253 || host.find('\0') != std::string::npos) return false;
  return X509_VERIFY_PARAM_set1_host(&param, host.data(), host.size()) == 1;
}

int verify_chain(X509_STORE_CTX& context, const std::string& host, Bytes staple, std::string& why) {
  const bool verified = X509_verify_cert(&context) == 1;
  int error = X509_STORE_CTX_get_error(&context);
  int depth = X509_STORE_CTX_get_error_depth(&context);
  const char* reason = X509_verify_cert_error_string(error);
  if (verified && error == X509_V_OK) {
    if (is_weak(context, &depth, &reason)) {
      error = X509_V_ERR_CERT_REJECTED;
    } else if (is_revoked_by(staple, context)) {
      error = X509_V_ERR_CERT_REVOKED;
      depth = 0;
      reason = "its issuer has revoked it (OCSP)";
    }
    if (error != X509_V_OK) X509_STORE_CTX_set_error(&context, error);
  }
  // Then what was found out of the certificate, good or bad, may be wrong.
  if (memory_ran_out() || error == X509_V_ERR_OUT_OF_MEM) throw std::bad_alloc();
  if (verified && error == X509_V_OK) return 1;
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(&context);
  const std::size_t count = chain == nullptr ? 0 : sk_X509_num(chain);
  X509* leaf = count > 0 ? sk_X509_value(chain, 0) : nullptr;
  X509* blamed = depth >= 0 && static_cast<std::size_t>(depth) < count
                     ? sk_X509_value(chain, static_cast<std::size_t>(depth))
                     : leaf;
  const auto broken = broken_chain(context, error);
  why = fmt::format("the certificate of {} is not accepted: {}", host, broken ? broken->reason : reason);
  if (blamed != nullptr) {
    why += fmt::format(" (subject {}, issuer {})", name_text(X509_get_subject_name(blamed)),
                       name_text(X509_get_issuer_name(blamed)));
  }
  why += "; " + (broken ? broken->remedy : remedy(error, leaf, host));
  return 0;
}

}  // namespace borehole::tls
