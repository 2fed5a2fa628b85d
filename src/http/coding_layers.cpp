#include "http/coding_layers.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstdint>

namespace borehole::http {

namespace {

using Layer = ContentDecoder::Layer;

const std::uint8_t* octets_of(Bytes bytes) noexcept { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

// Pieces (members, frames) one behind the other, each begun by octets that tell what it is. Those are gathered first,
// so that it does not matter how they are portioned, and so that what is none is told from one that is broken.
class Pieces : public Layer {
 public:
  Step step(Bytes& octets, std::size_t& written) final {
    written = 0;
    if (ended_) return Step::ended;
    if (!inside_) {
      const std::size_t wanted = std::min(start_size_ - start_.size(), octets.size());
      start_.append(octets.substr(0, wanted));
      octets.remove_prefix(wanted);
      if (start_.size() < start_size_) return Step::more;
      if (!begins(start_)) {
        if (pieces_ == 0) return Step::corrupt;
        ended_ = true;
        return Step::ended;
      }
      inside_ = true;
      start_left_ = start_;
    }
    // The gathered octets first; then those that follow.
    Bytes& from = start_left_.empty() ? octets : start_left_;
    bool over = false;
    const Step did = decode(from, written, over);
    if (did != Step::more && did != Step::room) return did;
    if (over) {
      ++pieces_;
      inside_ = false;
      start_.clear();
      if (one_piece_) ended_ = true;
      return ended_ ? Step::ended : Step::room;
    }
    if (did == Step::more && &from == &start_left_) return Step::room;
    return did;
  }

  bool whole() const noexcept final { return pieces_ > 0 && !inside_ && start_.empty(); }
  bool loose_end() const noexcept final { return pieces_ > 0 && !inside_ && !start_.empty(); }

 protected:
  Pieces(std::size_t start_size, bool one_piece) : start_size_(start_size), one_piece_(one_piece) {
    start_.reserve(start_size);
  }
  virtual bool begins(Bytes start) = 0;
  virtual Step decode(Bytes& octets, std::size_t& written, bool& over) = 0;

 private:
  const std::size_t start_size_;
  const bool one_piece_;
  std::string start_;
  Bytes start_left_;  // of start_, not yet decoded
  std::size_t pieces_ = 0;
  bool inside_ = false;
  bool ended_ = false;
};

class ZlibLayer final : public Pieces {
 public:
  explicit ZlibLayer(Coding coding) : Pieces(2, coding == Coding::deflate), coding_(coding) {}
  ~ZlibLayer() override {
    if (open_) inflateEnd(&stream_);
  }
  ZlibLayer(const ZlibLayer&) = delete;
  ZlibLayer& operator=(const ZlibLayer&) = delete;

 protected:
  bool begins(Bytes start) override {
    const auto first = static_cast<std::uint8_t>(start[0]);
    const auto second = static_cast<std::uint8_t>(start[1]);
    if (coding_ == Coding::gzip) {
      window_bits_ = 15 + 16;
      return first == 0x1f && second == 0x8b;
    }
    // RFC 1950 section 2.2: method 8, and a multiple of 31. Else it is without wrapping.
    const bool wrapped = (first & 0x0fU) == 8 && (first * 256U + second) % 31 == 0;
    window_bits_ = wrapped ? 15 : -15;
    return true;
  }

  Step decode(Bytes& octets, std::size_t& written, bool& over) override {
    if (!open_) {
      if (inflateInit2(&stream_, window_bits_) != Z_OK) return Step::no_memory;
      open_ = true;
    }
    const std::span<char> to = room();
    stream_.next_in = const_cast<Bytef*>(octets_of(octets));
    stream_.avail_in = static_cast<uInt>(std::min<std::size_t>(octets.size(), UINT32_MAX));
    stream_.next_out = reinterpret_cast<Bytef*>(to.data());
    stream_.avail_out = static_cast<uInt>(to.size());
    const uInt before = stream_.avail_in;
    const int status = inflate(&stream_, Z_SYNC_FLUSH);
    octets.remove_prefix(before - stream_.avail_in);
    written = to.size() - stream_.avail_out;
    if (status == Z_STREAM_END) {
      over = true;
      inflateReset2(&stream_, window_bits_);
      return Step::room;
    }
    if (status == Z_MEM_ERROR) return Step::no_memory;
    if (status != Z_OK && status != Z_BUF_ERROR) return Step::corrupt;
    return stream_.avail_out == 0 || !octets.empty() ? Step::room : Step::more;
  }

 private:
  Coding coding_;
  int window_bits_ = 0;
  bool open_ = false;
  z_stream stream_{};
};

class ZstdLayer final : public Pieces {
 public:
  static constexpr int window_log = 23;  // RFC 9659: 8 MiB

  ZstdLayer() : Pieces(4, false), context_(ZSTD_createDCtx()) {
    if (context_ != nullptr) ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, window_log);
  }
  ~ZstdLayer() override { ZSTD_freeDCtx(context_); }
  ZstdLayer(const ZstdLayer&) = delete;
  ZstdLayer& operator=(const ZstdLayer&) = delete;

 protected:
  bool begins(Bytes start) override {  // RFC 8878 sections 3.1.1 and 3.1.2
    if (start == std::string_view("\x28\xb5\x2f\xfd", 4)) return true;
    return (static_cast<std::uint8_t>(start[0]) & 0xf0U) == 0x50 && start.substr(1) == "\x2a\x4d\x18";
  }

  Step decode(Bytes& octets, std::size_t& written, bool& over) override {
    if (context_ == nullptr) return Step::no_memory;
    // The header octet by octet: where libzstd has got a part of it, and then all that is left of the frame at once, it
    // takes what follows that part for the beginning of another frame.
    ZSTD_inBuffer in{octets.data(), header_left_ > 0 ? std::min<std::size_t>(octets.size(), 1) : octets.size(), 0};
    ZSTD_outBuffer out{room().data(), room().size(), 0};
    const std::size_t left = ZSTD_decompressStream(context_, &out, &in);
    if (ZSTD_isError(left) != 0) {
      switch (ZSTD_getErrorCode(left)) {
        case ZSTD_error_frameParameter_windowTooLarge: return Step::window;
        case ZSTD_error_memory_allocation: return Step::no_memory;
        default: return Step::corrupt;
      }
    }
    octets.remove_prefix(in.pos);
    written = out.pos;
    over = left == 0;
    header_left_ = over ? longest_header : header_left_ - std::min(header_left_, in.pos);
    return out.pos == out.size || !octets.empty() ? Step::room : Step::more;
  }

 private:
  static constexpr std::size_t longest_header = 18;  // RFC 8878 section 3.1.1.1, with the magic number

  ZSTD_DCtx* context_;
  std::size_t header_left_ = longest_header;  // at most so many octets
};

class BrotliLayer final : public Layer {
 public:
  BrotliLayer() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {}
  ~BrotliLayer() override {
    if (state_ != nullptr) BrotliDecoderDestroyInstance(state_);
  }
  BrotliLayer(const BrotliLayer&) = delete;
  BrotliLayer& operator=(const BrotliLayer&) = delete;

  Step step(Bytes& octets, std::size_t& written) override {
    written = 0;
    if (state_ == nullptr) return Step::no_memory;
    if (whole()) return Step::ended;
    const std::uint8_t* in = octets_of(octets);
    std::size_t in_left = octets.size();
    auto* out = reinterpret_cast<std::uint8_t*>(room().data());
    std::size_t out_left = room().size();
    const BrotliDecoderResult result = BrotliDecoderDecompressStream(state_, &in_left, &in, &out_left, &out, nullptr);
    octets.remove_prefix(octets.size() - in_left);
    written = room().size() - out_left;
    switch (result) {
      case BROTLI_DECODER_RESULT_SUCCESS: return Step::ended;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:  // also where it could not write all of what it has
        return BrotliDecoderHasMoreOutput(state_) == BROTLI_TRUE ? Step::room : Step::more;
      case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: return Step::room;
      case BROTLI_DECODER_RESULT_ERROR: break;
    }
    const BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(state_);
    const bool no_memory =
        code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
    return no_memory ? Step::no_memory : Step::corrupt;
  }
  bool whole() const noexcept override { return state_ != nullptr && BrotliDecoderIsFinished(state_) == BROTLI_TRUE; }

 private:
  BrotliDecoderState* state_;
};

}  // namespace

std::unique_ptr<Layer> make_coding_layer(Coding coding) {
  switch (coding) {
    case Coding::gzip:
    case Coding::deflate: return std::make_unique<ZlibLayer>(coding);
    case Coding::br: return std::make_unique<BrotliLayer>();
    case Coding::zstd: return std::make_unique<ZstdLayer>();
  }
  return nullptr;
}

}  // namespace borehole::http
