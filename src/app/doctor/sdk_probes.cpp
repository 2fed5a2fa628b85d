#include "app/doctor/sdk_probes.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <system_error>

#include "app/child_process.h"
#include "app/command_line.h"
#include "app/doctor/probe_environment.h"
#include "app/doctor/responder.h"
#include "app/doctor/sdk_scripts.h"
#include "app/own_proxy.h"
#include "calls/utf8.h"

namespace borehole::app::doctor {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds program_limit{30};  // an SDK on a busy machine takes its time to load
constexpr std::chrono::seconds version_limit{10};

// No region has such a name; the SDKs make an endpoint of Amazon's of it all the same.
std::string region_of(std::size_t number) { return fmt::format("us-probe-{}", number + 1); }

class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> make() {
    std::error_code ignored;
    std::string path = (fs::temp_directory_path(ignored) / "borehole-doctor-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) {
      return unexpected(Error{ErrorCode::io_failed, Fault::proxy,
                              fmt::format("no temporary folder {}: {}", path, std::generic_category().message(errno))});
    }
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(std::move(path)));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// A text as a YAML value: a JSON string is one, and `${` is what configuration files expand.
std::string yaml_string(const std::string& text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '$' && text.compare(i, 2, "${") == 0) escaped += '$';
    escaped += text[i];
  }
  return calls::json_string(escaped);
}

std::string configuration(const std::string& ca_folder, const Responder& responder, std::size_t doors) {
  std::string text = fmt::format(
      "workers: 1\nca: {{dir: {}}}\n"
      "intercept: [\"bedrock-runtime.us-probe-*.amazonaws.com\"]\n"
      "record: {{store: null}}\nlog: {{level: warn}}\n"
      "upstream:\n  connect_timeout: 5s\n  ca_files: [{}]\n  resolve:\n",
      yaml_string(ca_folder), yaml_string(responder.ca_file()));
  for (std::size_t i = 0; i < doors; ++i) {
    text += fmt::format("    \"bedrock-runtime.{}.amazonaws.com:443\": \"127.0.0.1:{}\"\n", region_of(i),
                        responder.port(i));
  }
  return text;
}

std::string version_in(const std::string& package_json) {
  std::ifstream file(package_json);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto at = text.find("\"version\"");
  const auto begin = at == std::string::npos ? at : text.find('"', text.find(':', at));
  const auto end = begin == std::string::npos ? begin : text.find('"', begin + 1);
  return end == std::string::npos ? std::string() : text.substr(begin + 1, end - begin - 1);
}

// The package's folder where Node looks for it, from `folder` upwards.
std::string node_package(fs::path folder, const std::string& package) {
  std::error_code ignored;
  while (true) {
    const fs::path found = folder / "node_modules" / package;
    if (fs::exists(found / "package.json", ignored)) return found.string();
    if (!folder.has_relative_path()) return {};
    folder = folder.parent_path();
  }
}

// One rehearsal: a responder, a proxy before it, and how to run programs against both.
class Rehearsal {
 public:
  static Result<std::unique_ptr<Rehearsal>> set_up(const ProbeOptions& options, std::size_t doors) {
    auto folder = TemporaryFolder::make();
    if (!folder) return unexpected(std::move(folder).error());
    auto stage = std::unique_ptr<Rehearsal>(new Rehearsal);
    stage->folder_ = *std::move(folder);
    const TemporaryFolder& place = *stage->folder_;
    auto responder = Responder::start(place / "responder", doors);
    if (!responder) return unexpected(std::move(responder).error());
    stage->responder_ = *std::move(responder);
    const std::string ca_folder = options.ca_folder.empty() ? place / "ca" : options.ca_folder;
    const std::string file = place / "borehole.yaml";
    std::ofstream(file) << configuration(ca_folder, *stage->responder_, doors);
    CommandLine line;
    line.config_file = file;
    auto proxy = OwnProxy::start(line);
    if (!proxy) return unexpected(std::move(proxy).error());
    stage->proxy_ = *std::move(proxy);
    ProbeWorld& world = stage->world_;
    world.shell = options.environment;
    world.proxies = options.proxies;
    world.private_proxy = stage->proxy_->address();
    world.files = trust_files_in(ca_folder);
    // A CA made for the occasion is in none of the shell's files.
    world.of_shell = !options.ca_folder.empty() && leads_to_proxy(options.environment, options.proxies);
    std::ofstream(place / "BoreholeProbe.java") << java_source;
    return stage;
  }

  SdkReport run(const Sdk& sdk, std::size_t door, bool& missing) const {
    SdkReport report;
    report.kind = sdk.kind;
    report.place = sdk.place;
    report.name = sdk.name;
    report.of_shell = world_.of_shell;
    switch (sdk.kind) {
      case SdkKind::python: run_python(report, door, missing); break;
      case SdkKind::cli: run_cli(report, door); break;
      case SdkKind::javascript: run_javascript(report, door, missing); break;
      case SdkKind::anthropic:
        run_script(report,
                   {sdk.place, "--input-type=module", "-e", std::string(anthropic_script), "--", region_of(door)},
                   door);
        break;
      case SdkKind::java:
        run_script(report, {sdk.place, *folder_ / "BoreholeProbe.java", region_of(door)}, door);
        break;
    }
    return report;
  }

 private:
  Rehearsal() = default;

  ChildOutcome execute(std::vector<std::string> arguments, std::size_t door, std::chrono::seconds limit) const {
    ChildCommand command;
    command.arguments = std::move(arguments);
    command.limit = limit;
    command.environment = as_list(probe_environment(world_, region_of(door)));
    auto outcome = run_child(command);
    if (outcome) return *std::move(outcome);
    ChildOutcome failed;
    failed.status = 127;
    failed.error = outcome.error().detail;
    return failed;
  }

  static std::string last_line(const std::string& text) {
    std::istringstream lines(text);
    std::string line, last;
    while (std::getline(lines, line)) {
      if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
    }
    return last;
  }

  std::map<std::string, std::string> run_script(SdkReport& report, std::vector<std::string> arguments,
                                                std::size_t door) const {
    const ChildOutcome outcome = execute(std::move(arguments), door, program_limit);
    auto answers = parse_answers(outcome.out);
    report.attempt.arrival = responder_->arrival(door);
    report.attempt.timed_out = outcome.timed_out;
    report.attempt.error = answers["error"];
    if (report.attempt.error.empty() && outcome.status != 0 && !outcome.timed_out)
      report.attempt.error = last_line(outcome.error);
    return answers;
  }

  void run_python(SdkReport& report, std::size_t door, bool& missing) const {
    auto answers = run_script(report, {report.place, "-c", std::string(python_script), region_of(door)}, door);
    if (answers.count("missing") > 0) {
      missing = true;
      return;
    }
    report.knows_bedrock = answers["knows"] != "no";
    const bool boto3 = answers.count("boto3") > 0;
    report.name =
        fmt::format("{} {} in {}", boto3 ? "boto3" : "botocore", answers[boto3 ? "boto3" : "botocore"], report.place);
  }

  void run_cli(SdkReport& report, std::size_t door) const {
    const ChildOutcome version = execute({report.place, "--version"}, door, version_limit);
    const std::string said = version.out.empty() ? version.error : version.out;  // version 1 of old says it on stderr
    if (said.starts_with("aws-cli/"))
      report.name = fmt::format("aws-cli {} in {}", said.substr(8, said.find_first_of(" \n") - 8), report.place);
    std::vector<std::string> common{"--region", region_of(door),      "--cli-connect-timeout",
                                    "8",        "--cli-read-timeout", "8"};
    std::vector<std::string> call{
        report.place,      "bedrock-runtime", "invoke-model", "--model-id",
        "borehole.doctor", "--body",          "e30=",         *folder_ / fmt::format("cli-{}.json", door)};
    call.insert(call.end(), common.begin(), common.end());
    ChildOutcome outcome = execute(call, door, program_limit);
    if (outcome.error.find("nvalid choice") != std::string::npos) {
      report.knows_bedrock = false;
      call = {report.place, "sts", "get-caller-identity", "--endpoint-url",
              fmt::format("https://bedrock-runtime.{}.amazonaws.com", region_of(door))};
      call.insert(call.end(), common.begin(), common.end());
      outcome = execute(call, door, program_limit);
    }
    report.attempt.arrival = responder_->arrival(door);
    report.attempt.timed_out = outcome.timed_out;
    if (outcome.status != 0 && !outcome.timed_out) report.attempt.error = last_line(outcome.error);
  }

  void run_javascript(SdkReport& report, std::size_t door, bool& missing) const {
    auto answers = run_script(report,
                              {report.place, "--input-type=module", "-e", std::string(javascript_sdk_script), "--",
                               "http://" + to_string(world_.private_proxy), region_of(door), region_of(door + 1)},
                              door);
    missing = answers.count("missing") > 0;
    report.handler_missing = answers.count("handler.missing") > 0;
    report.handler.arrival = responder_->arrival(door + 1);
    report.handler.error = answers["handler.error"];
    report.handler.timed_out = report.attempt.timed_out;
  }

  // In the order in which they are made; ended the other way round.
  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<Responder> responder_;
  std::unique_ptr<OwnProxy> proxy_;
  ProbeWorld world_;
};

}  // namespace

std::vector<Sdk> find_sdks(const Environment& environment, const std::string& folder) {
  const std::string path = value_of(environment, "PATH");
  std::vector<Sdk> out;
  const auto add = [&out](SdkKind kind, const std::string& place, const std::string& name) {
    const bool known =
        std::any_of(out.begin(), out.end(), [&](const Sdk& sdk) { return sdk.kind == kind && sdk.place == place; });
    if (!place.empty() && !known) out.push_back({kind, place, name});
  };
  if (const std::string venv = value_of(environment, "VIRTUAL_ENV"); !venv.empty()) {
    const std::string python = find_program("python3", venv + "/bin");
    add(SdkKind::python, python, "boto3 in " + python);
  }
  const std::string python = find_program("python3", path);
  add(SdkKind::python, python, "boto3 in " + python);
  const std::string aws = find_program("aws", path);
  add(SdkKind::cli, aws, "aws-cli in " + aws);
  if (const std::string node = find_program("node", path); !node.empty()) {
    for (const auto& [kind, package] : {std::pair(SdkKind::javascript, std::string("@aws-sdk/client-bedrock-runtime")),
                                        std::pair(SdkKind::anthropic, std::string("@anthropic-ai/bedrock-sdk"))}) {
      const std::string found = node_package(folder, package);
      if (!found.empty())
        add(kind, node, fmt::format("{} {} in {}", package, version_in(found + "/package.json"), found));
    }
  }
  // A runtime without compiler cannot run a source file.
  if (!find_program("javac", path).empty()) {
    const std::string java = find_program("java", path);
    add(SdkKind::java, java, "Java (HttpsURLConnection) in " + java);
  }
  return out;
}

Result<std::vector<SdkReport>> probe_sdks(const std::vector<Sdk>& sdks, const ProbeOptions& options) {
  std::vector<SdkReport> reports;
  if (sdks.empty()) return reports;
  // The JavaScript SDK is tried twice.
  auto stage = Rehearsal::set_up(options, sdks.size() * 2);
  if (!stage) return unexpected(std::move(stage).error());
  struct Outcome {
    SdkReport report;
    bool missing = false;
  };
  std::vector<std::future<Outcome>> running;
  for (std::size_t i = 0; i < sdks.size(); ++i) {
    running.push_back(std::async(std::launch::async, [&stage, &sdk = sdks[i], i] {
      Outcome outcome;
      outcome.report = (*stage)->run(sdk, i * 2, outcome.missing);
      return outcome;
    }));
  }
  for (auto& one : running) {
    Outcome outcome = one.get();
    if (!outcome.missing) reports.push_back(std::move(outcome.report));
  }
  return reports;
}

}  // namespace borehole::app::doctor
