// Fuzzes request targets and authorities: what is taken has the shape its users count on. Never accepts a crash.
//
// The first octet of the input chooses the method.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "http/target.h"

using namespace borehole;
using namespace borehole::http;

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

void check_authority(Bytes text) {
  const auto authority = parse_authority(text, 443);
  if (!authority) return;
  demand(!authority->host.empty() && authority->port != 0);
  for (const char c : authority->host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    demand(plain || (authority->is_ip && c == ':'));
  }
  const auto again = parse_authority(to_string(*authority), 1);
  demand(again && *again == *authority && again->is_ip == authority->is_ip);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes text(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_authority(text);
  const Bytes methods[] = {"GET", "CONNECT", "OPTIONS", "POST"};
  const Bytes method = methods[data[0] % 4];
  const auto target = split_target(method, text);
  if (!target) return 0;
  demand((target->form == TargetForm::authority) == (method == "CONNECT"));
  switch (target->form) {
    case TargetForm::origin: demand(target->origin == text && path_of(text).front() == '/'); break;
    case TargetForm::absolute:
      demand(target->scheme.size() + 3 + target->authority.size() + target->origin.size() == text.size());
      demand(target->origin.empty() || target->origin.front() == '/' || target->origin.front() == '?');
      demand(parse_authority(target->authority, 443).has_value());
      break;
    case TargetForm::authority: demand(parse_authority(target->authority, 443)->port_given); break;
    case TargetForm::asterisk: demand(text == "*" && method == "OPTIONS"); break;
  }
  return 0;
}
