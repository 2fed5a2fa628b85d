// Bodies as servers compress them, for tests.
#pragma once

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace borehole::tests {

// `window_bits` of zlib: 31 gzip, 15 zlib's wrapping, -15 none. With `flush` every `flush` octets, as streams do.
inline std::string zlib_compressed(std::string_view text, int window_bits, std::size_t flush = 0) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out;
  const auto put = [&](std::string_view part, int mode) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
    stream.avail_in = static_cast<uInt>(part.size());
    do {
      char room[4096];
      stream.next_out = reinterpret_cast<Bytef*>(room);
      stream.avail_out = sizeof room;
      ::deflate(&stream, mode);
      out.append(room, sizeof room - stream.avail_out);
    } while (stream.avail_out == 0);
  };
  while (flush != 0 && text.size() > flush) {
    put(text.substr(0, flush), Z_SYNC_FLUSH);
    text.remove_prefix(flush);
  }
  put(text, Z_FINISH);
  deflateEnd(&stream);
  return out;
}

inline std::string gzip(std::string_view text, std::size_t flush = 0) { return zlib_compressed(text, 15 + 16, flush); }

inline std::string brotli(std::string_view text) {
  std::size_t size = BrotliEncoderMaxCompressedSize(text.size()) + 16;
  std::string out(size, '\0');
  BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()), &size,
                        reinterpret_cast<std::uint8_t*>(out.data()));
  out.resize(size);
  return out;
}

// With a checksum; without the content's size, as streams are.
inline std::string zstd(std::string_view text, int window_log = 0) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_log != 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_inBuffer none{nullptr, 0, 0};
  ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue);
  while (in.pos < in.size) ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue);
  while (ZSTD_compressStream2(context, &to, &none, ZSTD_e_end) != 0) {
  }
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

}  // namespace borehole::tests
