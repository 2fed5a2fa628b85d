// Fuzzes the configuration, its values and the credentials of clients. Input: a configuration as YAML.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "config/basic_credentials.h"
#include "config/load.h"
#include "config/scalars.h"
#include "fuzz/invariant.h"

using namespace borehole;

namespace {

// load() reads files, so the octets become one; its folder goes with the process.
class InputFile {
 public:
  InputFile() : folder_((std::filesystem::temp_directory_path() / "borehole-fuzz-XXXXXX").string()) {
    demand(mkdtemp(folder_.data()) != nullptr, "there is a temporary folder");
  }
  ~InputFile() { std::filesystem::remove_all(folder_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::string write(std::string_view text) const {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << text;
    return path();
  }

 private:
  std::string path() const { return folder_ + "/borehole.yaml"; }
  std::string folder_;
};

constexpr std::string_view secret = "a secret value";

void check_loaded(const config::Loaded& loaded, std::string_view text) {
  const bool written = text.find(secret) != std::string_view::npos;  // by the fuzzer, and so no secret
  demand((loaded.config == nullptr) == !loaded.problems.empty(), "there is a configuration, or a reason why not");
  for (const auto& problem : loaded.problems) {
    demand(!problem.message.empty(), "every problem says what it is");
    demand(problem.message.find('\n') == std::string::npos, "a problem is one line");
    demand(written || problem.message.find(secret) == std::string::npos, "what a variable held is not shown");
    demand(problem.line >= 0 && (problem.line == 0) == (problem.column == 0), "line and column go together");
  }
  if (!loaded.config) return;
  const config::Config& config = *loaded.config;
  demand(!config.listen.empty() && !config.routers.empty(), "there is somewhere to come in and to go");
  demand(config.ca.dir.starts_with('/'), "paths are absolute");
  for (const auto& address : config.listen)
    demand(config::is_loopback(address.host) || config.auth.users_file || !config.auth.allow_clients.empty(),
           "nobody gets in from outside without a rule");
  for (const auto& router : config.routers)
    demand(router.path.starts_with('/') && router.path.ends_with('/'), "a router's path has both slashes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  static const InputFile file;
  const std::string text(reinterpret_cast<const char*>(octets), size);
  config::LoadOptions options;
  options.environment = [](const std::string& name) {
    return name == "SECRET" ? std::optional<std::string>(secret) : std::nullopt;
  };
  options.file = file.write(text);
  check_loaded(config::load(options), text);

  options.file = file.write("");
  options.sets = {text};
  check_loaded(config::load(options), text);

  const config::BasicCredentials credentials("Basic " + text);
  if (credentials.well_formed())
    demand(std::string_view(credentials.password()).size() + credentials.user().size() + 1 == credentials.both().size(),
           "credentials come apart without loss");
  return 0;
}
