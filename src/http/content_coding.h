// Undoes the content codings of a body (RFC 9110 section 8.4) from octets that come in any portions. Never gives more
// than its limits, never throws, never needs the whole.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace borehole::http {

enum class Coding : std::uint8_t {
  gzip,     // RFC 1952, any number of members; `x-gzip` is the same
  deflate,  // RFC 1950; without its wrapping (RFC 1951) too, as browsers take it
  br,       // RFC 7932
  zstd,     // RFC 8878, any number of frames, windows of up to 8 MiB (RFC 9659)
};

// What Content-Encoding names.
struct ContentCodings {
  static constexpr std::size_t most = 4;  // more than that is no sensible body

  std::string names;            // in lower case, as "gzip" or "deflate, br"; `identity` is left out
  std::vector<Coding> codings;  // in the order in which they were applied
  bool usable = true;           // false: one of them is not known, or there are too many

  bool empty() const noexcept { return names.empty(); }
  // The value of one field; of several fields, in their order.
  void add(std::string_view value);
};

enum class CodingFault : std::uint8_t {
  unknown,    // a coding that is not known, or too many of them
  corrupt,    // octets that the coding does not allow, a wrong checksum
  cut,        // ends inside
  trailing,   // octets follow the end; what came before them is sound
  window,     // zstd: a larger window than RFC 9659 allows
  ratio,      // too many octets out of few
  too_large,  // too many octets
  no_memory,
};
inline constexpr std::array all_coding_faults{CodingFault::unknown,   CodingFault::corrupt,  CodingFault::cut,
                                              CodingFault::trailing,  CodingFault::window,   CodingFault::ratio,
                                              CodingFault::too_large, CodingFault::no_memory};
std::string_view coding_fault_name(CodingFault fault) noexcept;  // as a metric's label has it: "too_large"

// Of each coding of a body, and so of all of them. Memory beside them: up to 16 MiB for a brotli window, 8 MiB for one
// of zstd, 64 KiB for the others.
struct DecodingLimits {
  std::uint64_t octets = std::uint64_t{16} << 20;  // out, at most
  std::uint64_t ratio = 256;                       // of octets out to octets in, once more than `free` came out
  std::uint64_t free = std::uint64_t{256} << 10;
};

class ContentDecoder {
 public:
  // Called with decoded octets, at most 16 KiB at a time. False: no more are wanted.
  using Take = std::function<bool(Bytes)>;

  // `codings`, one at least, in the order in which they were applied, as ContentCodings has them.
  ContentDecoder(std::span<const Coding> codings, const DecodingLimits& limits, Take take) noexcept;
  ~ContentDecoder();
  ContentDecoder(const ContentDecoder&) = delete;
  ContentDecoder& operator=(const ContentDecoder&) = delete;

  // Gives all that these octets allow. After a fault, and when no more is wanted, nothing.
  void feed(Bytes octets) noexcept;
  // No more will be fed: a body that ends inside a coding has the fault `cut`.
  void finish() noexcept;

  const std::optional<CodingFault>& fault() const noexcept { return fault_; }
  bool wants_more() const noexcept { return !fault_ && !enough_; }

  class Layer;

 private:
  void push(std::size_t layer, Bytes octets);

  std::vector<std::unique_ptr<Layer>> layers_;  // the first takes what is fed
  DecodingLimits limits_;
  Take take_;
  std::uint64_t taken_in_ = 0;  // octets that the first layer has taken
  std::optional<CodingFault> fault_;
  bool enough_ = false;
};

}  // namespace borehole::http
