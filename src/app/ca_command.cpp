// `borehole ca`: shows the development CA, hands it out, puts it into trust stores and takes it out, makes a new one.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "app/ca_export.h"
#include "app/ca_show.h"
#include "app/commands.h"
#include "app/foundation.h"
#include "app/trust_stores.h"
#include "base/clock.h"
#include "base/log.h"
#include "ca/ca_files.h"
#include "ca/certificate_authority.h"
#include "ca/client_files.h"

namespace borehole::app {

namespace {

struct CaOptions {
  bool json = false;
  std::string which = "root";
  ExportOptions exporting;
  std::optional<StoreKind> store;
  bool all = false;
};

using Authority = std::shared_ptr<const ca::CertificateAuthority>;

int failed(const Error& error) {
  std::cerr << "borehole: " << error.detail << '\n';
  return error.code == ErrorCode::config_invalid ? 2 : 1;
}

// The CA in the configured folder, or the exit status after the reason was printed.
Authority open_authority(const CommandLine& line, int& status) {
  const auto config = load_configuration(line);
  if (!config) {
    status = 2;
    return nullptr;
  }
  log::configure(config->log.level, config->log.format);
  auto authority = ca::CertificateAuthority::open(config->ca.dir, SystemClock().wall());
  if (!authority) {
    status = failed(authority.error());
    return nullptr;
  }
  return *std::move(authority);
}

int ca_show(const CommandLine& line, const CaOptions& options) {
  int status = 0;
  const auto authority = open_authority(line, status);
  if (!authority) return status;
  const WallTime now = SystemClock().wall();
  const auto stores = inspect_trust_stores(*authority, TrustEnvironment::of_process());
  if (options.json) {
    std::cout << authority_json(*authority, stores, now) << '\n';
    return 0;
  }
  std::cout << readable_authority(*authority, stores, now) << std::flush;
  if (const auto soon = ends_soon(authority->facts(), now); !soon.empty()) std::cerr << "borehole: " << soon << '\n';
  return 0;
}

int ca_path(const CommandLine& line, const CaOptions& options) {
  static const std::map<std::string, std::string> files{
      {"root", "/ca.pem"}, {"der", "/ca.der"}, {"bundle", "/bundle.pem"}, {"p12", "/trust.p12"}, {"folder", ""}};
  int status = 0;
  const auto authority = open_authority(line, status);
  if (!authority) return status;
  const std::string path = authority->folder() + files.at(options.which);
  if (!ca::exists(path)) {
    return failed(
        {ErrorCode::not_found, Fault::proxy, path + " is not there yet: `borehole serve` makes it when it starts"});
  }
  std::cout << path << '\n';
  return 0;
}

int ca_export(const CommandLine& line, const CaOptions& options) {
  int status = 0;
  const auto authority = open_authority(line, status);
  if (!authority) return status;
  const auto done = export_root(*authority, options.exporting);
  return done ? 0 : failed(done.error());
}

// A line per store; 0 if all of them did it.
int report(const std::vector<StoreOutcome>& outcomes, const CaOptions& options) {
  if (outcomes.empty()) {
    std::cerr << "borehole: there is no "
              << (!options.store                        ? "store"
                  : *options.store == StoreKind::system ? "system store"
                                                        : "database of a browser")
              << " here to change: install ca-certificates for the system's; a browser makes its own when it starts\n";
    return 1;
  }
  int status = 0;
  for (const auto& outcome : outcomes) {
    std::cout << fmt::format("{}, {}: {}{}\n", log::escaped(outcome.name), log::escaped(outcome.path),
                             log::escaped(outcome.text),
                             outcome.remedy.empty() ? "" : "; " + log::escaped(outcome.remedy));
    if (!outcome.succeeded) status = 1;
  }
  return status;
}

ChangeOptions change_options(const CaOptions& options) {
  return {options.store, options.all, [](const std::string& what) { std::cerr << what << '\n'; }};
}

// Whoever runs this through sudo has other browsers than root.
void note_on_sudo(const CaOptions& options) {
  const char* user = std::getenv("SUDO_USER");
  if (user == nullptr || options.store == StoreKind::system || ::geteuid() != 0) return;
  std::cerr << fmt::format("borehole: this looked at the browsers of root; for those of {} run it without sudo\n",
                           log::escaped(user));
}

int ca_trust(const CommandLine& line, const CaOptions& options) {
  int status = 0;
  const auto authority = open_authority(line, status);
  if (!authority) return status;
  const auto environment = TrustEnvironment::of_process();
  const auto root = wanted_root(*authority);
  if (const auto fresh = ca::refresh_client_files(authority->folder(), root.pem); !fresh) (void)failed(fresh.error());
  status = report(change_trust(root, environment, TrustChange::trust, change_options(options)), options);
  note_on_sudo(options);
  std::cout << "\nA browser that runs must be restarted. These look into no store and want to be told:\n";
  for (const auto& hint : hints_for_others(root, environment)) std::cout << "  " << hint << '\n';
  if (const auto soon = ends_soon(authority->facts(), SystemClock().wall()); !soon.empty()) {
    std::cerr << "borehole: " << soon << '\n';
  }
  return status;
}

int ca_untrust(const CommandLine& line, const CaOptions& options) {
  const auto config = load_configuration(line);
  if (!config) return 2;
  // What has expired or lost its key must be taken out all the same.
  auto root = wanted_root_in(config->ca.dir);
  if (!root && !options.all) return failed(root.error());
  const int status = report(change_trust(root ? *root : WantedRoot{}, TrustEnvironment::of_process(),
                                         TrustChange::untrust, change_options(options)),
                            options);
  note_on_sudo(options);
  return status;
}

int ca_rotate(const CommandLine& line, const CaOptions&) {
  const auto config = load_configuration(line);
  if (!config) return 2;
  const auto policy = proxy::Policy::make(config);
  if (!policy) return failed({ErrorCode::config_invalid, Fault::proxy, policy.error().detail});
  const auto made =
      ca::CertificateAuthority::rotate(config->ca.dir, wanted_constraints(**policy), SystemClock().wall());
  if (!made) return failed(made.error());
  const auto& authority = **made;
  const auto root = wanted_root(authority);
  std::cout << fmt::format("made      {}, to be trusted: {}/ca.pem\n", authority.facts().root_subject,
                           authority.folder());
  if (root.retired.empty()) {
    std::cout << "next      run `borehole ca trust`, and start the proxy\n";
    return 0;
  }
  std::cout << "next      restart the proxy, if it runs, or send it SIGHUP: until then it goes on with the old one\n"
            << "          run `borehole ca trust`: it puts the new one in the place of the old one\n"
            << "          restart what was started with AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS or trust.p12\n";
  for (const auto& store : inspect_trust_stores(root, TrustEnvironment::of_process())) {
    if (store.state != TrustState::other_borehole_ca) continue;
    std::cout << fmt::format("old       {}: {}\n", log::escaped(store.name), log::escaped(store.detail));
  }
  return 0;
}

}  // namespace

void add_ca(CLI::App& app, CommandLine& line) {
  const auto options = std::make_shared<CaOptions>();
  auto* ca = app.add_subcommand("ca", "the development CA");
  ca->require_subcommand(1);
  ca->fallthrough();
  const auto action = [&line, ca, options](const char* word, const char* help,
                                           int (*run)(const CommandLine&, const CaOptions&)) {
    auto* command = ca->add_subcommand(word, help);
    command->callback([&line, options, word, run] {
      line.command = std::string("ca ") + word;
      line.run = [options, run](const CommandLine& given) { return run(given, *options); };
    });
    return command;
  };
  const auto store_option = [options](CLI::App* command) {
    static const std::map<std::string, StoreKind> kinds{{"system", StoreKind::system}, {"nss", StoreKind::nss}};
    command
        ->add_option_function<StoreKind>(
            "--store", [options](const StoreKind& kind) { options->store = kind; },
            "only the system's store, or only the browsers' databases (NSS)")
        ->transform(CLI::CheckedTransformer(kinds))
        ->type_name("system|nss");
  };

  auto* show = action("show", "subjects, fingerprints, end, constraints, files, and who trusts it", ca_show);
  show->add_flag("--json", options->json, "the same as one JSON object");

  auto* path = action("path", "the file to trust, or another of its files", ca_path);
  path->add_option("which", options->which, "which file: root (PEM), der, bundle, p12; or folder")
      ->check(CLI::IsMember({"root", "der", "bundle", "p12", "folder"}))
      ->type_name("FILE")
      ->capture_default_str();

  auto* exporting = action("export", "the root in another form", ca_export);
  static const std::map<std::string, ExportFormat> formats{
      {"pem", ExportFormat::pem}, {"der", ExportFormat::der}, {"p12", ExportFormat::p12}};
  exporting
      ->add_option("--format", options->exporting.format,
                   "pem; der; or p12: a trust store for Java (8u301 or later), with the system's roots")
      ->transform(CLI::CheckedTransformer(formats))
      ->type_name("pem|der|p12");
  exporting->add_option("--out", options->exporting.out, "a file instead of stdout")->type_name("FILE");
  exporting->add_option("--password", options->exporting.password, "of the p12, which holds no secret [changeit]")
      ->type_name("WORD");
  exporting->add_flag("--only-ours", options->exporting.only_ours, "a p12 without the system's roots");

  store_option(action("trust", "put it into the stores of the system and of this user's browsers", ca_trust));
  auto* untrust = action("untrust", "take it, and those that were rotated away, out of them", ca_untrust);
  store_option(untrust);
  untrust->add_flag("--all", options->all, "every CA that any copy of borehole has made");
  action("rotate", "a new CA in place of the old one; it must be trusted anew", ca_rotate);
}

}  // namespace borehole::app
