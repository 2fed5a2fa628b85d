// The variables that send a program's calls through the proxy and make it trust the CA (CONTRACT section 6): the one
// place that knows them. Never sets one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"

namespace borehole::app {

using Variables = std::vector<std::pair<std::string, std::string>>;  // in the order in which they are shown
using LookUp = std::function<std::optional<std::string>(const std::string&)>;

// Files to trust. The first holds our root alone and is for what adds to the usual roots; the others hold the system's
// too and are for what replaces them.
struct TrustFiles {
  std::string ca_pem, bundle_pem;
  std::string trust_p12;  // for Java; empty: there is none
};
TrustFiles trust_files_in(const std::string& folder);

// `proxy` is where the program reaches the proxy. `previous` gives the variables that the program has already: hosts
// that NO_PROXY names and options that JAVA_TOOL_OPTIONS holds are kept.
Variables client_environment(const config::HostPort& proxy, const TrustFiles& files, const LookUp& previous);

// Where clients on this machine reach a proxy that listens there: a loopback address if there is one; never 0.0.0.0.
config::HostPort reachable(const std::vector<config::HostPort>& listen);

// "127.0.0.1:5380", "[::1]:5380"
std::string to_string(const config::HostPort& address);
// The reverse, of an address that the program itself has printed.
std::optional<config::HostPort> parse_printed(std::string_view text);

// The entry of NO_PROXY that keeps calls to Bedrock away from any proxy; empty: none does.
std::string bypass_of_bedrock(std::string_view no_proxy);

}  // namespace borehole::app
