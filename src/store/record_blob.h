// Records as the store keeps them: JSON compressed with zstd (RFC 8878). Never looks into the JSON.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace borehole::store {

// Keeps its context between records. One thread at a time.
class RecordPacker {
 public:
  RecordPacker();
  ~RecordPacker();
  // Valid until the next call.
  Result<std::string_view> pack(std::string_view json);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Of what a blob holds, read from its first 18 octets at most. 0 for a damaged one.
std::uint64_t unpacked_octets(std::string_view blob) noexcept;

class RecordUnpacker {
 public:
  RecordUnpacker();
  RecordUnpacker(RecordUnpacker&&) noexcept;
  ~RecordUnpacker();
  // A damaged blob, or one that claims to hold more than 1 GiB: an error.
  Result<std::string> unpack(std::string_view blob);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::store
