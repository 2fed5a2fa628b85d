// `borehole ca`: shows the development CA, says where it is, makes a new one.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>

#include "app/commands.h"
#include "app/foundation.h"
#include "base/clock.h"
#include "ca/certificate_authority.h"

namespace borehole::app {

namespace {

enum class Action : std::uint8_t { show, path, rotate };

int ca_command(const CommandLine& line, Action action) {
  const auto config = load_configuration(line);
  if (!config) return 2;
  const WallTime now = SystemClock().wall();
  const bool rotate = action == Action::rotate;
  auto policy = proxy::Policy::make(config);
  if (rotate && !policy) {
    std::cerr << "borehole: " << policy.error().detail << '\n';
    return 2;
  }
  const auto authority = rotate ? ca::CertificateAuthority::rotate(config->ca.dir, wanted_constraints(**policy), now)
                                : ca::CertificateAuthority::open(config->ca.dir, now);
  if (!authority) {
    std::cerr << "borehole: " << authority.error().detail << '\n';
    return 1;
  }
  if (action == Action::path) {
    std::cout << (*authority)->folder() << "/ca.pem\n";
    return 0;
  }
  const auto& facts = (*authority)->facts();
  std::cout << fmt::format(
      "root      {}\n          sha256 {}\nissuing   {}\n          sha256 {}\nvalid     {} to {}\npermits  ",
      facts.root_subject, facts.root_sha256, facts.issuing_subject, facts.issuing_sha256,
      format_rfc3339(facts.not_before), format_rfc3339(facts.not_after));
  for (const auto& name : facts.constraints.dns) std::cout << ' ' << name;
  for (const auto& range : facts.constraints.ip) std::cout << ' ' << range;
  std::cout << fmt::format("\ntrust     {0}/ca.pem (besides the system's roots: {0}/bundle.pem)\n",
                           (*authority)->folder());
  return 0;
}

}  // namespace

void add_ca(CLI::App& app, CommandLine& line) {
  auto* ca = app.add_subcommand("ca", "the development CA");
  ca->require_subcommand(1);
  ca->fallthrough();
  const auto action = [&line, ca](const char* word, const char* help, Action what) {
    ca->add_subcommand(word, help)->callback([&line, word, what] {
      line.command = std::string("ca ") + word;
      line.run = [what](const CommandLine& given) { return ca_command(given, what); };
    });
  };
  action("show", "subjects, fingerprints, end, constraints", Action::show);
  action("path", "the file to trust", Action::path);
  action("rotate", "a new CA in place of the old one; it must be trusted anew", Action::rotate);
}

}  // namespace borehole::app
