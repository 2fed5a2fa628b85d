// Where published test vectors lie when they are beside the checkout; they are read in place, never copied.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace borehole::bedrock {

// BOREHOLE_REFERENCE is the folder; a machine without it runs the tests' own vectors alone.
inline std::filesystem::path reference_path(const std::string& name) {
  return std::filesystem::path(BOREHOLE_REFERENCE) / "data" / name;
}

inline std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace borehole::bedrock
