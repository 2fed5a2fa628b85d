#include "store/call_sums_blob.h"

#include <array>

#include "store/leb128.h"

namespace borehole::store {

namespace {

constexpr std::uint64_t form = 1;

// The numbers of both directions, in their order.
template <class Sums>
auto numbers_of(Sums& sums) {
  return std::array{&sums.calls,
                    &sums.errors,
                    &sums.throttles,
                    &sums.retried,
                    &sums.gave_up,
                    &sums.with_cost,
                    &sums.input_tokens.sum,
                    &sums.input_tokens.calls,
                    &sums.output_tokens.sum,
                    &sums.output_tokens.calls,
                    &sums.cache_read_tokens.sum,
                    &sums.cache_read_tokens.calls,
                    &sums.cache_write_tokens.sum,
                    &sums.cache_write_tokens.calls};
}

// Each bucket as its distance from the one before.
void append_buckets(std::string& out, const Buckets& buckets) {
  append_number(out, buckets.counted().size());
  BucketNumber last = 0;
  for (const auto& [bucket, count] : buckets.counted()) {
    append_number(out, static_cast<std::uint64_t>(bucket - last));
    append_number(out, static_cast<std::uint64_t>(count));
    last = bucket;
  }
}

// Far enough from what 64 bits hold that two of them can be added.
constexpr std::uint64_t most = std::uint64_t{1} << 61U;
constexpr std::int64_t below_dollars = 1'000'000'000'000, below_picos = 1'000'000'000'000;

bool take_signed(std::string_view& from, std::int64_t& value) noexcept {
  std::uint64_t number = 0;
  if (!take_number(from, number) || number > most) return false;
  value = static_cast<std::int64_t>(number);
  return true;
}

bool take_buckets(std::string_view& from, Buckets& buckets) {
  std::uint64_t size = 0, bucket = 0;
  if (!take_number(from, size) || size > bucket_count) return false;
  for (std::uint64_t i = 0; i < size; ++i) {
    std::uint64_t further = 0;
    std::int64_t count = 0;
    if (!take_number(from, further) || !take_signed(from, count) || further >= bucket_count) return false;
    bucket += further;
    if (bucket >= bucket_count) return false;
    buckets.add(static_cast<BucketNumber>(bucket), count);
  }
  return true;
}

}  // namespace

std::string encode(const CallSums& sums) {
  std::string out;
  append_number(out, form);
  for (const std::int64_t* number : numbers_of(sums)) append_number(out, static_cast<std::uint64_t>(*number));
  append_number(out, static_cast<std::uint64_t>(sums.cost.dollars()));
  append_number(out, static_cast<std::uint64_t>(sums.cost.picos()));
  append_buckets(out, sums.total_ms);
  append_buckets(out, sums.first_token_ms);
  return out;
}

std::optional<CallSums> decode_sums(std::string_view blob) {
  std::uint64_t found = 0;
  if (!take_number(blob, found) || found != form) return std::nullopt;
  CallSums sums;
  for (std::int64_t* number : numbers_of(sums)) {
    if (!take_signed(blob, *number)) return std::nullopt;
  }
  std::int64_t dollars = 0, picos = 0;
  if (!take_signed(blob, dollars) || !take_signed(blob, picos)) return std::nullopt;
  if (dollars >= below_dollars || picos >= below_picos) return std::nullopt;
  sums.cost = DollarSum::of(dollars, picos);
  if (!take_buckets(blob, sums.total_ms) || !take_buckets(blob, sums.first_token_ms) || !blob.empty()) {
    return std::nullopt;
  }
  return sums;
}

}  // namespace borehole::store
