#include "app/doctor/machine_checks.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "app/child_process.h"
#include "base/shell_word.h"
#include "store/call_store.h"

namespace borehole::app::doctor {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;
constexpr std::uint64_t own_descriptors = 64;  // loops, listeners, store, log: besides the two of each connection

std::string in_gibibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(gibibyte));
}

Findings judge_store(const MachineView& view, const config::Config& config) {
  if (!view.store) {
    return {{"store", State::look, "store", "`record.store` is null, so no call is kept", ""}};
  }
  const std::string subject = "store " + *view.store;
  Findings out;
  if (!view.in_the_way.empty()) {
    out.push_back({"store.folder", State::mend, subject,
                   fmt::format("{} is a file, where a folder would have to be", view.in_the_way),
                   fmt::format("mv {0} {0}.aside", shell_word(view.in_the_way))});
    return out;
  }
  if (!view.writable) {
    out.push_back({"store.folder", State::mend, subject,
                   fmt::format("{} cannot be written by this user, so no call can be kept", view.folder),
                   "sudo chown \"$USER\" " + shell_word(view.folder)});
  } else if (!view.file_writable) {
    out.push_back({"store.file", State::mend, subject, "the file cannot be written by this user",
                   "sudo chown \"$USER\" " + shell_word(*view.store)});
  }
  if (view.error && view.error->code != ErrorCode::not_found) {
    out.push_back(
        {"store", State::mend, subject, view.error->detail, fmt::format("mv {0} {0}.aside", shell_word(*view.store))});
  }
  // What it may still grow by.
  const std::uint64_t most = config.record.keep_max_bytes;
  const std::uint64_t wanted = most == 0 ? gibibyte : most - std::min<std::uint64_t>(most, view.store_bytes);
  if (view.free_bytes && *view.free_bytes < wanted) {
    out.push_back(
        {"store.space", State::look, subject,
         fmt::format("its file system has {} left, and `record.keep.max_bytes` lets it grow {}",
                     in_gibibytes(*view.free_bytes), most == 0 ? "without limit" : "to " + in_gibibytes(most)),
         "borehole serve --set record.keep.max_bytes=512MiB"});
  }
  if (out.empty()) {
    out.push_back({"store", State::ok, subject,
                   fmt::format("{}{}", view.error ? "the first start makes it" : "it opens, and is of this version",
                               view.free_bytes ? fmt::format("; {} are free", in_gibibytes(*view.free_bytes)) : ""),
                   ""});
  }
  return out;
}

Finding judge_descriptors(const MachineView& view, const config::Config& config) {
  const std::uint64_t needed = config.limits.connections * 2 + own_descriptors;
  if (!view.descriptors || *view.descriptors >= needed) {
    return {"descriptors", State::ok, "file descriptors",
            fmt::format("enough for `limits.connections`, {}", config.limits.connections), ""};
  }
  return {"descriptors", State::look, "file descriptors",
          fmt::format("a process may open {} here; {} connections (`limits.connections`) take {}", *view.descriptors,
                      config.limits.connections, needed),
          fmt::format("ulimit -Hn {}", needed)};
}

}  // namespace

MachineView view_machine(const config::Config& config) {
  MachineView view;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max != RLIM_INFINITY) view.descriptors = limit.rlim_max;
  view.store = config.record.store;
  if (!view.store) return view;

  std::error_code ignored;
  fs::path folder = fs::path(*view.store).parent_path();
  while (!fs::is_directory(folder, ignored) && folder.has_relative_path()) {
    if (fs::exists(folder, ignored)) view.in_the_way = folder.string();
    folder = folder.parent_path();
  }
  view.folder = folder.string();
  view.writable = access(view.folder.c_str(), W_OK | X_OK) == 0;
  view.file_writable = !fs::exists(*view.store, ignored) || access(view.store->c_str(), R_OK | W_OK) == 0;
  if (const auto size = fs::file_size(*view.store, ignored); !ignored) view.store_bytes = size;
  struct statvfs space {};
  if (statvfs(view.folder.c_str(), &space) == 0)
    view.free_bytes = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  const auto reader = store::CallStoreReader::open(*view.store);
  if (!reader) {
    view.error = reader.error();
  } else {
    store::CallFilter newest;
    newest.limit = 1;
    if (const auto calls = (*reader)->list(newest); !calls) view.error = calls.error();
  }
  return view;
}

Findings judge_machine(const MachineView& view, const config::Config& config) {
  Findings out = judge_store(view, config);
  out.push_back(judge_descriptors(view, config));
  return out;
}

}  // namespace borehole::app::doctor
