// What several commands stand on: the loaded configuration, and the CA that fits it. Prints what is wrong; never starts
// the proxy.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "ca/certificate_authority.h"
#include "config/config.h"
#include "config/load.h"
#include "proxy/policy.h"

namespace borehole::app {

// As the command line asks; prints nothing.
config::Loaded read_configuration(const CommandLine& line);

// Null after every problem was printed on stderr.
std::shared_ptr<const config::Config> load_configuration(const CommandLine& line);

// The domains and addresses that the CA must be able to vouch for: the intercepted ones, localhost, and the listener's
// own.
ca::NameConstraints wanted_constraints(const proxy::Policy& policy);

// The names of the certificate for the proxy itself.
std::vector<std::string> own_names(const config::Config& config);

// The CA that `serve` would have, made if there is none yet, so that the files that clients are to trust are there.
Result<std::shared_ptr<const ca::CertificateAuthority>> authority_for(
    const std::shared_ptr<const config::Config>& config);

// The first intercept pattern that lies outside what the CA may vouch for, as a sentence; empty: none does.
std::string outside_constraints(const proxy::Policy& policy, const ca::CertificateAuthority& authority);

// The CA that the folder of the one in force holds by now: that one, or what `borehole ca rotate` made in its place.
Result<std::shared_ptr<const ca::CertificateAuthority>> authority_now(
    const std::shared_ptr<const ca::CertificateAuthority>& in_force, WallTime now);

// That another CA signs from now on, as a sentence.
std::string another_authority(const ca::CertificateAuthority& authority);

// That the CA ends within 30 days, as a sentence; empty: it does not.
std::string nears_its_end(const ca::CertificateAuthority& authority, WallTime now);

}  // namespace borehole::app
