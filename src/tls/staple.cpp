#include "tls/staple.h"

#include <openssl/bytestring.h>

#include <array>

namespace borehole::tls {
namespace {

constexpr std::size_t most_certificates = 8;
constexpr std::size_t most_statuses = 64;
constexpr std::array<std::uint8_t, 9> basic_response = {0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1};  // RFC 6960 section 4.2.1

constexpr auto context_0 = CBS_ASN1_CONTEXT_SPECIFIC | 0U;
constexpr auto context_1 = CBS_ASN1_CONTEXT_SPECIFIC | 1U;
constexpr auto context_2 = CBS_ASN1_CONTEXT_SPECIFIC | 2U;
constexpr auto explicit_0 = context_0 | CBS_ASN1_CONSTRUCTED;
constexpr auto explicit_1 = context_1 | CBS_ASN1_CONSTRUCTED;
constexpr auto explicit_2 = context_2 | CBS_ASN1_CONSTRUCTED;

Bytes view(const CBS& cbs) noexcept { return {reinterpret_cast<const char*>(CBS_data(&cbs)), CBS_len(&cbs)}; }

// The object identifier of an AlgorithmIdentifier; its parameters are let go.
bool read_algorithm(CBS& from, Bytes& out) {
  CBS algorithm;
  CBS oid;
  if (CBS_get_asn1(&from, &algorithm, CBS_ASN1_SEQUENCE) != 1) return false;
  if (CBS_get_asn1(&algorithm, &oid, CBS_ASN1_OBJECT) != 1) return false;
  out = view(oid);
  return true;
}

bool read_status(CBS& from, Staple::Status& out) {
  CBS single;
  CBS id;
  CBS name;
  CBS key;
  CBS serial;
  CBS value;
  unsigned tag = 0;
  if (CBS_get_asn1(&from, &single, CBS_ASN1_SEQUENCE) != 1) return false;
  if (CBS_get_asn1(&single, &id, CBS_ASN1_SEQUENCE) != 1) return false;
  if (!read_algorithm(id, out.hash_algorithm)) return false;
  if (CBS_get_asn1(&id, &name, CBS_ASN1_OCTETSTRING) != 1) return false;
  if (CBS_get_asn1(&id, &key, CBS_ASN1_OCTETSTRING) != 1) return false;
  if (CBS_get_asn1(&id, &serial, CBS_ASN1_INTEGER) != 1 || CBS_len(&id) != 0) return false;
  if (CBS_get_any_asn1(&single, &value, &tag) != 1) return false;
  if (tag != context_0 && tag != explicit_1 && tag != context_2) return false;  // good, revoked, unknown
  // What follows says from when to when this holds. What was revoked stays so, however old the news.
  out.issuer_name_hash = view(name);
  out.issuer_key_hash = view(key);
  out.serial = view(serial);
  out.revoked = tag == explicit_1;
  return true;
}

bool read_responses(CBS data, Staple& out) {
  CBS tbs;
  CBS skipped;
  CBS responses;
  unsigned tag = 0;
  if (CBS_get_asn1(&data, &tbs, CBS_ASN1_SEQUENCE) != 1) return false;
  if (CBS_get_optional_asn1(&tbs, nullptr, nullptr, explicit_0) != 1) return false;  // the version
  if (CBS_get_any_asn1(&tbs, &skipped, &tag) != 1 || (tag != explicit_1 && tag != explicit_2)) return false;
  if (CBS_get_asn1(&tbs, &skipped, CBS_ASN1_GENERALIZEDTIME) != 1) return false;
  if (CBS_get_asn1(&tbs, &responses, CBS_ASN1_SEQUENCE) != 1) return false;
  while (CBS_len(&responses) > 0) {
    Staple::Status status;
    if (out.statuses.size() == most_statuses || !read_status(responses, status)) return false;
    out.statuses.push_back(status);
  }
  return true;
}

bool read_certificates(CBS& basic, Staple& out) {
  CBS outer;
  CBS certificates;
  int present = 0;
  if (CBS_get_optional_asn1(&basic, &outer, &present, explicit_0) != 1) return false;
  if (present == 0) return true;
  if (CBS_get_asn1(&outer, &certificates, CBS_ASN1_SEQUENCE) != 1 || CBS_len(&outer) != 0) return false;
  while (CBS_len(&certificates) > 0) {
    CBS one;
    if (out.certificates.size() == most_certificates) return false;
    if (CBS_get_asn1_element(&certificates, &one, CBS_ASN1_SEQUENCE) != 1) return false;
    out.certificates.push_back(view(one));
  }
  return true;
}

}  // namespace

std::optional<Staple> read_staple(Bytes der) {
  CBS all;
  CBS response;
  CBS status;
  CBS outer;
  CBS bytes;
  CBS type;
  CBS octets;
  CBS basic;
  CBS data;
  CBS signature;
  std::uint8_t unused_bits = 0;
  Staple out;
  CBS_init(&all, reinterpret_cast<const std::uint8_t*>(der.data()), der.size());
  if (CBS_get_asn1(&all, &response, CBS_ASN1_SEQUENCE) != 1 || CBS_len(&all) != 0) return std::nullopt;
  if (CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) != 1) return std::nullopt;
  if (view(status) != Bytes("\0", 1)) return std::nullopt;  // successful
  if (CBS_get_asn1(&response, &outer, explicit_0) != 1 || CBS_len(&response) != 0) return std::nullopt;
  if (CBS_get_asn1(&outer, &bytes, CBS_ASN1_SEQUENCE) != 1 || CBS_len(&outer) != 0) return std::nullopt;
  if (CBS_get_asn1(&bytes, &type, CBS_ASN1_OBJECT) != 1) return std::nullopt;
  if (CBS_mem_equal(&type, basic_response.data(), basic_response.size()) != 1) return std::nullopt;
  if (CBS_get_asn1(&bytes, &octets, CBS_ASN1_OCTETSTRING) != 1 || CBS_len(&bytes) != 0) return std::nullopt;
  if (CBS_get_asn1(&octets, &basic, CBS_ASN1_SEQUENCE) != 1 || CBS_len(&octets) != 0) return std::nullopt;
  if (CBS_get_asn1_element(&basic, &data, CBS_ASN1_SEQUENCE) != 1) return std::nullopt;
  if (!read_algorithm(basic, out.signature_algorithm)) return std::nullopt;
  if (CBS_get_asn1(&basic, &signature, CBS_ASN1_BITSTRING) != 1) return std::nullopt;
  if (CBS_get_u8(&signature, &unused_bits) != 1 || unused_bits != 0) return std::nullopt;
  if (!read_certificates(basic, out) || CBS_len(&basic) != 0) return std::nullopt;
  out.signed_part = view(data);
  out.signature = view(signature);
  if (!read_responses(data, out)) return std::nullopt;
  return out;
}

}  // namespace borehole::tls
