// The databases of Mozilla's NSS, which Chromium and Firefox read, changed with NSS's own certutil.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <utility>

#include "app/child_process.h"
#include "app/root_store.h"
#include "base/shell_word.h"
#include "ca/ca_files.h"

namespace borehole::app {
namespace {

namespace fs = std::filesystem;

struct Entry {
  std::string nickname;
  bool trusted_for_tls = false;
  ca::ListedCertificate certificate;
};

// The line that installs certutil here.
std::string install_line(const TrustEnvironment& environment) {
  constexpr std::array<std::pair<const char*, const char*>, 4> installers{{
      {"apt-get", "apt-get install -y libnss3-tools"},
      {"dnf", "dnf install -y nss-tools"},
      {"zypper", "zypper install -y mozilla-nss-tools"},
      {"pacman", "pacman -S --noconfirm nss"},
  }};
  for (const auto& [program, line] : installers) {
    if (!find_program(program, environment.path).empty())
      return (environment.is_root ? "" : "sudo ") + std::string(line);
  }
  return "the installer of your system for NSS's tools (certutil)";
}

class NssStore final : public RootStore {
 public:
  NssStore(const TrustEnvironment& environment, std::string name, std::string folder)
      : environment_(environment),
        name_(std::move(name)),
        folder_(std::move(folder)),
        certutil_(find_program("certutil", environment.path)) {}

  StoreKind kind() const noexcept override { return StoreKind::nss; }
  TrustStoreState inspect(const WantedRoot& root) override;
  StoreOutcome trust(const WantedRoot& root, const ChangeOptions& options) override;
  StoreOutcome untrust(const WantedRoot& root, const ChangeOptions& options) override;

 private:
  std::vector<std::string> command(std::vector<std::string> arguments) const;
  Result<std::string> run(const std::vector<std::string>& arguments, const std::string& input = {}) const;
  Result<std::vector<Entry>> entries() const;
  // Takes out what `is_unwanted`; the number, or why it failed.
  Result<int> remove(const std::vector<Entry>& found, const WantedRoot& root, bool ours_too,
                     const ChangeOptions& options, StoreOutcome& outcome) const;
  void failed(StoreOutcome& outcome, const Error& error, const std::vector<std::string>& by_hand) const;
  std::vector<std::string> add_arguments(const WantedRoot& root) const;

  TrustEnvironment environment_;
  std::string name_;
  std::string folder_;
  std::string certutil_;
};

std::vector<std::string> NssStore::command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {certutil_.empty() ? "certutil" : certutil_, "-d", "sql:" + folder_});
  return arguments;
}

Result<std::string> NssStore::run(const std::vector<std::string>& arguments, const std::string& input) const {
  if (certutil_.empty()) return unexpected(Error{ErrorCode::not_found, Fault::proxy, "certutil is not here"});
  ChildCommand child;
  child.arguments = command(arguments);
  child.input = input;
  auto done = run_child(child);
  if (!done) return unexpected(std::move(done).error());
  if (done->timed_out)
    return unexpected(Error{ErrorCode::io_failed, Fault::proxy, "certutil did not end within a minute"});
  if (done->status != 0) {
    return unexpected(Error{ErrorCode::io_failed, Fault::proxy, last_words(done->error, done->out)});
  }
  return std::move(done->out);
}

// `certutil -L`: a nickname, blanks, and the trust for TLS, mail and objects: "My CA          CT,C,". Only nicknames
// that begin with borehole's are looked into; whoever imports ca.pem in a browser gets one of these too.
Result<std::vector<Entry>> NssStore::entries() const {
  auto listed = run({"-L"});
  if (!listed) return unexpected(std::move(listed).error());
  std::vector<Entry> found;
  for (std::size_t at = 0; at < listed->size();) {
    const auto end = std::min(listed->find('\n', at), listed->size());
    std::string line = listed->substr(at, end - at);
    at = end + 1;
    line.erase(line.find_last_not_of(' ') + 1);
    const auto gap = line.rfind(' ');
    if (line.rfind("borehole", 0) != 0 || gap == std::string::npos) continue;
    const std::string flags = line.substr(gap + 1);
    line.erase(line.find_last_not_of(' ', gap) + 1);
    const auto pem = run({"-L", "-a", "-n", line});
    if (!pem) return unexpected(pem.error());
    for (auto& certificate : ca::list_certificates(*pem)) {
      found.push_back({line, flags.substr(0, flags.find(',')).find('C') != std::string::npos, std::move(certificate)});
    }
  }
  return found;
}

TrustStoreState NssStore::inspect(const WantedRoot& root) {
  TrustStoreState state{name_, kind(), folder_, TrustState::not_trusted, {}, "run `borehole ca trust --store nss`"};
  if (certutil_.empty()) {
    state.state = TrustState::unknown;
    state.detail = "certutil, which looks into it, is not here";
    state.remedy = fmt::format("run `{}`, then `borehole ca trust --store nss`", install_line(environment_));
    return state;
  }
  const auto found = entries();
  if (!found) {
    state.state = TrustState::unknown;
    state.detail = found.error().detail;
    return state;
  }
  std::vector<ca::ListedCertificate> certificates;
  for (const auto& entry : *found) {
    certificates.push_back(entry.certificate);
    if (entry.certificate.sha256 != root.sha256) continue;
    if (entry.trusted_for_tls) {
      state.state = TrustState::trusted;
      state.remedy.clear();
      return state;
    }
    state.detail = "the CA is in it, but not trusted for web sites";
  }
  if (state.detail.empty()) {
    state.detail = others_clause(certificates, root);
    if (!state.detail.empty()) state.state = TrustState::other_borehole_ca;
  }
  return state;
}

std::vector<std::string> NssStore::add_arguments(const WantedRoot& root) const {
  return {"-A", "-t", "C,,", "-n", store_label(root), "-a"};
}

void NssStore::failed(StoreOutcome& outcome, const Error& error, const std::vector<std::string>& by_hand) const {
  outcome.text = "failed because " + (certutil_.empty() ? std::string("certutil is not here") : error.detail);
  if (certutil_.empty()) {
    outcome.remedy = fmt::format("run `{}`, then this again", install_line(environment_));
    return;
  }
  std::string line = "certutil";
  const auto whole = command(by_hand);
  for (auto argument = whole.begin() + 1; argument != whole.end(); ++argument) line += " " + shell_word(*argument);
  if (error.detail.find("PASSWORD") != std::string::npos || error.detail.find("LOGGED_IN") != std::string::npos) {
    outcome.remedy = fmt::format("it has a primary password: run `{}`, which asks for it", line);
  } else if (error.detail.find("READ_ONLY") != std::string::npos) {
    outcome.remedy = fmt::format("as the user who may write {}, run `{}`", folder_, line);
  } else {
    outcome.remedy = fmt::format("close that browser and run `{}`", line);
  }
}

Result<int> NssStore::remove(const std::vector<Entry>& found, const WantedRoot& root, bool ours_too,
                             const ChangeOptions& options, StoreOutcome& outcome) const {
  int removed = 0;
  std::set<std::string> done;  // a nickname may stand for several
  for (const auto& entry : found) {
    if (!is_unwanted(entry.certificate, root, ours_too, options) || !done.insert(entry.nickname).second) continue;
    const std::vector<std::string> arguments{"-D", "-n", entry.nickname};
    if (auto gone = run(arguments); !gone) {
      failed(outcome, gone.error(), arguments);
      return unexpected(std::move(gone).error());
    }
    ++removed;
  }
  return removed;
}

StoreOutcome NssStore::trust(const WantedRoot& root, const ChangeOptions& options) {
  StoreOutcome outcome{name_, folder_, false, {}, {}};
  std::vector<std::string> by_hand = add_arguments(root);
  by_hand.insert(by_hand.end(), {"-i", root.pem_file});
  const auto found = entries();
  if (!found) {
    failed(outcome, found.error(), by_hand);
    return outcome;
  }
  const auto old = remove(*found, root, false, options, outcome);
  if (!old) return outcome;
  const bool was_trusted = std::any_of(found->begin(), found->end(), [&](const Entry& entry) {
    return entry.certificate.sha256 == root.sha256 && entry.trusted_for_tls;
  });
  if (!was_trusted) {
    if (auto added = run(add_arguments(root), root.pem); !added) {
      failed(outcome, added.error(), by_hand);
      return outcome;
    }
  }
  outcome.succeeded = true;
  outcome.text = was_trusted ? "was trusted already" : "trusted";
  if (*old > 0) outcome.text += "; the one that was rotated away is out";
  return outcome;
}

StoreOutcome NssStore::untrust(const WantedRoot& root, const ChangeOptions& options) {
  StoreOutcome outcome{name_, folder_, false, {}, {}};
  const auto found = entries();
  if (!found) {
    failed(outcome, found.error(), {"-L"});
    return outcome;
  }
  const auto removed = remove(*found, root, true, options, outcome);
  if (!removed) return outcome;
  outcome.succeeded = true;
  outcome.text = *removed > 0 ? "no longer trusted" : "was not trusted";
  return outcome;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code unknown;
    if (at->is_directory(unknown)) found.push_back(at->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::vector<std::unique_ptr<RootStore>> find_nss_stores(const TrustEnvironment& environment) {
  std::vector<std::unique_ptr<RootStore>> stores;
  if (environment.home.empty()) return stores;
  std::set<fs::path> seen;
  const auto add = [&](const std::string& name, const fs::path& folder) {
    std::error_code error;
    if (!ca::exists((folder / "cert9.db").string())) return;
    const fs::path real = fs::canonical(folder, error);  // snap's `current` is a link
    if (!error && !seen.insert(real).second) return;
    stores.push_back(std::make_unique<NssStore>(environment, name, folder.string()));
  };
  const auto add_profiles = [&](const std::string& name, const fs::path& home) {
    for (const char* place : {".mozilla/firefox", ".config/mozilla/firefox"}) {
      for (const auto& profile : folders_in(home / place)) {
        add(fmt::format("{} ({})", name, profile.filename().string()), profile);
      }
    }
  };
  const fs::path home = environment.home;
  const fs::path data_home =
      environment.xdg_data_home.empty() ? home / ".local/share" : fs::path(environment.xdg_data_home);
  add("Chromium", home / ".pki/nssdb");
  add("Chromium", data_home / "pki/nssdb");
  add_profiles("Firefox", home);
  for (const auto& snap : folders_in(home / "snap")) {
    const std::string label = snap.filename().string() + " (snap)";
    for (const char* place : {".pki/nssdb", ".local/share/pki/nssdb"}) add(label, snap / "current" / place);
    for (const char* place : {"common", "current"}) add_profiles("Firefox, snap", snap / place);
  }
  for (const auto& flatpak : folders_in(home / ".var/app")) {
    const std::string label = flatpak.filename().string() + " (flatpak)";
    for (const char* place : {".pki/nssdb", "data/pki/nssdb"}) add(label, flatpak / place);
    add_profiles("Firefox, flatpak", flatpak);
    for (const auto& profile : folders_in(flatpak / "config/mozilla/firefox")) {
      add(fmt::format("Firefox, flatpak ({})", profile.filename().string()), profile);
    }
  }
  return stores;
}

}  // namespace borehole::app
