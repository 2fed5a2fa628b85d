#include "app/doctor/go_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "app/child_process.h"
#include "app/doctor/probe_environment.h"
#include "base/shell_word.h"

namespace borehole::app::doctor {

namespace {

namespace fs = std::filesystem;

constexpr const char* package = "github.com/aws/aws-sdk-go-v2/service/bedrockruntime";

bool holds_root(const Environment& environment, const char* name, const Surroundings& around) {
  const std::string path = value_of(environment, name);
  if (path.empty() || around.root_sha256.empty()) return false;
  const auto held = around.certificates(path);
  return held && std::find(held->begin(), held->end(), around.root_sha256) != held->end();
}

}  // namespace

std::string bedrock_sdk_in(const std::string& go_mod) {
  const auto at = go_mod.find(package);
  if (at == std::string::npos) return {};
  const auto begin = go_mod.find_first_not_of(" \t", at + std::char_traits<char>::length(package));
  if (begin == std::string::npos || go_mod[begin] != 'v') return {};
  return go_mod.substr(begin, go_mod.find_first_of(" \t\r\n", begin) - begin);
}

std::optional<GoView> look_at_go(const Environment& environment, const std::string& folder) {
  GoView view;
  view.place = find_program("go", value_of(environment, "PATH"));
  if (view.place.empty()) return std::nullopt;
  ChildCommand command;
  command.arguments = {view.place, "version"};
  command.limit = std::chrono::seconds(5);
  Environment quiet = environment;
  quiet["GOTOOLCHAIN"] = "local";  // it fetches no other version
  command.environment = as_list(quiet);
  if (const auto outcome = run_child(command); outcome && outcome->out.starts_with("go version go")) {
    view.version = outcome->out.substr(13, outcome->out.find(' ', 13) - 13);
  }
  std::error_code ignored;
  for (fs::path at = folder;; at = at.parent_path()) {
    if (std::ifstream file(at / "go.mod"); file) {
      view.sdk = bedrock_sdk_in(std::string(std::istreambuf_iterator<char>(file), {}));
      break;
    }
    if (!at.has_relative_path()) break;
  }
  return view;
}

Finding judge_go(const GoView& view, const Environment& environment, const Surroundings& around) {
  Finding out{"sdk.go", State::ok,
              fmt::format("Go{}{} in {}", view.version.empty() ? "" : " " + view.version,
                          view.sdk.empty() ? "" : " with bedrockruntime " + view.sdk, view.place),
              "", ""};
  const bool proxied = leads_to_proxy(environment, around.proxies);
  const bool trusts = view.system_trusts || holds_root(environment, "SSL_CERT_FILE", around) ||
                      (!view.sdk.empty() && holds_root(environment, "AWS_CA_BUNDLE", around));
  if (!proxied) {
    out.state = State::look;
    out.detail = "goes past the proxy as this shell is set: net/http looks at HTTPS_PROXY (not tried)";
    out.remedy = "eval \"$(borehole env)\"";
  } else if (!trusts) {
    out.state = State::mend;
    out.detail = "uses the proxy, but trusts neither through SSL_CERT_FILE nor through the system's store (not tried)";
    out.remedy = "export SSL_CERT_FILE=" + shell_word(around.ca_folder + "/bundle.pem");
  } else {
    out.detail = "its net/http goes by HTTPS_PROXY, and finds the CA (by this shell's variables, not tried)";
  }
  return out;
}

}  // namespace borehole::app::doctor
