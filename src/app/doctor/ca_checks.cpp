#include "app/doctor/ca_checks.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "app/child_process.h"
#include "app/foundation.h"
#include "base/shell_word.h"
#include "ca/certificate_list.h"

namespace borehole::app::doctor {

namespace {

constexpr std::chrono::days soon{30};
constexpr unsigned others = 077;
constexpr unsigned permission_bits = 07777;

std::optional<unsigned> mode_of(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return facts.st_mode & permission_bits;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

CaView view_ca(const proxy::Policy& policy, const Result<std::shared_ptr<const ca::CertificateAuthority>>& authority) {
  CaView view;
  view.folder = policy.config->ca.dir;
  view.folder_mode = mode_of(view.folder);
  view.key_mode = mode_of(view.folder + "/issuing.key");
  if (!authority) {
    view.error = authority.error();
    return view;
  }
  view.not_after = (*authority)->facts().not_after;
  view.outside = outside_constraints(policy, **authority);
  if (const auto bundle = read_file(view.folder + "/bundle.pem")) {
    const auto held = ca::list_certificates(*bundle);
    view.bundle_has_root = std::any_of(held.begin(), held.end(), [&](const ca::ListedCertificate& each) {
      return each.sha256 == (*authority)->facts().root_sha256;
    });
  }
  return view;
}

Findings judge_ca(const CaView& view, WallTime now) {
  const std::string subject = "CA in " + view.folder;
  Findings out;
  if (view.error && view.error->code == ErrorCode::not_found) {
    out.push_back({"ca", State::look, subject, "there is none yet; the first start makes it", "borehole serve"});
    return out;
  }
  if (view.folder_mode && (*view.folder_mode & others) != 0) {
    out.push_back({"ca.folder_mode", State::mend, subject,
                   fmt::format("the folder has mode {:04o} and must have 0700, for it holds a key", *view.folder_mode),
                   "chmod 700 " + shell_word(view.folder)});
  }
  const bool key_open = view.key_mode && (*view.key_mode & others) != 0;
  if (key_open) {
    out.push_back({"ca.key_mode", State::mend, subject,
                   fmt::format("issuing.key has mode {:04o} and must have 0600: who has read it can pose as Amazon to "
                               "whoever trusts this CA; if others use this machine, also run `borehole ca rotate`",
                               *view.key_mode),
                   "chmod 600 " + shell_word(view.folder + "/issuing.key")});
  }
  if (view.error) {
    // An open key or folder is why it cannot be opened, and has been told.
    if (out.empty()) out.push_back({"ca", State::mend, subject, view.error->detail, "borehole ca rotate"});
    return out;
  }
  const std::string end = format_rfc3339(view.not_after).substr(0, 10);
  if (view.not_after - now < soon) {
    out.push_back({"ca.expiry", State::look, subject,
                   fmt::format("it is valid until {} only; a new one must be trusted anew", end),
                   "borehole ca rotate"});
  }
  if (!view.outside.empty())
    out.push_back({"ca.constraints", State::mend, subject, view.outside, "borehole ca rotate"});
  if (!view.bundle_has_root.value_or(false)) {
    out.push_back({"ca.bundle", State::mend, subject,
                   view.bundle_has_root ? "bundle.pem does not hold this CA's root; a start of borehole writes it anew"
                                        : "bundle.pem cannot be read; a start of borehole writes it anew",
                   "borehole serve"});
  }
  if (out.empty()) {
    out.push_back({"ca", State::ok, subject,
                   fmt::format("its files belong together, and it is valid until {} for every intercepted host", end),
                   ""});
  }
  return out;
}

}  // namespace borehole::app::doctor
