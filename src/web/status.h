// What /api/status says: which proxy this is, for whoever wants to use or find it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace borehole::web {

struct Status {
  std::string version;
  std::int64_t pid = 0;
  WallTime started_at{};
  bool draining = false;
  std::vector<std::string> listen;  // the real addresses, "127.0.0.1:5380"
  std::string admin;
  std::size_t workers = 0;
  std::optional<std::string> config_file, store, jsonl;  // absolute; absent: none
  std::string ca_folder, ca_sha256;                      // of the root to trust
  WallTime ca_not_after{};
};

std::string status_json(const Status& status);

}  // namespace borehole::web
