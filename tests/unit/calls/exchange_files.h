// Exchanges of tests/data: finding the files, reading them, comparing a record with the one beside.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "bedrock/json_view.h"
#include "calls/record_json.h"
#include "catch.h"

namespace borehole::calls {

inline std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The first line of `text`, which loses it.
inline std::string take_line(std::string& text) {
  const std::size_t end = text.find('\n');
  REQUIRE(end != std::string::npos);
  std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  return line;
}

// Of a folder of tests/data, by name.
inline std::vector<std::filesystem::path> exchange_files(const std::string& folder, const std::string& extension) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(BOREHOLE_TEST_DATA + folder)) {
    if (entry.path().extension() == extension) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

inline std::string json_part(const bedrock::JsonDocument& document, const std::string& path) {
  if (!document.root()) return "no JSON";
  const auto found = bedrock::json_at(*document.root(), path);
  const std::string text = found ? simdjson::minify(*found) : "absent";
  return text == "{}" ? "absent" : text;
}

// Each of `parts` of the record is what the JSON beside `exchange` holds; what that leaves out is absent.
inline void check_record(const CallRecord& record, const std::filesystem::path& exchange,
                         const std::vector<std::string>& parts) {
  const std::string text = to_json(record);
  const std::string expected = read_whole(std::filesystem::path(exchange).replace_extension(".json"));
  const bedrock::JsonDocument got(text);
  const bedrock::JsonDocument wanted(expected);
  REQUIRE(got.root());
  REQUIRE(wanted.root());
  for (const std::string& path : parts) {
    CAPTURE(path);
    CHECK(json_part(got, path) == json_part(wanted, path));
  }
}

}  // namespace borehole::calls
