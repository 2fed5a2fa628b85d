#include "store/store_place.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "catch.h"
#include "unit/store/scratch.h"

using namespace borehole;
using namespace borehole::store;

TEST_CASE("a file that can be written has no fault") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  std::ofstream(path) << "x";
  CHECK(place_faults(path, "the call store").empty());
}

TEST_CASE("a file that was taken away is said to be so") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  const std::string gone =
      "the call store " + path + " is no longer there: put it back, or the next call makes a new one";
  CHECK(place_faults(path, "the call store") == std::vector{gone});
  CHECK(place_faults(scratch.path("folder/calls.db"), "the call store").size() == 1);
}

TEST_CASE("a file or folder that may not be written is said to be so") {
  Scratch scratch;
  const std::string path = scratch.path("calls.db");
  std::ofstream(path) << "x";
  const auto all = std::filesystem::perms::owner_all;
  const auto read = std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec;
  std::filesystem::permissions(path, read);
  const auto file = place_faults(path, "the call store");
  std::filesystem::permissions(path, all);
  std::filesystem::permissions(std::filesystem::path(path).parent_path(), read);
  const auto folder = place_faults(path, "the call store");
  std::filesystem::permissions(std::filesystem::path(path).parent_path(), all);
  if (geteuid() == 0) {  // whom permissions do not bind
    CHECK(file.empty());
    CHECK(folder.empty());
  } else {
    CHECK(file == std::vector<std::string>{"the call store " + path +
                                           " cannot be written: Permission denied; mend the permissions of the file "
                                           "and its folder"});
    CHECK(folder == file);
  }
}

TEST_CASE("a device is not asked for room") { CHECK(place_faults("/dev/full", "the JSON-lines file").empty()); }
