// A folder of a test's own, and records to put into it.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "calls/call_record.h"
#include "catch.h"

namespace borehole::store {

class Scratch {
 public:
  Scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "borehole-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

inline std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline unsigned mode(const std::string& path) {
  struct stat there {};
  REQUIRE(stat(path.c_str(), &there) == 0);
  return there.st_mode & 0777U;
}

inline WallTime at_second(long long seconds) { return WallTime(std::chrono::seconds(1'767'323'045 + seconds)); }

inline calls::CallRecord record(const std::string& id, long long second = 0) {
  calls::CallRecord out;
  out.id = id;
  out.started_at = at_second(second);
  out.upstream.host = "bedrock-runtime.us-east-1.amazonaws.com";
  out.request.method = "POST";
  out.request.target = "/model/m/converse";
  out.response.status = 200;
  out.aws.operation = "Converse";
  out.aws.model_id = "us.anthropic.claude-3-haiku-20240307-v1:0";
  return out;
}

}  // namespace borehole::store
