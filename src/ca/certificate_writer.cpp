#include "ca/certificate_writer.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>

#include "ca/der.h"

namespace borehole::ca {
namespace {

using namespace std::string_view_literals;

// Contents of OBJECT IDENTIFIER values.
constexpr Bytes oid_organization = "\x55\x04\x0a"sv;                           // 2.5.4.10
constexpr Bytes oid_common_name = "\x55\x04\x03"sv;                            // 2.5.4.3
constexpr Bytes oid_subject_key_id = "\x55\x1d\x0e"sv;                         // 2.5.29.14
constexpr Bytes oid_key_usage = "\x55\x1d\x0f"sv;                              // 2.5.29.15
constexpr Bytes oid_alt_name = "\x55\x1d\x11"sv;                               // 2.5.29.17
constexpr Bytes oid_basic_constraints = "\x55\x1d\x13"sv;                      // 2.5.29.19
constexpr Bytes oid_name_constraints = "\x55\x1d\x1e"sv;                       // 2.5.29.30
constexpr Bytes oid_authority_key_id = "\x55\x1d\x23"sv;                       // 2.5.29.35
constexpr Bytes oid_ext_key_usage = "\x55\x1d\x25"sv;                          // 2.5.29.37
constexpr Bytes oid_server_auth = "\x2b\x06\x01\x05\x05\x07\x03\x01"sv;        // 1.3.6.1.5.5.7.3.1
constexpr Bytes oid_ecdsa_with_sha256 = "\x2a\x86\x48\xce\x3d\x04\x03\x02"sv;  // 1.2.840.10045.4.3.2
constexpr Bytes der_true = "\x01\x01\xff"sv;

// BIT STRINGs with their unused bits (RFC 5280 section 4.2.1.3).
constexpr Bytes usage_cert_and_crl_sign = "\x03\x02\x01\x06"sv;
constexpr Bytes usage_digital_signature = "\x03\x02\x07\x80"sv;

Bytes as_bytes(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

std::string attribute(Bytes oid, Bytes text) {
  return der::value(der::set, der::value(der::sequence, {der::value(der::object_identifier, oid),
                                                         der::value(der::utf8_string, text)}));
}

std::string extension(Bytes oid, bool critical, Bytes value) {
  return der::value(der::sequence, {der::value(der::object_identifier, oid), critical ? der_true : Bytes(),
                                    der::value(der::octet_string, value)});
}

std::string extensions(const Profile& profile) {
  std::string all;
  if (profile.ca_pathlen) {
    const auto pathlen = der::small_integer(static_cast<std::uint8_t>(*profile.ca_pathlen));
    all += extension(oid_basic_constraints, true, der::value(der::sequence, {der_true, pathlen}));
    all += extension(oid_key_usage, true, usage_cert_and_crl_sign);
    all += extension(oid_name_constraints, true, profile.name_constraints);
  } else {
    all += extension(oid_basic_constraints, true, der::value(der::sequence, ""));
    all += extension(oid_key_usage, true, usage_digital_signature);
    all += extension(oid_ext_key_usage, false,
                     der::value(der::sequence, der::value(der::object_identifier, oid_server_auth)));
    all += extension(oid_alt_name, false, der::value(der::sequence, profile.alt_names));
  }
  all += extension(oid_subject_key_id, false, der::value(der::octet_string, profile.key.id));
  if (!profile.authority_key_id.empty()) {
    all += extension(oid_authority_key_id, false,
                     der::value(der::sequence, der::value(der::context | 0U, profile.authority_key_id)));
  }
  return der::value(der::context_constructed | 3U, der::value(der::sequence, all));
}

// Positive, 16 octets, and the same length always: the top bit is clear, the next one set.
std::string serial_number() {
  std::array<std::uint8_t, 16> octets{};
  RAND_bytes(octets.data(), octets.size());
  octets[0] = static_cast<std::uint8_t>((octets[0] & 0x7fU) | 0x40U);
  return der::value(der::integer, as_bytes(octets.data(), octets.size()));
}

std::string ecdsa_signature(Bytes message, EVP_PKEY& signer) {
  bssl::ScopedEVP_MD_CTX context;
  std::size_t size = static_cast<std::size_t>(EVP_PKEY_size(&signer));
  std::string signature(size, '\0');
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, &signer) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<std::uint8_t*>(signature.data()), &size,
                     reinterpret_cast<const std::uint8_t*>(message.data()), message.size()) != 1) {
    return {};
  }
  signature.resize(size);
  return signature;
}

}  // namespace

bssl::UniquePtr<EVP_PKEY> make_p256_key() {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (!ec || !key || EC_KEY_generate_key(ec.get()) != 1 || EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) != 1) {
    return nullptr;
  }
  return key;
}

std::optional<PublicKey> public_key_of(const EVP_PKEY& key) {
  bssl::ScopedCBB cbb;
  std::uint8_t* spki = nullptr;
  std::size_t size = 0;
  if (CBB_init(cbb.get(), 128) != 1 || EVP_marshal_public_key(cbb.get(), &key) != 1 ||
      CBB_finish(cbb.get(), &spki, &size) != 1) {
    return std::nullopt;
  }
  const bssl::UniquePtr<std::uint8_t> owned(spki);
  // SubjectPublicKeyInfo ::= SEQUENCE { algorithm SEQUENCE, subjectPublicKey BIT STRING }
  CBS cbs;
  CBS info;
  CBS algorithm;
  CBS bits;
  std::uint8_t unused = 0;
  CBS_init(&cbs, spki, size);
  if (!CBS_get_asn1(&cbs, &info, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&info, &algorithm, CBS_ASN1_SEQUENCE) ||
      !CBS_get_asn1(&info, &bits, CBS_ASN1_BITSTRING) || !CBS_get_u8(&bits, &unused)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> id{};
  SHA1(CBS_data(&bits), CBS_len(&bits), id.data());
  return PublicKey{std::string(as_bytes(spki, size)), std::string(as_bytes(id.data(), id.size()))};
}

std::string encode_name(Bytes common_name) {
  return der::value(der::sequence, {attribute(oid_organization, "borehole"), attribute(oid_common_name, common_name)});
}

void add_dns_name(std::string& alt_names, Bytes host) { alt_names += der::value(der::context | 2U, host); }
void add_address(std::string& alt_names, Bytes octets) { alt_names += der::value(der::context | 7U, octets); }

std::string sign_certificate(const Profile& profile, EVP_PKEY& signer) {
  const std::string algorithm = der::value(der::sequence, der::value(der::object_identifier, oid_ecdsa_with_sha256));
  const std::string version = der::value(der::context_constructed | 0U, der::small_integer(2));  // v3
  const std::string validity = der::value(der::sequence, {der::time(profile.not_before), der::time(profile.not_after)});
  const std::string to_be_signed =
      der::value(der::sequence, {version, serial_number(), algorithm, profile.issuer, validity, profile.subject,
                                 profile.key.spki, extensions(profile)});
  const std::string signature = ecdsa_signature(to_be_signed, signer);
  if (signature.empty()) return {};
  return der::value(der::sequence, {to_be_signed, algorithm, der::bits(signature)});
}

}  // namespace borehole::ca
