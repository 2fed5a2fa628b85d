#include "app/trust_stores.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>

#include "app/child_process.h"
#include "app/root_store.h"
#include "base/shell_word.h"
#include "ca/ca_files.h"
#include "ca/certificate_list.h"
#include "ca/retired_roots.h"

namespace borehole::app {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string home_of_user() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry == nullptr ? std::string() : std::string(entry->pw_dir);
}

std::vector<std::unique_ptr<RootStore>> find_stores(const TrustEnvironment& environment,
                                                    std::optional<StoreKind> only) {
  std::vector<std::unique_ptr<RootStore>> stores;
  if (only != StoreKind::nss) {
    if (auto system = find_system_store(environment)) stores.push_back(std::move(system));
  }
  if (only != StoreKind::system) {
    for (auto& store : find_nss_stores(environment)) stores.push_back(std::move(store));
  }
  return stores;
}

// The cacerts file of the JDK that programs would run; empty if none is found.
std::string java_cacerts(const TrustEnvironment& environment) {
  std::vector<std::filesystem::path> homes;
  if (!environment.java_home.empty()) homes.emplace_back(environment.java_home);
  if (const std::string java = find_program("java", environment.path); !java.empty()) {
    std::error_code error;
    const auto real = std::filesystem::canonical(java, error);  // …/bin/java, behind /etc/alternatives
    if (!error) homes.push_back(real.parent_path().parent_path());
  }
  for (const auto& home : homes) {
    auto file = (home / "lib/security/cacerts").string();
    if (ca::exists(file)) return file;
  }
  return {};
}

std::string java_hint(const WantedRoot& root, const TrustEnvironment& environment) {
  const std::string folder = std::filesystem::path(root.pem_file).parent_path().string();
  const std::string properties = fmt::format(
      "-Djavax.net.ssl.trustStore={} -Djavax.net.ssl.trustStorePassword=changeit", shell_word(folder + "/trust.p12"));
  const std::string cacerts = java_cacerts(environment);
  if (cacerts.empty()) return "Java    " + properties;
  // JKS, and PKCS#12 without a password, hold certificates as they are.
  const auto content = ca::read_file(cacerts);
  const auto ours = ca::list_certificates(root.pem);
  if (content && !ours.empty() && content->find(ours.front().der) != std::string::npos) {
    return fmt::format("Java    {} has it", cacerts);
  }
  return fmt::format(
      "Java    {}\n        or, for all that this JDK runs: {}keytool -importcert -noprompt -keystore {} "
      "-storepass changeit -alias {} -file {}",
      properties, ::access(cacerts.c_str(), W_OK) == 0 ? "" : "sudo ", shell_word(cacerts), store_label(root),
      shell_word(root.pem_file));
}

}  // namespace

std::string_view store_kind_name(StoreKind kind) noexcept { return kind == StoreKind::system ? "system" : "nss"; }

std::string_view trust_state_name(TrustState state) noexcept {
  switch (state) {
    case TrustState::trusted: return "trusted";
    case TrustState::not_trusted: return "not_trusted";
    case TrustState::other_borehole_ca: return "other_borehole_ca";
    case TrustState::unknown: break;
  }
  return "unknown";
}

TrustEnvironment TrustEnvironment::of_process() {
  TrustEnvironment environment;
  environment.root = variable("BOREHOLE_STORES_ROOT");
  environment.home = variable("HOME");
  if (environment.home.empty()) environment.home = home_of_user();
  environment.xdg_data_home = variable("XDG_DATA_HOME");
  environment.path = variable("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin";  // users' PATH often lacks these
  environment.java_home = variable("JAVA_HOME");
  environment.is_root = ::geteuid() == 0;
  return environment;
}

WantedRoot wanted_root(const ca::CertificateAuthority& authority) {
  return {authority.root_pem(), authority.facts().root_sha256, authority.facts().root_subject,
          authority.folder() + "/ca.pem", ca::retired_roots(authority.folder())};
}

Result<WantedRoot> wanted_root_in(const std::string& folder) {
  const std::string path = folder + "/ca.pem";
  auto text = ca::read_file(path);
  if (!text && text.error().code != ErrorCode::io_failed) return unexpected(std::move(text).error());
  const auto found = text ? ca::list_certificates(*text) : std::vector<ca::ListedCertificate>();
  if (found.empty()) {
    return unexpected(
        Error{ErrorCode::not_found, Fault::proxy,
              fmt::format("there is no {} that names the CA to take out: `borehole ca untrust --all` takes "
                          "out every one that borehole ever made",
                          path)});
  }
  const auto& root = found.front();
  return WantedRoot{ca::to_pem(root), root.sha256, root.subject, path, ca::retired_roots(folder)};
}

std::vector<TrustStoreState> inspect_trust_stores(const WantedRoot& root, const TrustEnvironment& environment) {
  std::vector<TrustStoreState> states;
  for (const auto& store : find_stores(environment, std::nullopt)) states.push_back(store->inspect(root));
  return states;
}

std::vector<TrustStoreState> inspect_trust_stores(const ca::CertificateAuthority& authority,
                                                  const TrustEnvironment& environment) {
  return inspect_trust_stores(wanted_root(authority), environment);
}

std::vector<StoreOutcome> change_trust(const WantedRoot& root, const TrustEnvironment& environment, TrustChange change,
                                       const ChangeOptions& options) {
  std::vector<StoreOutcome> outcomes;
  for (const auto& store : find_stores(environment, options.only)) {
    outcomes.push_back(change == TrustChange::trust ? store->trust(root, options) : store->untrust(root, options));
  }
  return outcomes;
}

std::vector<std::string> hints_for_others(const WantedRoot& root, const TrustEnvironment& environment) {
  const std::string folder = std::filesystem::path(root.pem_file).parent_path().string();
  const std::string bundle = shell_word(folder + "/bundle.pem");
  return {fmt::format("Python  AWS_CA_BUNDLE={0} REQUESTS_CA_BUNDLE={0}", bundle),
          fmt::format("Node    NODE_EXTRA_CA_CERTS={}", shell_word(root.pem_file)), java_hint(root, environment)};
}

bool is_unwanted(const ca::ListedCertificate& certificate, const WantedRoot& root, bool ours_too,
                 const ChangeOptions& options) {
  if (certificate.sha256 == root.sha256) return ours_too;
  if (options.all_of_borehole && ours_too && certificate.is_borehole_root) return true;
  return std::find(root.retired.begin(), root.retired.end(), certificate.sha256) != root.retired.end();
}

std::string others_clause(const std::vector<ca::ListedCertificate>& found, const WantedRoot& root) {
  for (const auto& certificate : found) {
    if (!certificate.is_borehole_root || certificate.sha256 == root.sha256) continue;
    const bool retired = std::find(root.retired.begin(), root.retired.end(), certificate.sha256) != root.retired.end();
    return fmt::format("it has {}, {}", certificate.common_name,
                       retired ? "which was rotated away" : "which another copy of borehole made");
  }
  return {};
}

std::string store_label(const WantedRoot& root) { return "borehole-" + root.sha256.substr(0, 16); }

std::string last_words(const std::string& error, const std::string& out) {
  for (const std::string& text : {error, out}) {
    const auto end = text.find_last_not_of(" \t\r\n");
    if (end == std::string::npos) continue;
    const auto begin = text.rfind('\n', end);
    return text.substr(begin == std::string::npos ? 0 : begin + 1,
                       end - (begin == std::string::npos ? 0 : begin + 1) + 1);
  }
  return "it said nothing";
}

}  // namespace borehole::app
