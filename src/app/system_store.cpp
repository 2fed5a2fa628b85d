// The store of the whole system, as distributions have it: a folder of roots that the administrator added, and a
// command that makes one bundle of these and the distribution's own.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "app/child_process.h"
#include "app/root_store.h"
#include "base/shell_word.h"
#include "ca/ca_files.h"

namespace borehole::app {
namespace {

using ca::ListedCertificate;

struct Layout {
  const char* folder;     // of added roots
  const char* extension;  // that the command looks for
  std::array<const char*, 2> command;
  std::array<const char*, 2> bundles;  // what the command makes; the first that exists
  const char* package;                 // that brings the command
};

constexpr std::array<Layout, 4> layouts{{
    // Fedora, RHEL
    {"/etc/pki/ca-trust/source/anchors",
     ".pem",
     {"update-ca-trust", "extract"},
     {"/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
     "dnf install ca-certificates"},
    // Debian, Ubuntu, Alpine
    {"/usr/local/share/ca-certificates",
     ".crt",
     {"update-ca-certificates", nullptr},
     {"/etc/ssl/certs/ca-certificates.crt", nullptr},
     "apt-get install ca-certificates"},
    // Arch
    {"/etc/ca-certificates/trust-source/anchors",
     ".crt",
     {"trust", "extract-compat"},
     {"/etc/ca-certificates/extracted/tls-ca-bundle.pem", "/etc/ssl/certs/ca-certificates.crt"},
     "pacman -S ca-certificates-utils"},
    // openSUSE
    {"/etc/pki/trust/anchors",
     ".pem",
     {"update-ca-certificates", nullptr},
     {"/var/lib/ca-certificates/ca-bundle.pem", "/etc/ssl/ca-bundle.pem"},
     "zypper install ca-certificates"},
}};

// Debian's Java follows the system's store when roots are added, but not when they are removed.
constexpr const char* debian_java_store = "/etc/ssl/certs/java/cacerts";

struct Anchor {
  std::string path;
  std::vector<ListedCertificate> certificates;
};

struct Step {
  std::vector<std::string> command;
  std::string input_file;  // what a person would put there
  std::string input;
};

bool holds(const std::vector<ListedCertificate>& certificates, const std::string& sha256) {
  return std::any_of(certificates.begin(), certificates.end(),
                     [&](const ListedCertificate& certificate) { return certificate.sha256 == sha256; });
}

class SystemStore final : public RootStore {
 public:
  SystemStore(const TrustEnvironment& environment, const Layout& layout)
      : environment_(environment), layout_(layout), folder_(environment.root + layout.folder) {}

  StoreKind kind() const noexcept override { return StoreKind::system; }
  TrustStoreState inspect(const WantedRoot& root) override;
  StoreOutcome trust(const WantedRoot& root, const ChangeOptions& options) override;
  StoreOutcome untrust(const WantedRoot& root, const ChangeOptions& options) override;

 private:
  std::vector<Anchor> anchors() const;
  std::string bundle_path() const;
  std::vector<ListedCertificate> bundle() const;
  std::string prefix() const { return environment_.is_root ? "" : "sudo "; }
  StoreOutcome outcome() const { return {"system store", folder_, false, {}, {}}; }
  // False after `outcome` was told why.
  bool update_step(std::vector<Step>& steps, StoreOutcome& outcome) const;
  bool removal_steps(const std::vector<Anchor>& anchors, const std::vector<std::string>& unwanted,
                     std::vector<Step>& steps, StoreOutcome& outcome) const;
  bool run(const std::vector<Step>& steps, const ChangeOptions& options, StoreOutcome& outcome) const;
  bool clean_java(const std::vector<Anchor>& removed, const ChangeOptions& options, StoreOutcome& outcome) const;
  std::string in_words(const std::vector<Step>& steps) const;

  TrustEnvironment environment_;
  const Layout& layout_;
  std::string folder_;
};

std::vector<Anchor> SystemStore::anchors() const {
  std::vector<Anchor> found;
  namespace fs = std::filesystem;
  std::error_code error;
  fs::recursive_directory_iterator at(folder_, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at->path().extension() != layout_.extension) continue;
    const auto content = ca::read_file(at->path().string());
    if (content) found.push_back({at->path().string(), ca::list_certificates(*content)});
  }
  return found;
}

std::string SystemStore::bundle_path() const {
  for (const char* path : layout_.bundles) {
    if (path != nullptr && ca::exists(environment_.root + path)) return environment_.root + path;
  }
  return environment_.root + layout_.bundles[0];
}

std::vector<ListedCertificate> SystemStore::bundle() const {
  const auto content = ca::read_file(bundle_path());
  return content ? ca::list_certificates(*content) : std::vector<ListedCertificate>();
}

TrustStoreState SystemStore::inspect(const WantedRoot& root) {
  TrustStoreState state{"system store", kind(), folder_, TrustState::not_trusted, {}, {}};
  const auto bundled = bundle();
  if (holds(bundled, root.sha256)) {
    state.state = TrustState::trusted;
    return state;
  }
  state.remedy = "run `borehole ca trust --store system`";
  if (bundled.empty()) {
    state.state = TrustState::unknown;
    state.detail = bundle_path() + " holds no certificates";
    return state;
  }
  state.detail = others_clause(bundled, root);
  if (!state.detail.empty()) state.state = TrustState::other_borehole_ca;
  for (const auto& anchor : anchors()) {
    if (holds(anchor.certificates, root.sha256)) {
      state.detail = fmt::format("{} is there, but not in {} yet", anchor.path, bundle_path());
    }
  }
  return state;
}

bool SystemStore::update_step(std::vector<Step>& steps, StoreOutcome& outcome) const {
  const std::string program = find_program(layout_.command[0], environment_.path);
  if (program.empty()) {
    outcome.text = fmt::format("failed because {} is not here", layout_.command[0]);
    outcome.remedy = fmt::format("run `{}{}`, then this again", prefix(), layout_.package);
    return false;
  }
  Step step{{program}, {}, {}};
  if (layout_.command[1] != nullptr) step.command.emplace_back(layout_.command[1]);
  steps.push_back(std::move(step));
  return true;
}

// A file with others beside what is unwanted is another's.
bool SystemStore::removal_steps(const std::vector<Anchor>& anchors, const std::vector<std::string>& unwanted,
                                std::vector<Step>& steps, StoreOutcome& outcome) const {
  for (const auto& anchor : anchors) {
    const auto is_unwanted_one = [&](const ListedCertificate& certificate) {
      return std::find(unwanted.begin(), unwanted.end(), certificate.sha256) != unwanted.end();
    };
    const auto count = std::count_if(anchor.certificates.begin(), anchor.certificates.end(), is_unwanted_one);
    if (count == 0) continue;
    if (static_cast<std::size_t>(count) != anchor.certificates.size()) {
      outcome.text = fmt::format("failed because {} holds other certificates too", anchor.path);
      outcome.remedy = fmt::format("take borehole's out of that file, then run `{}{}`", prefix(), layout_.command[0]);
      return false;
    }
    steps.push_back({{"rm", "-f", anchor.path}, {}, {}});
  }
  return true;
}

std::string SystemStore::in_words(const std::vector<Step>& steps) const {
  std::string words;
  for (const auto& step : steps) {
    if (!words.empty()) words += " && ";
    words += prefix();
    for (const auto& argument : step.command) words += shell_word(argument) + " ";
    words.pop_back();
    if (!step.input_file.empty()) words += " < " + shell_word(step.input_file);
  }
  return words;
}

bool SystemStore::run(const std::vector<Step>& steps, const ChangeOptions& options, StoreOutcome& outcome) const {
  const std::string words = in_words(steps);
  std::string sudo;
  if (!environment_.is_root) {
    sudo = find_program("sudo", environment_.path);
    if (sudo.empty()) {
      outcome.text = "failed because only root may write it, and sudo is not here";
      outcome.remedy = fmt::format("run as root: {}", in_words(steps));
      return false;
    }
    if (options.announce) options.announce("system store: " + words);
  }
  for (const auto& step : steps) {
    ChildCommand command;
    if (!sudo.empty()) command.arguments.push_back(sudo);
    command.arguments.insert(command.arguments.end(), step.command.begin(), step.command.end());
    command.input = step.input;
    command.limit = std::chrono::minutes(5);  // somebody may have to look for the password
    command.terminal = Terminal::kept;
    const auto done = run_child(command);
    if (done && done->status == 0) continue;
    const std::string why = !done             ? done.error().detail
                            : done->timed_out ? "it did not end within 5 minutes"
                                              : last_words(done->error, done->out);
    outcome.text = fmt::format("failed because of {}: {}", step.command[0], why);
    outcome.remedy = fmt::format("run {}", words);
    return false;
  }
  return true;
}

StoreOutcome SystemStore::trust(const WantedRoot& root, const ChangeOptions& options) {
  StoreOutcome result = outcome();
  const auto found = anchors();
  std::vector<std::string> unwanted;
  bool has_file = false;
  for (const auto& anchor : found) {
    has_file = has_file || holds(anchor.certificates, root.sha256);
    for (const auto& certificate : anchor.certificates) {
      if (is_unwanted(certificate, root, false, options)) unwanted.push_back(certificate.sha256);
    }
  }
  const bool was_trusted = holds(bundle(), root.sha256);
  if (was_trusted && unwanted.empty()) {
    result.succeeded = true;
    result.text = "was trusted already";
    return result;
  }
  std::vector<Step> steps;
  if (!has_file && !was_trusted) {
    steps.push_back(
        {{"install", "-m", "0644", "/dev/stdin", fmt::format("{}/{}{}", folder_, store_label(root), layout_.extension)},
         root.pem_file,
         root.pem});
  }
  if (!removal_steps(found, unwanted, steps, result) || !update_step(steps, result) || !run(steps, options, result)) {
    return result;
  }
  if (!holds(bundle(), root.sha256)) {
    result.text =
        fmt::format("failed because {} ran, but {} does not hold the root", layout_.command[0], bundle_path());
    result.remedy = fmt::format("run `{}{}` and see what it says", prefix(), layout_.command[0]);
    return result;
  }
  result.succeeded = true;
  result.text = was_trusted ? "was trusted already" : "trusted";
  if (!unwanted.empty()) result.text += "; the one that was rotated away is out";
  return result;
}

StoreOutcome SystemStore::untrust(const WantedRoot& root, const ChangeOptions& options) {
  StoreOutcome result = outcome();
  const auto found = anchors();
  std::vector<std::string> unwanted;
  const auto note = [&](const ListedCertificate& certificate) {
    if (is_unwanted(certificate, root, true, options)) unwanted.push_back(certificate.sha256);
  };
  std::vector<Anchor> removed;
  for (const auto& anchor : found) {
    const auto before = unwanted.size();
    std::for_each(anchor.certificates.begin(), anchor.certificates.end(), note);
    if (unwanted.size() > before) removed.push_back(anchor);
  }
  const auto bundled = bundle();
  std::for_each(bundled.begin(), bundled.end(), note);
  if (!root.pem.empty()) {  // of ours the name is known even where its file is gone
    removed.push_back(
        {fmt::format("{}/{}{}", folder_, store_label(root), layout_.extension), ca::list_certificates(root.pem)});
  }
  if (!unwanted.empty()) {
    std::vector<Step> steps;
    if (!removal_steps(found, unwanted, steps, result) || !update_step(steps, result) || !run(steps, options, result)) {
      return result;
    }
    for (const auto& certificate : bundle()) {
      if (std::find(unwanted.begin(), unwanted.end(), certificate.sha256) == unwanted.end()) continue;
      result.text = fmt::format("failed because {} still holds {}", bundle_path(), certificate.common_name);
      result.remedy = fmt::format("something else than {} put it there: remove that, then run `{}{}`", folder_,
                                  prefix(), layout_.command[0]);
      return result;
    }
  }
  if (!clean_java(removed, options, result)) return result;
  result.succeeded = true;
  if (result.text.empty()) result.text = unwanted.empty() ? "was not trusted" : "no longer trusted";
  return result;
}

bool SystemStore::clean_java(const std::vector<Anchor>& removed, const ChangeOptions& options,
                             StoreOutcome& outcome) const {
  const std::string store = environment_.root + debian_java_store;
  const auto held = [&](const Anchor& anchor) {
    const auto content = ca::read_file(store);  // JKS: certificates as they are
    return content && std::any_of(anchor.certificates.begin(), anchor.certificates.end(), [&](const auto& certificate) {
             return content->find(certificate.der) != std::string::npos;
           });
  };
  for (const auto& anchor : removed) {
    if (!held(anchor)) continue;
    const std::string keytool = find_program("keytool", environment_.path);
    const std::string alias = "debian:" + std::filesystem::path(anchor.path).stem().string() + ".pem";
    const Step step{{keytool.empty() ? "keytool" : keytool, "-delete", "-noprompt", "-keystore", store, "-storepass",
                     "changeit", "-alias", alias},
                    {},
                    {}};
    if (keytool.empty()) {
      outcome.text = fmt::format("failed because {} still holds it, and keytool is not here", store);
      outcome.remedy = "install a JDK and run " + in_words(std::vector<Step>{step});
      return false;
    }
    if (!run(std::vector<Step>{step}, options, outcome)) return false;
    if (held(anchor)) {
      outcome.text = fmt::format("failed because {} still holds it under another name than {}", store, alias);
      outcome.remedy = fmt::format("look for it with `keytool -list -keystore {}`", store);
      return false;
    }
    outcome.text = "no longer trusted";
  }
  return true;
}

}  // namespace

std::unique_ptr<RootStore> find_system_store(const TrustEnvironment& environment) {
  for (const auto& layout : layouts) {
    std::error_code error;
    if (std::filesystem::is_directory(environment.root + layout.folder, error)) {
      return std::make_unique<SystemStore>(environment, layout);
    }
  }
  return nullptr;
}

}  // namespace borehole::app
