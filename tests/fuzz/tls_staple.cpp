// Fuzzes the reading of stapled OCSP responses. Input: one response.
#include "tls/staple.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/invariant.h"

using namespace borehole;

namespace {

bool inside(Bytes part, Bytes whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const char*>(octets), size);
  const auto staple = tls::read_staple(bytes);
  if (!staple) return 0;
  demand(inside(staple->signed_part, bytes) && inside(staple->signature, bytes), "views lie in what was read");
  demand(staple->certificates.size() <= 8 && staple->statuses.size() <= 64, "its lists have bounds");
  for (const auto& status : staple->statuses) {
    demand(inside(status.issuer_name_hash, bytes) && inside(status.issuer_key_hash, bytes), "hashes are views");
    demand(inside(status.serial, bytes), "serials are views");
  }
  demand(!tls::read_staple(std::string(bytes) + '\0'), "nothing may follow it");
  demand(!tls::read_staple(bytes.substr(0, size - 1)), "nothing may be missing");
  return 0;
}
