// The program: one command a run.
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iostream>

#include "app/calls_command.h"
#include "app/command_line.h"
#include "app/foundation.h"
#include "app/serve.h"
#include "base/clock.h"
#include "ca/certificate_authority.h"

namespace {

using namespace borehole;

int check(const app::CommandLine& line) {
  const auto config = app::load_configuration(line);
  if (!config) return 2;
  const auto policy = proxy::Policy::make(config);
  if (!policy) {
    std::cerr << "borehole: " << policy.error().detail << '\n';
    return 2;
  }
  const auto authority = ca::CertificateAuthority::open(config->ca.dir, SystemClock().wall());
  if (authority) {
    if (const auto outside = app::outside_constraints(**policy, **authority); !outside.empty()) {
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

int ca_command(const app::CommandLine& line) {
  const auto config = app::load_configuration(line);
  if (!config) return 2;
  const WallTime now = SystemClock().wall();
  const bool rotate = line.command == app::Command::ca_rotate;
  auto policy = proxy::Policy::make(config);
  if (rotate && !policy) {
    std::cerr << "borehole: " << policy.error().detail << '\n';
    return 2;
  }
  const auto authority = rotate
                             ? ca::CertificateAuthority::rotate(config->ca.dir, app::wanted_constraints(**policy), now)
                             : ca::CertificateAuthority::open(config->ca.dir, now);
  if (!authority) {
    std::cerr << "borehole: " << authority.error().detail << '\n';
    return 1;
  }
  if (line.command == app::Command::ca_path) {
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

int run(const app::CommandLine& line) {
  switch (line.command) {
    case app::Command::serve: return app::serve(line);
    case app::Command::calls_list: return app::calls_list(line);
    case app::Command::calls_show: return app::calls_show(line);
    case app::Command::check: return check(line);
    case app::Command::ca_show:
    case app::Command::ca_rotate:
    case app::Command::ca_path: return ca_command(line);
    case app::Command::version: std::cout << "borehole " BOREHOLE_VERSION "\n"; return 0;
  }
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto parsed = app::parse_command_line(argc, argv);
    return parsed.line ? run(*parsed.line) : parsed.exit_status;
  } catch (const std::exception& error) {
    std::cerr << "borehole: " << error.what() << '\n';
    return 1;
  }
}
