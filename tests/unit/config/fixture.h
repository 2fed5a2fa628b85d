// A folder with a configuration in it, and load() on that. Removed with everything in it; reads no real environment.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "catch.h"
#include "config/load.h"

class Fixture {
 public:
  Fixture() {
    std::string name = (std::filesystem::temp_directory_path() / "borehole-config-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder_ = std::filesystem::canonical(name).string();
    std::filesystem::create_directory(folder_ + "/conf");
    options.environment = [this](const std::string& variable) -> std::optional<std::string> {
      const auto found = environment.find(variable);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
  }
  ~Fixture() { std::filesystem::remove_all(folder_); }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  const std::string& folder() const { return folder_; }
  std::string file() const { return folder_ + "/conf/borehole.yaml"; }
  std::string write(const std::string& name, const std::string& text) const {
    const auto path = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  borehole::config::Loaded load(const std::string& yaml) {
    options.file = write("conf/borehole.yaml", yaml);
    return borehole::config::load(options);
  }
  // "LINE:COLUMN: MESSAGE" for what is wrong in the file, "NAME: MESSAGE" for the rest.
  std::vector<std::string> problems(const std::string& yaml) {
    const auto loaded = load(yaml);
    CHECK((loaded.config == nullptr) == !loaded.problems.empty());
    std::vector<std::string> texts;
    for (const auto& problem : loaded.problems) {
      const auto text = to_string(problem);
      texts.push_back(problem.file == file() ? text.substr(file().size() + (problem.line == 0 ? 2 : 1)) : text);
    }
    return texts;
  }
  // The configuration; fails the test where there are problems.
  borehole::config::Config good(const std::string& yaml) {
    const auto loaded = load(yaml);
    for (const auto& problem : loaded.problems) UNSCOPED_INFO(to_string(problem));
    REQUIRE(loaded.config != nullptr);
    return *loaded.config;
  }

  borehole::config::LoadOptions options;
  std::map<std::string, std::string> environment;

 private:
  std::string folder_;
};
