// One content coding each: takes octets off the front of a view and writes what they decode to. Never holds more than
// its library's window.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "http/content_coding.h"

namespace borehole::http {

class ContentDecoder::Layer {
 public:
  enum class Step : std::uint8_t {
    more,   // all octets are taken, all that they allow is written
    room,   // there may be more to write
    ended,  // the coding is over; what is left of the octets follows its end
    corrupt,
    window,
    no_memory,
  };
  static constexpr std::size_t portion = std::size_t{16} << 10;

  virtual ~Layer() = default;
  // Writes into the layer's room; `written` of it.
  virtual Step step(Bytes& octets, std::size_t& written) = 0;
  // What was taken so far is whole.
  virtual bool whole() const noexcept = 0;
  // What was taken so far is whole but for some octets behind it.
  virtual bool loose_end() const noexcept { return false; }

  Bytes room(std::size_t written) const noexcept { return {room_.data(), written}; }
  std::uint64_t given = 0;  // octets

 protected:
  std::span<char> room() noexcept { return room_; }

 private:
  std::array<char, portion> room_;  // written before it is read
};

// May throw when memory is out.
std::unique_ptr<ContentDecoder::Layer> make_coding_layer(Coding coding);

}  // namespace borehole::http
