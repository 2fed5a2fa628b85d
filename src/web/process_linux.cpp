#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "web/process.h"

namespace borehole::web {

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { closedir(folder); }
};

std::optional<std::uint64_t> count_descriptors() noexcept {
  const std::unique_ptr<DIR, CloseFolder> folder(opendir("/proc/self/fd"));
  if (!folder) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count - 1;  // the folder's own
}

// proc(5): /proc/[pid]/statm counts pages.
void read_memory(ProcessFigures& figures) {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  const long page = sysconf(_SC_PAGESIZE);
  if (!(statm >> size >> resident) || page <= 0) return;
  figures.virtual_bytes = size * static_cast<std::uint64_t>(page);
  figures.resident_bytes = resident * static_cast<std::uint64_t>(page);
}

}  // namespace

ProcessFigures process_figures() noexcept {
  ProcessFigures figures;
  try {
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) == 0) figures.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
      figures.most_descriptors = limit.rlim_cur;
    figures.open_descriptors = count_descriptors();
    read_memory(figures);
  } catch (...) {  // out of memory: what is not known stays absent
  }
  return figures;
}

}  // namespace borehole::web
