#include "calls/call_record.h"

namespace borehole::calls {

std::string_view way_in_name(WayIn way) noexcept {
  switch (way) {
    case WayIn::connect: return "connect";
    case WayIn::absolute: return "absolute";
    case WayIn::gateway: return "gateway";
    case WayIn::direct: return "direct";
  }
  return "connect";
}

std::string_view outcome_name(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::complete: return "complete";
    case Outcome::client_aborted: return "client_aborted";
    case Outcome::upstream_failed: return "upstream_failed";
    case Outcome::refused: return "refused";
  }
  return "refused";
}

std::string whole_target(std::string_view host, std::string_view target) {
  return target.starts_with('/') ? std::string(host).append(target) : std::string(target);
}

// "ThrottlingException" in a head, "throttlingException" in a stream.
bool is_throttle(std::string_view error_type, std::optional<int> status) noexcept {
  if (error_type.empty()) return status == 429;
  return (error_type[0] == 'T' || error_type[0] == 't') && error_type.substr(1) == "hrottlingException";
}

}  // namespace borehole::calls
