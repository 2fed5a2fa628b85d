#include "ca/certificate_list.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

#include "ca/certificate_text.h"

namespace borehole::ca {
namespace {

// The part of the subject with this NID, as UTF-8; empty if there is none.
std::string name_part(X509_NAME* name, int nid) {
  const int index = X509_NAME_get_index_by_NID(name, nid, -1);
  if (index < 0) return {};
  std::uint8_t* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  const bssl::UniquePtr<std::uint8_t> owned(text);
  ERR_clear_error();
  return size <= 0 ? std::string() : std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
}

ListedCertificate describe(X509& certificate) {
  ListedCertificate listed;
  listed.der = der_of(certificate);
  listed.subject = subject_text(certificate);
  listed.sha256 = fingerprint(certificate, *EVP_sha256());
  listed.sha1 = fingerprint(certificate, *EVP_sha1());
  (void)wall_time(X509_get0_notAfter(&certificate), listed.not_after);
  X509_NAME* name = X509_get_subject_name(&certificate);
  const std::string organization = name_part(name, NID_organizationName);
  listed.common_name = name_part(name, NID_commonName);
  listed.is_borehole_root = organization == "borehole" && listed.common_name.rfind("borehole development CA", 0) == 0;
  if (listed.common_name.empty()) listed.common_name = organization;
  return listed;
}

}  // namespace

std::vector<ListedCertificate> list_certificates(Bytes content) {
  std::vector<ListedCertificate> found;
  if (!content.empty() && content.front() == '\x30') {
    if (const auto certificate = parse_der(content)) found.push_back(describe(*certificate));
    ERR_clear_error();
    return found;
  }
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
  while (bio && BIO_pending(bio.get()) > 0) {
    const bssl::UniquePtr<X509> certificate(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    if (certificate) {
      found.push_back(describe(*certificate));
      continue;
    }
    const std::uint32_t error = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) break;
  }
  return found;
}

std::string to_pem(const ListedCertificate& certificate) { return pem_of(certificate.der); }

}  // namespace borehole::ca
