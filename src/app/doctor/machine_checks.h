// Disk, store and descriptors as the doctor sees them. Never writes to the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/doctor/finding.h"
#include "base/error.h"
#include "config/config.h"

namespace borehole::app::doctor {

struct MachineView {
  std::optional<std::string> store;          // the file; nothing: `record.store` is null
  std::string folder;                        // the nearest existing folder above it
  std::string in_the_way;                    // a file where a folder would have to be; usually empty
  bool writable = true;                      // the folder, by this user
  bool file_writable = true;                 // true also if there is no file
  std::uint64_t store_bytes = 0;             // of the file as it is
  std::optional<std::uint64_t> free_bytes;   // for this user, on that file system
  std::optional<Error> error;                // why the store cannot be read; not_found: there is none yet
  std::optional<std::uint64_t> descriptors;  // RLIMIT_NOFILE's hard limit; nothing: without limit
};

MachineView view_machine(const config::Config& config);
Findings judge_machine(const MachineView& view, const config::Config& config);

}  // namespace borehole::app::doctor
