#include "tls/broken_chain.h"

#include <fmt/format.h>
#include <openssl/nid.h>
#include <openssl/x509v3.h>

#include <array>

#include "base/log.h"

namespace borehole::tls {
namespace {

bool leads_nowhere(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED: return true;
    default: return false;
  }
}

bool self_issued(X509* certificate) {
  return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
}

// Of those that were sent: the one that bears the name of who issued `certificate`.
X509* sent_issuer(X509_STORE_CTX& context, X509* certificate) {
  STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(&context);
  const std::size_t count = sent == nullptr ? 0 : sk_X509_num(sent);
  for (std::size_t i = 0; i < count; ++i) {
    X509* one = sk_X509_value(sent, i);
    if (X509_NAME_cmp(X509_get_subject_name(one), X509_get_issuer_name(certificate)) == 0) return one;
  }
  return nullptr;
}

// Does it tell where its issuer's certificate is to be had (RFC 5280 section 4.2.2.1)? Who is a root itself has no
// reason to.
bool names_its_issuer(X509* certificate) {
  bssl::UniquePtr<AUTHORITY_INFO_ACCESS> access(
      static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(certificate, NID_info_access, nullptr, nullptr)));
  const std::size_t count = access ? sk_ACCESS_DESCRIPTION_num(access.get()) : 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(access.get(), i)->method) == NID_ad_ca_issuers) return true;
  }
  return false;
}

}  // namespace

std::string name_text(X509_NAME* name) {
  std::array<char, 256> text{};
  X509_NAME_oneline(name, text.data(), static_cast<int>(text.size()));
  return log::escaped(text.data());
}

std::optional<BrokenChain> broken_chain(X509_STORE_CTX& context, int error) {
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(&context);
  const std::size_t count = chain == nullptr ? 0 : sk_X509_num(chain);
  if (!leads_nowhere(error) || count == 0) return std::nullopt;
  X509* last = sk_X509_value(chain, count - 1);
  const std::string issuer = name_text(X509_get_issuer_name(last));
  if (self_issued(last) && count == 1) {
    return BrokenChain{"it is self-signed, so nobody but itself vouches for it",
                       "if you know it to be the right one, add it to upstream.ca_files"};
  }
  if (self_issued(last)) {
    return BrokenChain{fmt::format("its chain ends in a root that is not trusted here, {}", issuer),
                       "if you trust that root (of a proxy of your company, say), add it to upstream.ca_files"};
  }
  if (X509* signer = sent_issuer(context, last)) {
    if ((X509_get_extension_flags(signer) & EXFLAG_CA) == 0) {
      return BrokenChain{fmt::format("it was signed with a certificate that is no CA's, {}", issuer),
                         "it must be issued anew, by a CA"};
    }
    if ((X509_get_key_usage(signer) & KU_KEY_CERT_SIGN) == 0) {
      return BrokenChain{
          fmt::format("it was signed by a CA that may not sign certificates (its key usage), {}", issuer),
          "the CA's certificate must be issued anew"};
    }
  }
  if (names_its_issuer(last)) {
    return BrokenChain{
        fmt::format("the server does not send its whole chain: the certificate of {} is missing", issuer),
        "let the server send it along, or add it to upstream.ca_files"};
  }
  return BrokenChain{
      fmt::format("who issued it, {}, is not trusted here, and no certificate that leads to a trusted root was sent",
                  issuer),
      "if you trust that issuer (a proxy of your company, say), add its root to upstream.ca_files; if it is an "
      "intermediate, let the server send it along"};
}

}  // namespace borehole::tls
