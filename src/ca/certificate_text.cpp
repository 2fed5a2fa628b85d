#include "ca/certificate_text.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

namespace borehole::ca {

std::string hex(Bytes octets) {
  std::string text;
  for (const char c : octets) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

Bytes contents(BIO& memory) {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(&memory, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

bssl::UniquePtr<X509> parse_der(Bytes der) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(der.data());
  const auto* end = at + der.size();
  bssl::UniquePtr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return at == end ? std::move(certificate) : nullptr;
}

std::string der_of(X509& certificate) {
  std::uint8_t* der = nullptr;
  const int size = i2d_X509(&certificate, &der);
  const bssl::UniquePtr<std::uint8_t> owned(der);
  return size <= 0 ? std::string() : std::string(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
}

std::string pem_of(Bytes der) {
  const bssl::UniquePtr<X509> certificate = parse_der(der);
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!certificate || !out || PEM_write_bio_X509(out.get(), certificate.get()) != 1) return {};
  return std::string(contents(*out));
}

std::string fingerprint(const X509& certificate, const EVP_MD& digest) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> octets{};
  unsigned size = 0;
  X509_digest(&certificate, &digest, octets.data(), &size);
  return hex({reinterpret_cast<const char*>(octets.data()), size});
}

std::string subject_text(X509& certificate) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!out) return {};
  X509_NAME_print_ex(out.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253);
  return std::string(contents(*out));
}

bool wall_time(const ASN1_TIME* time, WallTime& out) {
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return false;
  out = WallTime(std::chrono::days(days) + std::chrono::seconds(seconds));
  return true;
}

}  // namespace borehole::ca
