#include "ca/trust_p12.h"

#include <fmt/format.h>
#include <openssl/cipher.h>
#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "ca/der.h"

namespace borehole::ca {
namespace {

using namespace std::string_view_literals;

// Contents of OBJECT IDENTIFIER values.
constexpr Bytes oid_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"sv;                  // 1.2.840.113549.1.7.1
constexpr Bytes oid_encrypted_data = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06"sv;        // 1.2.840.113549.1.7.6
constexpr Bytes oid_cert_bag = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03"sv;      // …1.12.10.1.3
constexpr Bytes oid_x509_certificate = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01"sv;  // …1.9.22.1
constexpr Bytes oid_friendly_name = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14"sv;         // …1.9.20
constexpr Bytes oid_pbes2 = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"sv;                 // …1.5.13
constexpr Bytes oid_pbkdf2 = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c"sv;                // …1.5.12
constexpr Bytes oid_hmac_with_sha256 = "\x2a\x86\x48\x86\xf7\x0d\x02\x09"sv;          // …2.9
constexpr Bytes oid_aes256_cbc = "\x60\x86\x48\x01\x65\x03\x04\x01\x2a"sv;            // 2.16.840.1.101.3.4.1.42
constexpr Bytes oid_sha256 = "\x60\x86\x48\x01\x65\x03\x04\x02\x01"sv;                // 2.16.840.1.101.3.4.2.1
constexpr Bytes oid_trusted_key_usage =
    "\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01"sv;      // 2.16.840.1.113894.746875.1.1
constexpr Bytes oid_any_ext_key_usage = "\x55\x1d\x25\x00"sv;  // 2.5.29.37.0
constexpr Bytes der_null = "\x05\x00"sv;
constexpr Bytes der_iterations = "\x02\x02\x27\x10"sv;
constexpr unsigned iterations = 10000;  // Java's default since 12; nothing here is secret

constexpr unsigned bmp_string = 0x1e;
constexpr std::size_t shortest_password = 6;

std::string oid(Bytes content) { return der::value(der::object_identifier, content); }
std::string sequence(std::initializer_list<Bytes> contents) { return der::value(der::sequence, contents); }
std::string explicit_0(Bytes content) { return der::value(der::context_constructed | 0U, content); }
Bytes as_bytes(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }
const std::uint8_t* octets(Bytes bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

// UTF-8 as a BMPString's content: UTF-16, big end first, surrogate pairs beyond U+FFFF as Java has them.
std::optional<std::string> to_utf16(Bytes text) {
  std::string out;
  const auto put = [&out](std::uint32_t unit) {
    out += static_cast<char>(unit >> 8U & 0xffU);
    out += static_cast<char>(unit & 0xffU);
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || i + length > text.size()) return std::nullopt;
    std::uint32_t point = length == 1 ? first : first & (0xffU >> (length + 1));
    for (std::size_t j = 1; j < length; ++j) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      if ((next & 0xc0U) != 0x80U) return std::nullopt;
      point = point << 6U | (next & 0x3fU);
    }
    const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
    if (overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return std::nullopt;
    i += length;
    if (point < 0x10000) {
      put(point);
    } else {
      put(0xd800U + ((point - 0x10000U) >> 10U));
      put(0xdc00U + ((point - 0x10000U) & 0x3ffU));
    }
  }
  return out;
}

std::string cert_bag(const TrustAnchor& anchor, Bytes alias) {
  const std::string bag = sequence({oid(oid_x509_certificate), explicit_0(der::value(der::octet_string, anchor.der))});
  std::array<std::string, 2> attributes{
      sequence({oid(oid_friendly_name), der::value(der::set, der::value(bmp_string, alias))}),
      sequence({oid(oid_trusted_key_usage), der::value(der::set, oid(oid_any_ext_key_usage))}),
  };
  std::sort(attributes.begin(), attributes.end());  // DER's order of a SET OF (X.690 section 11.6)
  return sequence({oid(oid_cert_bag), explicit_0(bag), der::value(der::set, {attributes[0], attributes[1]})});
}

// EncryptedData with PBES2 (RFC 8018 section 6.2); empty on failure.
std::string encrypted(Bytes plaintext, Bytes password) {
  std::array<std::uint8_t, 16> salt{};
  std::array<std::uint8_t, 16> iv{};
  std::array<std::uint8_t, 32> key{};
  RAND_bytes(salt.data(), salt.size());
  RAND_bytes(iv.data(), iv.size());
  if (PKCS5_PBKDF2_HMAC(password.data(), password.size(), salt.data(), salt.size(), iterations, EVP_sha256(),
                        key.size(), key.data()) != 1) {
    return {};
  }
  bssl::ScopedEVP_CIPHER_CTX cipher;
  std::string text(plaintext.size() + 16, '\0');
  int size = 0;
  int rest = 0;
  auto* out = reinterpret_cast<std::uint8_t*>(text.data());
  if (EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_cbc(), nullptr, key.data(), iv.data()) != 1 ||
      EVP_EncryptUpdate(cipher.get(), out, &size, octets(plaintext), static_cast<int>(plaintext.size())) != 1 ||
      EVP_EncryptFinal_ex(cipher.get(), out + size, &rest) != 1) {
    return {};
  }
  text.resize(static_cast<std::size_t>(size) + static_cast<std::size_t>(rest));
  const std::string derivation =
      sequence({oid(oid_pbkdf2), sequence({der::value(der::octet_string, as_bytes(salt.data(), salt.size())),
                                           der_iterations, sequence({oid(oid_hmac_with_sha256), der_null})})});
  const std::string scheme =
      sequence({oid(oid_aes256_cbc), der::value(der::octet_string, as_bytes(iv.data(), iv.size()))});
  const std::string algorithm = sequence({oid(oid_pbes2), sequence({derivation, scheme})});
  return sequence({der::small_integer(0), sequence({oid(oid_data), algorithm, der::value(der::context | 0U, text)})});
}

// RFC 7292 appendix B.2 with SHA-256, for a key of one digest: steps 1 to 6 run once.
std::array<std::uint8_t, SHA256_DIGEST_LENGTH> mac_key(Bytes salt, Bytes utf16_password) {
  constexpr std::size_t block = SHA256_CBLOCK;
  constexpr char for_mac = 3;  // B.3
  const auto filled = [](Bytes from) {
    std::string to;
    const std::size_t size = (from.size() + block - 1) / block * block;
    for (std::size_t i = 0; i < size; ++i) to += from[i % from.size()];
    return to;
  };
  const std::string text = std::string(block, for_mac) + filled(salt) + filled(utf16_password);
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(octets(text), text.size(), digest.data());
  for (unsigned i = 1; i < iterations; ++i) SHA256(digest.data(), digest.size(), digest.data());
  return digest;
}

std::string mac_of(Bytes content, Bytes utf16_password) {
  std::array<std::uint8_t, 20> salt{};
  RAND_bytes(salt.data(), salt.size());
  const Bytes salt_bytes = as_bytes(salt.data(), salt.size());
  const auto key = mac_key(salt_bytes, utf16_password);
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> mac{};
  unsigned size = 0;
  if (HMAC(EVP_sha256(), key.data(), key.size(), octets(content), content.size(), mac.data(), &size) == nullptr) {
    return {};
  }
  const std::string digest =
      sequence({sequence({oid(oid_sha256), der_null}), der::value(der::octet_string, as_bytes(mac.data(), size))});
  return sequence({digest, der::value(der::octet_string, salt_bytes), der_iterations});
}

}  // namespace

Result<std::string> to_pkcs12_trust_store(const std::vector<TrustAnchor>& anchors, const std::string& password) {
  const auto utf16_password = to_utf16(password);
  if (!utf16_password || utf16_password->size() < 2 * shortest_password) {
    return unexpected(
        Error{ErrorCode::config_invalid, Fault::proxy,
              fmt::format("the password of a .p12 file must be UTF-8 and have {} characters or more: choose another",
                          shortest_password)});
  }
  std::string bags;
  for (const auto& anchor : anchors) {
    const auto alias = to_utf16(anchor.alias);
    if (!alias) return unexpected(Error{ErrorCode::internal, Fault::proxy, "an alias is no UTF-8"});
    bags += cert_bag(anchor, *alias);
  }
  const std::string secret = encrypted(der::value(der::sequence, bags), password);
  // AuthenticatedSafe (RFC 7292 section 4): one ContentInfo.
  const std::string safe = sequence({sequence({oid(oid_encrypted_data), explicit_0(secret)})});
  const std::string mac = mac_of(safe, *utf16_password + std::string(2, '\0'));
  if (secret.empty() || mac.empty()) {
    return unexpected(Error{ErrorCode::internal, Fault::proxy, "the .p12 file could not be encrypted"});
  }
  const std::string content = sequence({oid(oid_data), explicit_0(der::value(der::octet_string, safe))});
  return sequence({der::small_integer(3), content, mac});
}

}  // namespace borehole::ca
