#include "config/load.h"

#include <fmt/format.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <tuple>

#include "config/schema.h"

namespace borehole::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_file = 1024 * 1024;

// One run of load(): what has been read so far, and what is wrong with it.
class Loading {
 public:
  explicit Loading(const LoadOptions& options)
      : options_(options), environment_(options.environment ? options.environment : system_environment) {}

  Loaded run();

 private:
  static std::optional<std::string> system_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  }

  Source source(std::string name, std::string directory, bool has_lines) {
    return Source{std::move(name), std::move(directory), has_lines, environment_, problems_};
  }
  void complain(std::string file, std::string message) {
    problems_.push_back({std::move(file), 0, 0, std::move(message)});
  }

  std::optional<std::string> find_file();
  std::optional<std::string> home_folder(const char* variable, const char* below_home);
  std::optional<std::string> state_folder();
  void read_file(const std::string& file);
  void read_command_line();
  void read_option(const std::string& name, const std::string& key, const YAML::Node& node);
  void default_paths();
  void cross_check();
  void check_reach(const Place& place, std::string_view key, bool networks_suffice);

  const LoadOptions& options_;
  Environment environment_;
  std::vector<Problem> problems_;
  Draft draft_;
};

// XDG base directories: a relative path there is to be ignored.
std::optional<std::string> Loading::home_folder(const char* variable, const char* below_home) {
  if (auto given = environment_(variable); given && given->starts_with('/')) return given;
  if (const auto home = environment_("HOME"); home && home->starts_with('/')) return *home + below_home;
  return std::nullopt;
}

std::optional<std::string> Loading::find_file() {
  if (options_.file) return options_.file;
  std::vector<std::string> candidates;
  if (const auto folder = home_folder("XDG_CONFIG_HOME", "/.config"))
    candidates.push_back(*folder + "/borehole/borehole.yaml");
  candidates.push_back(options_.system_file);
  std::error_code error;
  for (const auto& candidate : candidates)
    if (fs::exists(candidate, error) || error) return candidate;  // one that cannot be looked at is not passed over
  return std::nullopt;
}

// What else helps with a line that is no YAML: both are written so often, and neither is plain YAML.
std::string_view syntax_hint(std::string_view line) {
  if (line.find("${") != line.npos) return ", and quote a value that holds ${NAME}";
  if (line.find('[') != line.npos && line.find("]:") != line.npos)
    return ", and quote an address such as \"[::1]:5380\"";
  return "";
}

std::string_view nth_line(std::string_view text, int n) {
  for (; n > 0; --n) {
    const auto end = text.find('\n');
    if (end == text.npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// Sees where a document begins, and nothing else of it.
class DocumentStart : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
  YAML::Mark mark() const { return mark_; }

 private:
  YAML::Mark mark_;
};

// Not by LoadAll: yaml-cpp 0.7 does not advance over a stray comma, so that there are documents without end.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStart start;
  if (!parser.HandleNextDocument(start) || !parser.HandleNextDocument(start)) return std::nullopt;
  return start.mark();
}

void Loading::read_file(const std::string& file) {
  draft_.config.file = file;
  std::error_code error;
  const auto absolute = fs::absolute(file, error);
  if (fs::is_directory(absolute, error)) return complain(file, "is a folder: name the file in it");
  std::ifstream stream(absolute, std::ios::binary);
  if (!stream)
    return complain(file, fmt::format("cannot be read ({}): create it or mend the path", std::strerror(errno)));
  std::string text(largest_file + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (stream.bad()) return complain(file, "cannot be read: mend the file system it is on");
  if (text.size() > largest_file) return complain(file, "is larger than 1 MiB: name a configuration");

  const auto from = source(file, absolute.parent_path().string(), true);
  try {
    const auto root = YAML::Load(text);
    if (const auto second = second_document(text))
      return from.complain(*second, "a second document begins here, or this is no YAML: keep a single map of keys");
    read_document(Value(from, root, YAML::Mark(), ""), draft_);
  } catch (const YAML::Exception& wrong) {
    from.complain(wrong.mark, fmt::format("this is not YAML ({}): mend it{}", log::escaped(wrong.msg),
                                          syntax_hint(nth_line(text, wrong.mark.line))));
  }
}

void Loading::read_option(const std::string& name, const std::string& key, const YAML::Node& node) {
  std::error_code error;
  const auto from = source(name, fs::current_path(error).string(), false);
  read_key(key, Value(from, node, YAML::Mark(), key), draft_);
}

void Loading::read_command_line() {
  for (const auto& set : options_.sets) {
    const auto equals = set.find('=');
    const auto key = set.substr(0, equals);
    const auto name = "--set " + key;
    if (equals == set.npos || key.empty()) {
      complain("--set", "must be KEY=VALUE, such as --set upstream.allow_loopback=true");
      continue;
    }
    const auto value = set.substr(equals + 1);
    // Two values that a user may well type are YAML for something else: a lone dash, and an IPv6 address with its port.
    if (value == "-" || parse_host_port(value, PortZero::allowed)) {
      read_option(name, key, YAML::Node(value));
      continue;
    }
    try {
      read_option(name, key, YAML::Load(value));
    } catch (const YAML::Exception& wrong) {
      complain(name, fmt::format("this is not YAML ({}): mend it{}", log::escaped(wrong.msg), syntax_hint(value)));
    }
  }
  if (!options_.listens.empty()) read_option("--listen", "listen", YAML::Node(options_.listens));
  if (options_.admin) {
    if (*options_.admin == "null")
      read_option("--admin", "admin", YAML::Node(YAML::NodeType::Null));
    else
      read_option("--admin", "admin", YAML::Node(*options_.admin));
  }
}

void Loading::default_paths() {
  Config& config = draft_.config;
  std::error_code error;
  if (!config.file.empty()) {
    const auto folder = fs::absolute(config.file, error).parent_path();
    const auto prices = (folder / "prices.yaml").lexically_normal();
    if (!draft_.prices_given && fs::exists(prices, error)) config.prices = prices.string();
    if (options_.file) {  // a folder like this repository: conf/, certs/ and data/ side by side
      if (!draft_.ca_dir_given) config.ca.dir = (folder / "../certs").lexically_normal().string();
      if (!draft_.store_given) config.record.store = (folder / "../data/calls.db").lexically_normal().string();
      return;
    }
  }
  if (draft_.ca_dir_given && draft_.store_given) return;
  const auto state = state_folder();
  if (!state)
    return complain("environment",
                    "there is no place for the CA and the recorded calls: set HOME or XDG_STATE_HOME, or give "
                    "ca.dir and record.store");
  if (!draft_.ca_dir_given) config.ca.dir = (fs::path(*state) / "certs").lexically_normal().string();
  if (!draft_.store_given) config.record.store = (fs::path(*state) / "calls.db").lexically_normal().string();
}

// Where the CA and the calls lie when nothing names a place for them.
std::optional<std::string> Loading::state_folder() {
  constexpr auto of_system = "/var/lib/borehole";
  // systemd.exec(5): one folder for each StateDirectory=, separated by colons.
  if (const auto given = environment_("STATE_DIRECTORY"); given && given->starts_with('/'))
    return given->substr(0, given->find(':'));
  const bool superuser = options_.superuser.value_or(geteuid() == 0);
  if (superuser && draft_.config.file == options_.system_file && !environment_("XDG_STATE_HOME")) return of_system;
  if (const auto home = home_folder("XDG_STATE_HOME", "/.local/state")) return *home + "/borehole";
  if (superuser) return of_system;
  return std::nullopt;
}

void Loading::check_reach(const Place& place, std::string_view key, bool networks_suffice) {
  const auto& auth = draft_.config.auth;
  if (draft_.users_file_given || (networks_suffice && !auth.allow_clients.empty())) return;
  place.source.complain(place.mark,
                        fmt::format("{} is reachable from other machines: set auth.users_file{}, or keep to a "
                                    "loopback address such as 127.0.0.1",
                                    key, networks_suffice ? " or auth.allow_clients" : ""));
}

// The rules that look at several keys.
void Loading::cross_check() {
  const Config& config = draft_.config;
  const auto is_open = [](const HostPort& address) { return !is_loopback(address.host); };
  if (draft_.listen && std::ranges::any_of(config.listen, is_open)) check_reach(*draft_.listen, "listen", true);
  if (draft_.admin && config.admin && is_open(*config.admin)) check_reach(*draft_.admin, "admin", false);
  if (draft_.durability && config.record.strict_durability && !config.record.store) {
    draft_.durability->source.complain(draft_.durability->mark,
                                       "record.durability strict needs a store to keep records in: set record.store "
                                       "to a file, or durability to batch");
  }
  if (config.admin && config.admin->port != 0 && std::ranges::count(config.listen, *config.admin) > 0) {
    constexpr auto message = "admin and listen are the same address: give one of them another port";
    const auto& place = draft_.admin ? draft_.admin : draft_.listen;
    if (place)
      place->source.complain(place->mark, message);
    else
      complain(config.file, message);
  }
}

Loaded Loading::run() {
  draft_.config.routers = {
      Router{}, Router{"/service/standard/", "https", HostPort{"bedrock-runtime.us-east-1.amazonaws.com", 443}, {}}};
  if (const auto file = find_file()) read_file(*file);
  read_command_line();
  default_paths();
  cross_check();
  // In the order of the file, then of the command line.
  std::ranges::stable_sort(problems_, {}, [this](const Problem& problem) {
    return std::tuple(problem.file != draft_.config.file, problem.line, problem.column);
  });
  if (!problems_.empty()) return {nullptr, std::move(problems_), std::move(draft_.places)};
  return {std::make_shared<const Config>(std::move(draft_.config)), {}, std::move(draft_.places)};
}

}  // namespace

std::string to_string(const Problem& problem) {
  if (problem.line == 0) return fmt::format("{}: {}", problem.file, problem.message);
  return fmt::format("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message);
}

Loaded load(const LoadOptions& options) { return Loading(options).run(); }

}  // namespace borehole::config
