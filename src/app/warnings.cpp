#include "app/warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bedrock/hosts.h"
#include "config/scalars.h"

namespace borehole::app {

namespace {

class Warnings {
 public:
  Warnings(const proxy::Policy& policy, const config::Loaded& loaded)
      : policy_(policy), config_(*policy.config), loaded_(loaded) {}

  std::vector<config::Problem> run() {
    look_at_routers();
    look_at_intercept();
    look_at_resolve();
    look_at_proxy();
    look_at_clients();
    look_at_record();
    return std::move(found_);
  }

 private:
  void warn(const std::string& key, std::string message) {
    const auto place = loaded_.places.find(key);
    config::Problem warning = place != loaded_.places.end()
                                  ? place->second
                                  : config::Problem{config_.file.empty() ? "defaults" : config_.file, 0, 0, {}};
    warning.message = fmt::format("warning: {} {}", key, message);
    found_.push_back(std::move(warning));
  }

  bool open_to_others() const {
    return std::ranges::any_of(config_.listen, [](const auto& one) { return !config::is_loopback(one.host); });
  }

  void look_at_routers() {
    const auto& routers = config_.routers;
    for (std::size_t i = 0; i < routers.size(); ++i) {
      if (!routers[i].upstream || config::is_loopback(routers[i].upstream->host)) continue;
      const std::string key = fmt::format("routers[{}].upstream", i);
      const std::string& host = routers[i].upstream->host;
      if (routers[i].scheme == "http") {
        warn(key,
             fmt::format("reaches {} without TLS: prompts and keys pass readable; write https:// if it can", host));
      } else if (!policy_.intercepts(host)) {
        warn(key, fmt::format("names {}, which is not in `intercept`: calls to it through a proxy setting pass "
                              "unrecorded; add it there if they should be recorded",
                              host));
      }
    }
    if (std::ranges::all_of(routers, [](const auto& router) { return router.upstream.has_value(); }))
      warn("routers", "lacks the empty router: calls through a proxy setting are refused; add - path: /");
  }

  void look_at_intercept() {
    if (policy_.intercept.empty())
      warn("intercept", "is empty: calls through a proxy setting pass unrecorded; remove the key for Bedrock's hosts");
  }

  void look_at_resolve() {
    const auto& rules = config_.upstream.resolve;
    std::vector<bedrock::HostPattern> patterns;
    for (const auto& rule : rules) {
      const std::string key = fmt::format("upstream.resolve.{}:{}", rule.host, rule.port);
      auto pattern = bedrock::HostPattern::parse(rule.host);
      if (!pattern) return;  // the loader lets none through
      const auto by_router = [&](const config::Router& router) {
        return router.upstream && router.upstream->port == rule.port && pattern->matches(router.upstream->host);
      };
      std::size_t earlier = 0;
      while (earlier < patterns.size() && !(rules[earlier].port == rule.port && patterns[earlier].matches(rule.host)))
        ++earlier;
      if (config_.upstream.proxy) {
        warn(key, "is not used while `upstream.proxy` is set: that proxy looks names up; remove one of the two");
      } else if (!policy_.port_allowed(rule.port) && std::ranges::none_of(config_.routers, by_router)) {
        warn(key, fmt::format("is never used: port {} is not in `upstream.ports` and no router goes there", rule.port));
      } else if (earlier < patterns.size()) {
        warn(key, fmt::format("is never used: {}:{} stands above it and takes the same hosts; put it first",
                              rules[earlier].host, rules[earlier].port));
      }
      patterns.push_back(*std::move(pattern));
    }
  }

  void look_at_proxy() {
    const auto& proxy = config_.upstream.proxy;
    if (!proxy || !config::is_loopback(proxy->address.host)) return;
    const auto same_port = [&](const auto& own) { return own.port != 0 && own.port == proxy->address.port; };
    if (std::ranges::any_of(config_.listen, same_port))
      warn("upstream.proxy", "is borehole itself: every call would go in circles; name the proxy behind it, or null");
  }

  void look_at_clients() {
    const auto& auth = config_.auth;
    const auto everybody = [](const config::Network& network) { return network.text.ends_with("/0"); };
    if (!auth.users_file && std::ranges::any_of(auth.allow_clients, everybody))
      warn("auth.allow_clients", "lets in whoever reaches this port: name your own networks, or set auth.users_file");
    if (config_.upstream.allow_loopback && open_to_others())
      warn("upstream.allow_loopback",
           "lets clients on other machines reach every program on this one: set it to false, and name what they may "
           "reach in upstream.resolve");
  }

  void look_at_record() {
    if (!config_.record.store && !config_.record.jsonl)
      warn("record.store", "is null and record.jsonl too: no call is kept; set one of them to a file");
  }

  const proxy::Policy& policy_;
  const config::Config& config_;
  const config::Loaded& loaded_;
  std::vector<config::Problem> found_;
};

}  // namespace

std::vector<config::Problem> warnings(const proxy::Policy& policy, const config::Loaded& loaded) {
  return Warnings(policy, loaded).run();
}

}  // namespace borehole::app
