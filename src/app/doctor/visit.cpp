#include "app/doctor/visit.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bedrock/hosts.h"
#include "bedrock/times.h"
#include "http/message_reader.h"
#include "net/loop.h"
#include "net/own_addresses.h"
#include "net/resolver.h"
#include "server/acquisition.h"
#include "server/base64.h"

namespace borehole::app::doctor {

namespace {

constexpr std::size_t most_body = 64 * 1024;

// One target: from the dial to the end of the answer.
class Guest final : public server::AcquisitionObserver, public server::UpstreamObserver {
 public:
  Guest(net::Loop& loop, const server::UpstreamWorld& world, const VisitTarget& target, std::function<void()> over)
      : target_(target), over_(std::move(over)), reader_(http::Role::response), bury_(loop, [this] { retire(); }) {
    proxy::UpstreamTarget where{target.host, target.port, target.tls, target.host, false};
    acquisition_ = std::make_unique<server::Acquisition>(world, std::move(where), true, *this);
  }

  const Visit& visit() const noexcept { return visit_; }
  bool over() const noexcept { return done_; }

  void out_of_time() {
    finish(Error{visit_.address.empty() ? ErrorCode::connect_timeout : ErrorCode::response_timeout, Fault::upstream,
                 fmt::format("{}:{} {} in time", target_.host, target_.port,
                             visit_.address.empty() ? "could not be reached" : "did not answer")});
  }

  void on_tcp_open() noexcept override {}
  void on_ready(std::unique_ptr<server::UpstreamConnection> connection) noexcept override {
    connection_ = std::move(connection);
    visit_.address = connection_->facts().address;
    visit_.tls_version = connection_->facts().tls_version;
    connection_->observe(this);
    reader_.expect_response_to("GET");
    const bool v6 = target_.host.find(':') != std::string::npos;
    const bool usual = target_.port == (target_.tls ? 443 : 80);
    connection_->send(fmt::format(
        "GET {} HTTP/1.1\r\nHost: {}{}{}{}\r\nUser-Agent: borehole-doctor\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        target_.path, v6 ? "[" : "", target_.host, v6 ? "]" : "", usual ? "" : fmt::format(":{}", target_.port)));
    connection_->flush();
    connection_->set_reading(true);
  }
  void on_acquisition_failed(const Error& error) noexcept override { finish(error); }

  void on_upstream_received(Bytes bytes) noexcept override {
    while (!done_) {
      const auto progress = reader_.feed(bytes);
      if (!progress) return finish(progress.error());
      bytes = bytes.substr(progress->consumed);
      switch (progress->step) {
        case http::MessageReader::Step::more: return;
        case http::MessageReader::Step::head: head_came(); break;
        case http::MessageReader::Step::body: keep_body(); break;
        case http::MessageReader::Step::complete:
          keep_body();
          if (!reader_.response_head().informational()) return finish(std::nullopt);
          break;
      }
    }
  }
  void on_upstream_ended() noexcept override {
    const auto whole = reader_.end();
    if (!whole) return finish(whole.error());
    finish(*whole ? std::nullopt
                  : std::optional(Error{
                        ErrorCode::upstream_closed, Fault::upstream,
                        fmt::format("{}:{} closed the connection without an answer", target_.host, target_.port)}));
  }
  void on_upstream_broken(const Error& error) noexcept override { finish(error); }
  void on_upstream_written() noexcept override {}

 private:
  void head_came() {
    const http::ResponseHead& head = reader_.response_head();
    if (head.informational()) return;
    visit_.status = head.status();
    visit_.answered = SystemClock().wall();
    if (const auto date = head.find("date")) visit_.date = bedrock::parse_http_date(*date);
    if (const auto refusal = head.find("borehole-error")) visit_.refusal = *refusal;
  }
  void keep_body() {
    for (const Bytes part : reader_.content()) visit_.body += part.substr(0, most_body - visit_.body.size());
  }
  // The answer's head is what counts: what breaks behind it is no matter here.
  void finish(std::optional<Error> error) noexcept {
    if (done_) return;
    done_ = true;
    if (visit_.status == 0) visit_.error = std::move(error);
    if (acquisition_) acquisition_->cancel();
    if (connection_) {
      connection_->set_reading(false);
      connection_->observe(nullptr);
    }
    bury_.start(Duration::zero());
  }
  void retire() {
    connection_.reset();
    acquisition_.reset();
    over_();
  }

  VisitTarget target_;
  std::function<void()> over_;
  http::MessageReader reader_;
  Visit visit_;
  bool done_ = false;
  std::unique_ptr<server::Acquisition> acquisition_;
  std::unique_ptr<server::UpstreamConnection> connection_;
  net::Timer bury_;
};

using ResolveRules = std::vector<std::pair<bedrock::HostPattern, config::ResolveRule>>;

ResolveRules resolve_rules(const config::Config& config) {
  ResolveRules rules;
  for (const auto& rule : config.upstream.resolve) {
    if (auto pattern = bedrock::HostPattern::parse(rule.host)) rules.emplace_back(*std::move(pattern), rule);
  }
  return rules;
}

std::string not_this_machine(const config::Config& config, net::OwnAddresses& own, const net::Address& address) {
  const bool here = address.kind() == net::AddressKind::loopback || address.kind() == net::AddressKind::unspecified;
  const bool listens = std::any_of(config.listen.begin(), config.listen.end(),
                                   [&](const config::HostPort& one) { return one.port == address.port(); });
  if (!here && !(listens && own.contain(address, TimePoint{}))) return {};
  return fmt::format(
      "its name leads to {}, this machine (by /etc/hosts, say), and would lead borehole back to itself; name Amazon's "
      "address in `upstream.resolve`",
      address.ip());
}

}  // namespace

std::vector<Visit> visit_all(const config::Config& config, const std::shared_ptr<const tls::TrustStore>& trust,
                             const std::vector<VisitTarget>& targets, Duration limit) {
  net::Loop loop;
  net::Resolver resolver(net::system_look_up(), {});
  net::ResolverClient names(resolver, loop);
  tls::ClientContext client_tls(trust);
  server::WorkerCounters counters;  // nobody reads them
  const ResolveRules rules = resolve_rules(config);
  net::OwnAddresses own;
  const net::AddressRule elsewhere = [&](const net::Address& address) {
    return not_this_machine(config, own, address);
  };
  const server::UpstreamWorld straight{
      loop, names, client_tls, counters, limit, {}, {}, [](const std::string&, std::uint16_t) { return std::nullopt; },
      {}};
  server::UpstreamWorld upstream{loop,
                                 names,
                                 client_tls,
                                 counters,
                                 limit,
                                 elsewhere,
                                 elsewhere,
                                 [&rules](const std::string& host, std::uint16_t port) -> std::optional<net::Address> {
                                   for (const auto& [pattern, rule] : rules) {
                                     if (rule.port == port && pattern.matches(host))
                                       return net::Address::parse(rule.to.host, rule.to.port);
                                   }
                                   return std::nullopt;
                                 },
                                 {}};
  if (const auto& proxy = config.upstream.proxy) {
    server::UpstreamWorld::Proxy chained{proxy->address.host, proxy->address.port, {}};
    if (!proxy->user.empty()) chained.authorization = "Basic " + server::base64(proxy->user + ":" + proxy->password);
    upstream.proxy = std::move(chained);
  }

  std::vector<std::unique_ptr<Guest>> guests;
  guests.reserve(targets.size());
  std::size_t left = targets.size();
  for (const VisitTarget& target : targets) {
    guests.push_back(std::make_unique<Guest>(loop, target.as_upstream ? upstream : straight, target, [&] {
      if (--left == 0) loop.stop();
    }));
  }
  net::Timer deadline(loop, [&] {
    for (const auto& guest : guests) guest->out_of_time();
  });
  deadline.start(limit + std::chrono::milliseconds(200));  // dial and TLS have limits of their own, with better words
  if (left > 0) loop.run();
  std::vector<Visit> visits;
  visits.reserve(guests.size());
  for (const auto& guest : guests) visits.push_back(guest->visit());
  return visits;
}

}  // namespace borehole::app::doctor
