// The last octets of a stream that is longer than what is kept of it: there it says its usage and why it ended. Never
// holds more than twice its size.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace borehole::calls {

class StreamEnd {
 public:
  static constexpr std::size_t kept = std::size_t{32} << 10;

  // May throw when memory is out.
  void add(Bytes octets) {
    if (octets.size() >= kept) {
      end_.assign(octets.substr(octets.size() - kept));
      return;
    }
    if (end_.size() + octets.size() > 2 * kept) end_.erase(0, end_.size() + octets.size() - kept);
    end_.append(octets);
  }

  // All that was added, if that is little; else at least the last `kept` octets.
  Bytes octets() const noexcept { return end_; }
  std::size_t memory() const noexcept { return end_.capacity(); }

 private:
  std::string end_;
};

}  // namespace borehole::calls
