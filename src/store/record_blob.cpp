#include "store/record_blob.h"

#include <zstd.h>

namespace borehole::store {

namespace {

// The recorder takes processor time from the calls, so speed counts more than the last tenth of size.
constexpr int level = 1;
constexpr unsigned long long most_octets = 1ULL << 30U;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

Error failure(std::string detail) { return Error{ErrorCode::store_failed, Fault::proxy, std::move(detail)}; }

}  // namespace

struct RecordPacker::State {
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> context{ZSTD_createCCtx()};
  std::string packed;
};

RecordPacker::RecordPacker() : state_(std::make_unique<State>()) {
  if (state_->context == nullptr) return;
  ZSTD_CCtx_setParameter(state_->context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(state_->context.get(), ZSTD_c_checksumFlag, 1);
}
RecordPacker::~RecordPacker() = default;

Result<std::string_view> RecordPacker::pack(std::string_view json) {
  if (state_->context == nullptr) return unexpected(failure("there is not enough memory to compress a record"));
  const std::size_t bound = ZSTD_compressBound(json.size());
  if (state_->packed.size() < bound) state_->packed.resize(bound);
  const std::size_t size =
      ZSTD_compress2(state_->context.get(), state_->packed.data(), state_->packed.size(), json.data(), json.size());
  if (ZSTD_isError(size) != 0) {
    return unexpected(failure(std::string("cannot compress a record: ") + ZSTD_getErrorName(size)));
  }
  return std::string_view(state_->packed.data(), size);
}

std::uint64_t unpacked_octets(std::string_view blob) noexcept {
  const unsigned long long size = ZSTD_getFrameContentSize(blob.data(), blob.size());
  return size > most_octets ? 0 : size;
}

struct RecordUnpacker::State {
  std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context{ZSTD_createDCtx()};
};

RecordUnpacker::RecordUnpacker() : state_(std::make_unique<State>()) {}
RecordUnpacker::RecordUnpacker(RecordUnpacker&&) noexcept = default;
RecordUnpacker::~RecordUnpacker() = default;

Result<std::string> RecordUnpacker::unpack(std::string_view blob) {
  if (state_->context == nullptr) return unexpected(failure("there is not enough memory to read a record"));
  const unsigned long long size = ZSTD_getFrameContentSize(blob.data(), blob.size());
  // ZSTD_CONTENTSIZE_UNKNOWN and _ERROR are larger than any size.
  if (size > most_octets) return unexpected(failure("a record in the call store is damaged"));
  std::string json(static_cast<std::size_t>(size), '\0');
  const std::size_t got =
      ZSTD_decompressDCtx(state_->context.get(), json.data(), json.size(), blob.data(), blob.size());
  if (ZSTD_isError(got) != 0 || got != json.size()) {
    return unexpected(failure("a record in the call store is damaged"));
  }
  return json;
}

}  // namespace borehole::store
