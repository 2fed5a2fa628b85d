// A second reader of HTTP/2 (RFC 9113): what one side said, as requests with their bodies. Shares nothing with
// http/h2_codec but nghttp2's tables of HPACK. Never judges whether a message was allowed.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace borehole::rfc9113 {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
  Fields head, trailers;
  std::string body;  // without padding
  bool ended = false;
};

// The client's octets, with its preface; by stream. Ends where they can be read no further.
class Reader {
 public:
  static std::map<std::uint32_t, Request> requests(std::string_view said) {
    Reader reader;
    constexpr std::size_t preface = 24;
    if (said.size() <= preface) return {};
    said.remove_prefix(preface);
    while (said.size() >= 9 && reader.frame(said)) {
    }
    return std::move(reader.requests_);
  }

 private:
  struct Delete {
    void operator()(nghttp2_hd_inflater* inflater) const noexcept { nghttp2_hd_inflate_del(inflater); }
  };

  Reader() {
    nghttp2_hd_inflater* raw = nullptr;
    if (nghttp2_hd_inflate_new(&raw) != 0) std::abort();
    inflater_.reset(raw);
    // What a reader allows is its own affair: the writer says what it uses (RFC 7541 section 6.3).
    nghttp2_hd_inflate_change_table_size(raw, std::size_t{1} << 30U);
  }

  static std::uint32_t number(std::string_view octets) {
    std::uint32_t value = 0;
    for (const char c : octets) value = value << 8U | static_cast<unsigned char>(c);
    return value;
  }

  // False: nothing behind it can be read.
  bool frame(std::string_view& said) {
    const std::size_t size = number(said.substr(0, 3));
    const auto type = static_cast<unsigned char>(said[3]), flags = static_cast<unsigned char>(said[4]);
    const std::uint32_t stream = number(said.substr(5, 4)) & 0x7fffffffU;
    std::string_view payload = said.substr(9, size);
    const bool whole = payload.size() == size;
    said.remove_prefix(9 + payload.size());
    const bool end_stream = (flags & 0x1U) != 0, end_headers = (flags & 0x4U) != 0;
    if (type == 0x9) {
      block_ += payload;
      return whole && (!end_headers || block_ended());
    }
    if (type > 0x1) return whole;
    std::size_t padding = 0;
    if ((flags & 0x8U) != 0) {
      if (payload.empty()) return type == 0x0 && whole;  // as too much padding
      padding = static_cast<unsigned char>(payload.front());
      payload.remove_prefix(1);
    }
    if (type == 0x0) return data(stream, payload, size - ((flags & 0x8U) != 0 ? 1 : 0), padding, end_stream) && whole;
    if (!whole) return false;
    if ((flags & 0x20U) != 0) {
      if (payload.size() < 5) return false;
      payload.remove_prefix(5);
    }
    if (payload.size() < padding) return false;
    block_ = payload.substr(0, payload.size() - padding);
    block_stream_ = stream;
    block_ends_stream_ = end_stream;
    return !end_headers || block_ended();
  }

  // `payload`: what of it has come; `size`: what it will be, its padding included.
  bool data(std::uint32_t stream, std::string_view payload, std::size_t size, std::size_t padding, bool ends) {
    if (size < padding) return true;  // of a stream that was refused it is not read; of any other nothing follows
    const auto found = requests_.find(stream);
    if (found == requests_.end() || found->second.ended) return true;
    found->second.body += payload.substr(0, size - padding);
    found->second.ended = ends && payload.size() == size;
    return true;
  }

  bool block_ended() {
    Fields fields;
    auto* at = reinterpret_cast<const std::uint8_t*>(block_.data());
    std::size_t left = block_.size();
    while (true) {
      nghttp2_nv field{};
      int flags = 0;
      const auto taken = nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, at, left, 1);
      if (taken < 0) return false;
      at += taken;
      left -= static_cast<std::size_t>(taken);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
        fields.emplace_back(text(field.name, field.namelen), text(field.value, field.valuelen));
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_.get());
    const auto [found, is_new] = requests_.try_emplace(block_stream_);
    Request& request = found->second;
    if (request.ended) return true;
    (is_new ? request.head : request.trailers) = std::move(fields);
    request.ended = block_ends_stream_;
    return true;
  }

  static std::string text(const std::uint8_t* octets, std::size_t size) {
    return {reinterpret_cast<const char*>(octets), size};
  }

  std::unique_ptr<nghttp2_hd_inflater, Delete> inflater_;
  std::map<std::uint32_t, Request> requests_;
  std::string block_;
  std::uint32_t block_stream_ = 0;
  bool block_ends_stream_ = false;
};

}  // namespace borehole::rfc9113
