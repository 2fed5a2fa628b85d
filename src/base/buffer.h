// A growable queue of octets: appended at the back, consumed at the front. Never shared between threads.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace borehole {

// Owns one contiguous block, so that `view()` is always a single span. Consuming moves an offset; the block is
// compacted when appending needs the room, and freed when it runs empty after having grown past `keep_bytes`.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  bool empty() const noexcept { return begin_ == end_; }
  std::size_t size() const noexcept { return end_ - begin_; }
  std::size_t capacity() const noexcept { return capacity_; }
  Bytes view() const noexcept { return {block_ + begin_, size()}; }

  void append(Bytes bytes);
  // Room for at least `n` octets behind the content, to be written by the caller and then committed.
  char* prepare(std::size_t n);
  void commit(std::size_t n) noexcept;  // n <= what was prepared
  // Octets that may be committed without another `prepare`.
  std::size_t room() const noexcept { return capacity_ - end_; }
  void consume(std::size_t n) noexcept;  // n <= size()
  void clear() noexcept;                 // empties; keeps a small block
  void release() noexcept;               // empties and frees the block
  std::string take_string();             // the content as a string; empties

  static constexpr std::size_t keep_bytes = 16 * 1024;

 private:
  void grow(std::size_t n);

  char* block_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace borehole
