// `borehole check`: validates the configuration, and the CA against it; writes one in place of Gecholog's.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "app/commands.h"
#include "app/foundation.h"
#include "app/price_table.h"
#include "app/warnings.h"
#include "base/clock.h"
#include "ca/certificate_authority.h"
#include "config/from_gecholog.h"

namespace borehole::app {

namespace {

int check(const CommandLine& line) {
  const auto loaded = read_configuration(line);
  for (const auto& problem : loaded.problems) std::cerr << config::to_string(problem) << '\n';
  if (!loaded.config) return 2;
  const auto& config = loaded.config;
  const auto policy = proxy::Policy::make(config);
  if (!policy) {
    std::cerr << "borehole: " << policy.error().detail << '\n';
    return 2;
  }
  const LoadedPriceTable prices = load_price_table(*config);
  for (const auto& problem : prices.problems) std::cerr << config::to_string(problem) << '\n';
  if (!prices.problems.empty()) return 2;
  const auto warned = warnings(**policy, loaded);
  for (const auto& warning : warned) std::cerr << config::to_string(warning) << '\n';
  const WallTime now = SystemClock().wall();
  const auto authority = ca::CertificateAuthority::open(config->ca.dir, now);
  if (authority) {
    if (const auto outside = outside_constraints(**policy, **authority); !outside.empty()) {
      std::cerr << "borehole: " << outside << '\n';
      return 2;
    }
    if (const auto ends = nears_its_end(**authority, now); !ends.empty())
      std::cerr << "borehole: warning: " << ends << '\n';
  } else if (authority.error().code != ErrorCode::not_found) {
    std::cerr << "borehole: " << authority.error().detail << '\n';
    return 1;
  }
  std::cout << fmt::format("{}: no problem found{}\n", config->file.empty() ? "the defaults" : config->file,
                           warned.empty() ? "" : fmt::format(", {} to look at", warned.size()));
  return 0;
}

int translate(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string json((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream || stream.bad()) {
    std::cerr << fmt::format("{}: cannot be read ({}): name Gecholog's gl_config.json\n", path, std::strerror(errno));
    return 2;
  }
  const auto translation = config::from_gecholog(path, json);
  for (const auto& problem : translation.problems) std::cerr << config::to_string(problem) << '\n';
  if (!translation.problems.empty()) return 2;
  std::cout << translation.yaml << std::flush;
  std::cerr << fmt::format("{}: {} have no counterpart; the comments at the end say what to do instead\n", path,
                           translation.notes.size());
  return 0;
}

}  // namespace

void add_check(CLI::App& app, CommandLine& line) {
  auto* command = app.add_subcommand("check", "validate the configuration: every problem with file:line:column");
  const auto gecholog = std::make_shared<std::string>();
  command->add_option("--from-gecholog", *gecholog, "write what a gl_config.json of Gecholog is here, to stdout")
      ->type_name("FILE");
  command->callback([&line, gecholog] {
    line.command = "check";
    line.run = [gecholog](const CommandLine& given) { return gecholog->empty() ? check(given) : translate(*gecholog); };
  });
}

}  // namespace borehole::app
