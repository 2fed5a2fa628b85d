// `borehole check`: validates the configuration, and the CA against it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "app/commands.h"
#include "app/foundation.h"
#include "base/clock.h"
#include "ca/certificate_authority.h"

namespace borehole::app {

namespace {

int check(const CommandLine& line) {
  const auto config = load_configuration(line);
  if (!config) return 2;
  const auto policy = proxy::Policy::make(config);
  if (!policy) {
    std::cerr << "borehole: " << policy.error().detail << '\n';
    return 2;
  }
  const auto authority = ca::CertificateAuthority::open(config->ca.dir, SystemClock().wall());
  if (authority) {
    if (const auto outside = outside_constraints(**policy, **authority); !outside.empty()) {
      std::cerr << "borehole: " << outside << '\n';
      return 2;
    }
  } else if (authority.error().code != ErrorCode::not_found) {
    std::cerr << "borehole: " << authority.error().detail << '\n';
    return 1;
  }
  std::cout << fmt::format("{}: no problem found\n", config->file.empty() ? "the defaults" : config->file);
  return 0;
}

}  // namespace

void add_check(CLI::App& app, CommandLine& line) {
  app.add_subcommand("check", "validate the configuration: every problem with file:line:column")->callback([&line] {
    line.command = "check";
    line.run = check;
  });
}

}  // namespace borehole::app
