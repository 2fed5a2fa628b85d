#include "app/doctor/proxy_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/client_environment.h"
#include "ca/certificate_list.h"
#include "net/address.h"
#include "net/listener_owner.h"

namespace borehole::app::doctor {

namespace {

constexpr std::chrono::seconds patience{3};

Port look_at(const config::HostPort& where) {
  Port port{where, {}};
  if (where.port == 0) return port;
  if (const auto address = net::Address::parse(where.host == "localhost" ? "127.0.0.1" : where.host, where.port))
    port.holder = net::foreign_listener(*address);
  return port;
}

std::string sentences(const std::string& body) {
  std::string out;
  for (const char c : body) {
    if (c != '\n') {
      out += c;
    } else if (!out.empty() && !out.ends_with("; ")) {
      out += "; ";
    }
  }
  while (out.ends_with(' ') || out.ends_with(';')) out.pop_back();
  return out;
}

bool is_borehole(const std::string& holder) { return holder.starts_with("borehole "); }

std::string other_port(const char* option, const config::HostPort& where) {
  config::HostPort next = where;
  next.port = static_cast<std::uint16_t>(where.port < 65000 ? where.port + 100 : where.port - 100);
  return fmt::format("borehole {} {}", option, to_string(next));
}

Findings judge_running(const ProxyView& view) {
  const std::string subject = "proxy " + to_string(view.listens.front().where);
  const std::string admin = to_string(view.admin->where);
  if (view.readiness->status != 200) {
    return {{"proxy", State::mend, subject,
             view.readiness->error ? "it does not tell whether it is ready: " + view.readiness->error->detail
                                   : "it runs, but is not ready: " + sentences(view.readiness->body),
             fmt::format("curl http://{}/readyz", admin)}};
  }
  if (!view.root.empty() && view.root != view.running_root) {
    return {{"proxy.ca", State::mend, subject,
             fmt::format("it runs with another CA (sha256 {}…) than the one on disk ({}…), which was rotated since, or "
                         "is another installation's; stop it, and start it anew",
                         view.running_root.substr(0, 16), view.root.substr(0, 16)),
             "borehole serve"}};
  }
  return {{"proxy", State::ok, subject, "it runs, and is ready", ""}};
}

}  // namespace

ProxyView view_proxy(const config::Config& config, const std::shared_ptr<const tls::TrustStore>& trust) {
  ProxyView view;
  for (const auto& listen : config.listen) view.listens.push_back(look_at(listen));
  if (!config.admin) return view;
  view.admin = look_at(*config.admin);
  if (config.admin->port == 0) return view;
  const config::HostPort admin = reachable({*config.admin});
  VisitTarget readiness{admin.host, admin.port, false, "/readyz", false};
  VisitTarget root = readiness;
  root.path = "/ca.pem";
  auto visits = visit_all(config, trust, {std::move(readiness), std::move(root)}, patience);
  if (visits[0].error && visits[0].error->code == ErrorCode::connect_failed) return view;
  view.readiness = std::move(visits[0]);
  if (visits[1].status == 200) {
    const auto certificates = ca::list_certificates(visits[1].body);
    if (!certificates.empty() && certificates.front().is_borehole_root) view.running_root = certificates.front().sha256;
  }
  return view;
}

Findings judge_proxy(const ProxyView& view) {
  if (!view.running_root.empty()) return judge_running(view);
  Findings out;
  bool held = false;
  for (const Port& port : view.listens) {
    if (port.holder.empty()) continue;
    held = true;
    const std::string subject = "proxy " + to_string(port.where);
    if (is_borehole(port.holder)) {
      out.push_back(
          {"proxy.port", State::look, subject,
           fmt::format("{} listens there, with another admin port or configuration than this one", port.holder), ""});
    } else {
      out.push_back({"proxy.port", State::mend, subject,
                     fmt::format("the port is taken by {}; end that, or choose another port", port.holder),
                     other_port("--listen", port.where)});
    }
  }
  if (view.admin && !is_borehole(view.admin->holder) && (!view.admin->holder.empty() || view.readiness)) {
    out.push_back({"proxy.admin_port", State::mend, "admin port " + to_string(view.admin->where),
                   fmt::format("the port is taken by {}; end that, or choose another port",
                               view.admin->holder.empty() ? "another program" : view.admin->holder),
                   other_port("--admin", view.admin->where)});
  }
  if (held || view.listens.empty()) return out;
  const Port& first = view.listens.front();
  const std::string subject = "proxy " + to_string(first.where);
  if (view.shell_leads_here) {
    out.push_back({"proxy", State::mend, subject,
                   "none runs, and HTTPS_PROXY of this shell leads there: every call of its programs fails",
                   "borehole serve"});
  } else {
    out.push_back(
        {"proxy", State::ok, subject,
         first.where.port == 0 ? "none is looked for: `listen` has port 0" : "none runs, and the port is free", ""});
  }
  return out;
}

}  // namespace borehole::app::doctor
