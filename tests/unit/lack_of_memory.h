// Memory that runs out at an allocation that a test chooses. Replaces `operator new`: a program of its own for each
// file that includes this.
#pragma once

#include <atomic>
#include <cstdlib>
#include <new>

namespace borehole::test {

enum class Lack { none, once, from_then_on };

inline std::atomic<Lack> lack{Lack::none};
inline std::atomic<long> allocations_left{0};
inline std::atomic<bool> ran_out{false};
// Whose allocations count and fail: those threads that say so, or all but those that say so.
inline std::atomic<bool> all_threads_lack{false};
inline thread_local bool this_thread_lacks = false;
inline thread_local bool this_thread_is_spared = false;

// Whether an allocation is granted.
inline bool granted() noexcept {
  if (lack.load() == Lack::none) return true;
  if (!this_thread_lacks && (!all_threads_lack.load() || this_thread_is_spared)) return true;
  const long left = allocations_left.fetch_sub(1);
  if (left > 0 || (left < 0 && lack.load() == Lack::once)) return true;
  ran_out = true;
  return false;
}

// The `nth` allocation from here on fails, and those behind it as `kind` says; so until `plenty`.
inline void run_short(Lack kind, long nth) {
  lack = Lack::none;
  ran_out = false;
  allocations_left = nth;
  lack = kind;
}
inline void plenty() { lack = Lack::none; }

}  // namespace borehole::test

// Where a test wraps malloc(3), it says how to get at the real one.
#ifndef BOREHOLE_TEST_MALLOC
#define BOREHOLE_TEST_MALLOC std::malloc
#endif

inline void* borehole_test_allocate(std::size_t size) noexcept {
  return borehole::test::granted() ? BOREHOLE_TEST_MALLOC(size) : nullptr;
}

// NOLINTBEGIN(misc-definitions-in-headers): of one file a program
void* operator new(std::size_t size) {
  if (void* memory = borehole_test_allocate(size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) {
  if (void* memory = borehole_test_allocate(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return borehole_test_allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return borehole_test_allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
// NOLINTEND(misc-definitions-in-headers)
