#include "app/doctor/direct_checks.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "app/client_environment.h"
#include "net/address.h"
#include "net/socket_table.h"

namespace borehole::app::doctor {

namespace {

constexpr std::uint16_t https = 443;

std::string user_name(std::uint32_t id) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> room{};
  if (getpwuid_r(id, &entry, room.data(), room.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return std::to_string(id);
}

std::optional<std::uint32_t> listener_user(const config::HostPort& where) {
  std::optional<std::uint32_t> user;
  if (where.port == 0) return user;
  net::each_listed_socket(where.port, [&](const net::ListedSocket& socket) {
    if (socket.listening) user = socket.user;
  });
  return user;
}

// A rule that redirects reaches a loopback address, since it acts on this machine's own calls.
const config::HostPort* local_listener(const std::vector<config::HostPort>& listens, bool v6) {
  const auto found = std::find_if(listens.begin(), listens.end(), [v6](const config::HostPort& one) {
    if (one.port == 0) return false;
    return v6 ? one.host == "::1" || one.host == "::"
              : one.host == "127.0.0.1" || one.host == "0.0.0.0" || one.host == "localhost";
  });
  return found == listens.end() ? nullptr : &*found;
}

Finding hosts_lines(const DirectView& view) {
  const auto found = std::find_if(view.listens.begin(), view.listens.end(),
                                  [](const config::HostPort& one) { return one.port == https; });
  const bool listens = found != view.listens.end();
  const std::string address = listens ? reachable({*found}).host : "127.0.0.1";
  std::string lines;
  for (const auto& host : view.hosts) lines += fmt::format("{}{} {}", lines.empty() ? "" : "\n", address, host);
  const std::string where = listens ? fmt::format("{}:443, where borehole listens", address)
                                    : "borehole, once `listen` has 127.0.0.1:443 too (or the address of this machine "
                                      "that they reach)";
  return {"direct.hosts", State::ok, "clients without a proxy, by hosts file",
          fmt::format("these lines in a client's hosts file lead it to {}; in the hosts file of this machine they lead "
                      "borehole to itself, unless `upstream.resolve` names Amazon's addresses",
                      where),
          lines};
}

Finding rule(const DirectView& view) {
  const std::string user = view.proxy_user.empty() ? "borehole" : view.proxy_user;
  Finding finding{"direct.redirect", State::ok, "clients without a proxy, by firewall", "",
                  nftables_rule(view.listens, user)};
  if (finding.remedy.empty()) {
    finding.detail = "a rule needs an address in `listen` that is a loopback one, or all, with a fixed port";
    return finding;
  }
  finding.detail = fmt::format(
      "this rule of nftables leads the HTTPS calls of this machine to borehole, except those of the user {}, "
      "which must run borehole and no client{}; what is not for Bedrock passes by untouched, and `sudo nft "
      "delete table ip direct` undoes it",
      user, !view.proxy_user.empty() && view.proxy_user == view.user ? " (now it is yours)" : "");
  return finding;
}

}  // namespace

DirectView view_direct(const config::Config& config, std::vector<std::string> hosts) {
  DirectView view;
  view.asks_for_credentials = config.auth.users_file.has_value();
  view.listens = config.listen;
  view.hosts = std::move(hosts);
  view.user = user_name(geteuid());
  for (const auto& listen : config.listen) {
    const auto user = view.proxy_user.empty() ? listener_user(listen) : std::nullopt;
    if (user) view.proxy_user = user_name(*user);
  }
  return view;
}

std::string nftables_rule(const std::vector<config::HostPort>& listens, const std::string& user) {
  std::string tables;
  for (const bool v6 : {false, true}) {
    const config::HostPort* listener = local_listener(listens, v6);
    if (listener == nullptr) continue;
    tables += fmt::format(
        "table {} direct {{\n  chain output {{\n    type nat hook output priority -100;\n    meta skuid != \"{}\" fib "
        "daddr type != local tcp dport 443 redirect to :{}\n  }}\n}}\n",
        v6 ? "ip6" : "ip", user, listener->port);
  }
  return tables.empty() ? tables : "sudo nft -f - <<'END'\n" + tables + "END";
}

Findings judge_direct(const DirectView& view) {
  if (view.asks_for_credentials) {
    return {
        {"direct", State::ok, "clients without a proxy",
         "they cannot give the credentials that `auth.users_file` asks for, so none is led here by a hosts file or a "
         "firewall rule; `auth.allow_clients` would let them in by their network",
         ""}};
  }
  Findings out;
  if (!view.hosts.empty()) out.push_back(hosts_lines(view));
  out.push_back(rule(view));
  return out;
}

std::optional<Finding> judge_redirected(const std::string& host, const Visit& through, const DirectView& view) {
  if (through.error) return std::nullopt;
  Finding finding{"endpoint." + host, State::ok, host, "", ""};
  if (through.refusal.empty()) {
    finding.detail = "a firewall rule leads this machine's calls to borehole, which reaches it";
    return finding;
  }
  finding.state = State::mend;
  finding.detail = fmt::format("a firewall rule leads this machine's calls to borehole, which does not reach it: {}",
                               through.body.substr(0, 500));
  if (through.refusal == "proxy_loop") {
    finding.detail =
        "a firewall rule leads this machine's calls to borehole, and borehole's own back to itself: it must "
        "except the user that runs borehole";
    finding.remedy = nftables_rule(view.listens, view.proxy_user.empty() ? "borehole" : view.proxy_user);
  }
  return finding;
}

}  // namespace borehole::app::doctor
