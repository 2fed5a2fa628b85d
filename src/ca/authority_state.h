// The CA as BoringSSL wants it, in memory. Never included outside ca/.
#pragma once

#include <openssl/base.h>
#include <openssl/evp.h>
#include <openssl/pool.h>

#include <string>

#include "ca/certificate_authority.h"

namespace borehole::ca {

// Immutable once made; BoringSSL signs with one key from several threads.
struct CertificateAuthority::State {
  std::string folder;
  std::string root_pem;
  AuthorityFacts facts;
  bssl::UniquePtr<EVP_PKEY> issuing_key;
  bssl::UniquePtr<CRYPTO_BUFFER> issuing_certificate;
  std::string issuing_name;    // DER of its subject
  std::string issuing_key_id;  // its subjectKeyIdentifier
};

}  // namespace borehole::ca
