#include "base/buffer.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace borehole {

Buffer::Buffer(Buffer&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    release();
    block_ = std::exchange(other.block_, nullptr);
    capacity_ = std::exchange(other.capacity_, 0);
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
  }
  return *this;
}

Buffer::~Buffer() { std::free(block_); }

void Buffer::append(Bytes bytes) {
  if (bytes.empty()) return;
  std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
  end_ += bytes.size();
}

char* Buffer::prepare(std::size_t n) {
  if (capacity_ - end_ < n) grow(n);
  return block_ + end_;
}

void Buffer::commit(std::size_t n) noexcept {
  assert(n <= capacity_ - end_);
  end_ += n;
}

void Buffer::consume(std::size_t n) noexcept {
  assert(n <= size());
  begin_ += n;
  if (begin_ == end_) clear();
}

void Buffer::clear() noexcept {
  begin_ = end_ = 0;
  if (capacity_ > keep_bytes) release();
}

void Buffer::release() noexcept {
  std::free(block_);
  block_ = nullptr;
  capacity_ = begin_ = end_ = 0;
}

std::string Buffer::take_string() {
  std::string out(view());
  clear();
  return out;
}

void Buffer::grow(std::size_t n) {
  const std::size_t used = size();
  if (begin_ > 0 && capacity_ - used >= n && used <= capacity_ / 2) {
    std::memmove(block_, block_ + begin_, used);
  } else {
    const std::size_t wanted = std::max({used + n, capacity_ * 2, std::size_t{1024}});
    auto* block = static_cast<char*>(std::malloc(wanted));
    if (block == nullptr) throw std::bad_alloc();
    if (used > 0) std::memcpy(block, block_ + begin_, used);
    std::free(block_);
    block_ = block;
    capacity_ = wanted;
  }
  begin_ = 0;
  end_ = used;
}

}  // namespace borehole
