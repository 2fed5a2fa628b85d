// Writes and signs X.509 certificates in the three profiles that borehole uses. Never keeps a key.
#pragma once

#include <openssl/base.h>
#include <openssl/evp.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace borehole::ca {

// A subject's key as certificates state it.
struct PublicKey {
  std::string spki;  // DER of SubjectPublicKeyInfo
  std::string id;    // SHA-1 of the key's bits (RFC 5280 section 4.2.1.2, method 1)
};

bssl::UniquePtr<EVP_PKEY> make_p256_key();  // nullptr on failure
std::optional<PublicKey> public_key_of(const EVP_PKEY& key);
// DER of a Name: O=borehole, CN=`common_name` (at most 64 octets).
std::string encode_name(Bytes common_name);

// How long before now certificates begin: clocks of containers and virtual machines lag.
inline constexpr std::chrono::days backdated{1};

struct Profile {
  std::string issuer;   // DER of the Name
  std::string subject;  // DER of the Name
  WallTime not_before{};
  WallTime not_after{};
  PublicKey key;
  std::string authority_key_id;   // empty: none, for a root
  std::optional<int> ca_pathlen;  // set: a CA; not set: a server
  std::string name_constraints;   // a CA's; DER of the value
  std::string alt_names;          // a server's; encoded by add_alt_name
};

// Appends a dNSName or iPAddress to a Profile's alt_names.
void add_dns_name(std::string& alt_names, Bytes host);
void add_address(std::string& alt_names, Bytes octets);

// DER of the certificate, with a random serial of 16 octets; signed with ECDSA and SHA-256. Empty on failure.
std::string sign_certificate(const Profile& profile, EVP_PKEY& signer);

}  // namespace borehole::ca
