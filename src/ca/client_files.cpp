#include "ca/client_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "ca/ca_files.h"
#include "ca/certificate_list.h"
#include "tls/client_context.h"

namespace borehole::ca {
namespace {

constexpr const char* bundle_file = "/bundle.pem";
constexpr const char* p12_file = "/trust.p12";

// What keytool lists. The fingerprint keeps apart what has the same name; Java would keep the last of them only.
std::string alias_of(const ListedCertificate& certificate) {
  std::string alias = certificate.common_name + " " + certificate.sha256.substr(0, 16);
  for (char& c : alias) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) c = '_';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');  // as Java does
  }
  return alias;
}

Result<void> write_p12(const std::string& folder, const std::string& root_pem) {
  auto p12 = to_pkcs12_trust_store(trust_anchors(root_pem, true), usual_p12_password);
  if (!p12) return unexpected(std::move(p12).error());
  return replace_file(folder + p12_file, *p12, 0644);
}

}  // namespace

std::vector<TrustAnchor> trust_anchors(const std::string& root_pem, bool with_system_roots) {
  std::vector<TrustAnchor> anchors;
  std::set<std::string> seen;
  const auto add = [&](const std::string& pem) {
    for (auto& certificate : list_certificates(pem)) {
      if (!seen.insert(certificate.sha256).second) continue;
      std::string alias = alias_of(certificate);
      anchors.push_back({std::move(alias), std::move(certificate.der)});
    }
  };
  add(root_pem);
  if (with_system_roots) add(tls::TrustStore::system_roots_pem());
  return anchors;
}

Result<void> refresh_client_files(const std::string& folder, const std::string& root_pem) {
  const std::string path = folder + bundle_file;
  const std::string wanted = tls::TrustStore::system_roots_pem() + root_pem;
  const auto found = read_file(path);
  const bool fresh = found && *found == wanted;
  const bool has_p12 = exists(folder + p12_file);
  if (fresh && has_p12) return {};
  // bundle.pem comes last: while it is old, trust.p12 counts as old too.
  if (auto written = write_p12(folder, root_pem); !written) {
    log::warn("{}: Java {}", written.error().detail, has_p12 ? "gets the old file" : "has no file to trust");
  }
  if (fresh) return {};
  auto written = replace_file(path, wanted, 0644);
  if (!written && found) {
    log::warn("{}: the system's roots have changed, but it stays as it is", written.error().detail);
    return {};
  }
  return written;
}

}  // namespace borehole::ca
