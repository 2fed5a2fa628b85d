// Fuzzes the reading of Gecholog's configuration. Input: a gl_config.json. What comes out must be a configuration that
// loads, but for files that are not there.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "config/from_gecholog.h"
#include "config/load.h"
#include "fuzz/invariant.h"

using namespace borehole;

namespace {

class OutputFile {
 public:
  OutputFile() : folder_((std::filesystem::temp_directory_path() / "borehole-fuzz-XXXXXX").string()) {
    demand(mkdtemp(folder_.data()) != nullptr, "there is a temporary folder");
  }
  ~OutputFile() { std::filesystem::remove_all(folder_); }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  std::string write(std::string_view text) const {
    const std::string path = folder_ + "/borehole.yaml";
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    return path;
  }

 private:
  std::string folder_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  static const OutputFile file;
  const std::string text(reinterpret_cast<const char*>(octets), size);
  const auto translation = config::from_gecholog("gl_config.json", text);
  demand(translation.yaml.empty() == !translation.problems.empty(), "there is a configuration, or a reason why not");
  for (const auto* list : {&translation.notes, &translation.problems}) {
    for (const auto& one : *list) {
      demand(!one.message.empty(), "every note says what it is");
      demand(one.message.find('\n') == std::string::npos, "a note is one line");
    }
  }
  if (translation.yaml.empty() || text.find('$') != std::string::npos) return 0;  // a variable may hold anything
  config::LoadOptions options;
  options.environment = [](const std::string&) { return std::nullopt; };
  options.file = file.write(translation.yaml);
  for (const auto& problem : config::load(options).problems)
    demand(problem.message.find("upstream.ca_files") != std::string::npos, "what was written loads");
  return 0;
}
