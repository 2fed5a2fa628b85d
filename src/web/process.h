// What the system tells of this process. Each figure may be unknown.
#pragma once

#include <cstdint>
#include <optional>

namespace borehole::web {

struct ProcessFigures {
  std::optional<double> cpu_seconds;  // user and system time together
  std::optional<std::uint64_t> resident_bytes, virtual_bytes;
  std::optional<std::uint64_t> open_descriptors, most_descriptors;
};

ProcessFigures process_figures() noexcept;

}  // namespace borehole::web
