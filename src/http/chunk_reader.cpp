#include "http/chunk_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "http/head.h"
#include "http/reader_errors.h"
#include "http/syntax.h"

namespace borehole::http {

enum class ChunkReader::State : std::uint8_t {
  size_begin,
  size,
  before_semicolon,  // in whitespace that only a `;` may follow
  before_name,       // behind `;`
  name,
  behind_name,  // in whitespace that only a `=` or `;` may follow
  before_value,
  token,
  quoted,
  quoted_pair,  // behind `\`
  behind_quoted,
  size_lf,
  octets,
  octets_cr,
  octets_lf,
  trailer_begin,
  trailer_name,
  trailer_value,
  trailer_lf,
  last_lf,
  complete,
};

enum class ChunkReader::Fault : std::uint8_t {
  none,
  no_size,
  size_too_large,
  size_line_end,
  extension,
  extensions_too_long,
  octets_end,
  trailer_end,
  trailer_folded,
  trailer_no_colon,
  trailer_space,
  trailer_name,
  trailer_control,
  trailer_forbidden,
  trailers_too_long,
};

namespace {

constexpr unsigned max_digits = 16;
constexpr auto max_size = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// What frames or routes a message has no place behind it.
bool is_forbidden(Bytes name) noexcept {
  return same_name(name, "content-length") || same_name(name, "transfer-encoding") || same_name(name, "host");
}

}  // namespace

ChunkReader::ChunkReader(Role role, const ReaderLimits& limits) noexcept
    : max_extension_octets_(limits.chunk_extension_bytes), max_trailer_octets_(limits.trailer_bytes), role_(role) {
  start();
}

void ChunkReader::start() noexcept {
  state_ = State::size_begin;
  left_ = 0;
  extension_octets_ = 0;
  trailer_octets_ = 0;
  trailer_line_ = 0;
}

Result<ChunkReader::Progress> ChunkReader::feed(Bytes bytes, std::vector<Bytes>& content) {
  std::size_t at = 0;
  while (at < bytes.size() && state_ != State::complete) {
    if (state_ == State::octets) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
      content.push_back(bytes.substr(at, size));
      at += size;
      left_ -= size;
      if (left_ == 0) state_ = State::octets_cr;
    } else {
      if (const Fault fault = read_octet(bytes[at]); fault != Fault::none) return unexpected(error(fault));
      ++at;
    }
  }
  return Progress{state_ == State::complete, at};
}

ChunkReader::Fault ChunkReader::read_octet(char c) noexcept {
  switch (state_) {
    case State::size_begin:
    case State::size: return read_size(c);
    case State::size_lf:
      if (c != '\n') return Fault::size_line_end;
      left_ = size_;
      trailer_line_ = size_ == 0 ? 1 : 0;
      state_ = size_ == 0 ? State::trailer_begin : State::octets;
      return Fault::none;
    case State::octets_cr: state_ = State::octets_lf; return c == '\r' ? Fault::none : Fault::octets_end;
    case State::octets_lf: state_ = State::size_begin; return c == '\n' ? Fault::none : Fault::octets_end;
    case State::trailer_begin:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
    case State::last_lf: return ++trailer_octets_ > max_trailer_octets_ ? Fault::trailers_too_long : read_trailers(c);
    default: return read_extension(c);
  }
}

ChunkReader::Fault ChunkReader::read_size(char c) noexcept {
  if (const int digit = hex_value(c); digit >= 0) {
    if (state_ == State::size_begin) {
      size_ = 0;
      digits_ = 0;
      state_ = State::size;
    }
    if (++digits_ > max_digits || size_ > max_size >> 4U) return Fault::size_too_large;
    size_ = size_ << 4U | static_cast<std::uint64_t>(digit);
    return Fault::none;
  }
  if (state_ == State::size_begin) return Fault::no_size;
  if (c == '\r' || c == '\n') return end_size_line(c);
  state_ = State::before_semicolon;
  return c == ';' || is_whitespace(c) ? read_extension(c) : Fault::no_size;
}

// A line may end here: with CRLF.
ChunkReader::Fault ChunkReader::end_size_line(char c) noexcept {
  state_ = State::size_lf;
  return c == '\r' ? Fault::none : Fault::size_line_end;
}

ChunkReader::Fault ChunkReader::read_extension(char c) noexcept {
  const bool line_end = c == '\r' || c == '\n';
  const bool may_end = state_ == State::name || state_ == State::token || state_ == State::behind_quoted;
  if (line_end) return may_end ? end_size_line(c) : Fault::extension;
  if (++extension_octets_ > max_extension_octets_) return Fault::extensions_too_long;
  switch (state_) {
    case State::before_semicolon:
      if (is_whitespace(c)) return Fault::none;
      break;
    case State::before_name:
      if (is_whitespace(c)) return Fault::none;
      state_ = State::name;
      return is_tchar(c) ? Fault::none : Fault::extension;
    case State::name:
    case State::behind_name:
      if (state_ == State::name && is_tchar(c)) return Fault::none;
      state_ = c == '=' ? State::before_value : State::behind_name;
      if (c == '=' || is_whitespace(c)) return Fault::none;
      break;
    case State::before_value:
      if (is_whitespace(c)) return Fault::none;
      state_ = c == '"' ? State::quoted : State::token;
      return c == '"' || is_tchar(c) ? Fault::none : Fault::extension;
    case State::quoted:
      if (c == '"') state_ = State::behind_quoted;
      if (c == '\\') state_ = State::quoted_pair;
      return is_field_octet(c) ? Fault::none : Fault::extension;
    case State::quoted_pair: state_ = State::quoted; return is_field_octet(c) ? Fault::none : Fault::extension;
    default:  // token, behind_quoted
      if (state_ == State::token && is_tchar(c)) return Fault::none;
      state_ = State::before_semicolon;
      if (is_whitespace(c)) return Fault::none;
  }
  state_ = State::before_name;
  return c == ';' ? Fault::none : Fault::extension;
}

ChunkReader::Fault ChunkReader::read_trailers(char c) noexcept {
  switch (state_) {
    case State::trailer_begin:
      name_size_ = 0;
      state_ = State::last_lf;
      if (c == '\r') return Fault::none;
      state_ = State::trailer_name;
      if (is_whitespace(c)) return Fault::trailer_folded;
      return read_trailer_name(c);
    case State::trailer_name: return read_trailer_name(c);
    case State::trailer_value:
      if (c == '\r') state_ = State::trailer_lf;
      if (c == '\n') return Fault::trailer_end;
      return c == '\r' || is_field_octet(c) ? Fault::none : Fault::trailer_control;
    case State::trailer_lf:
      if (c != '\n') return Fault::trailer_end;
      ++trailer_line_;
      state_ = State::trailer_begin;
      return Fault::none;
    default: state_ = State::complete; return c == '\n' ? Fault::none : Fault::trailer_end;
  }
}

ChunkReader::Fault ChunkReader::read_trailer_name(char c) noexcept {
  if (is_tchar(c)) {
    if (name_size_ < name_.size()) name_[name_size_] = c;
    ++name_size_;
    return Fault::none;
  }
  state_ = State::trailer_value;
  if (c == '\n') return Fault::trailer_end;
  if (is_whitespace(c)) return Fault::trailer_space;
  if (c == '\r') return Fault::trailer_no_colon;
  if (c != ':') return Fault::trailer_name;
  if (name_size_ == 0) return Fault::trailer_no_colon;
  return is_forbidden(Bytes(name_.data(), std::min(name_size_, name_.size()))) ? Fault::trailer_forbidden : Fault::none;
}

std::string ChunkReader::missing() const {
  if (trailer_line_ > 0) return "the empty line behind the last chunk is missing";
  if (left_ > 0) return fmt::format("{} octets of a chunk are missing", left_);
  return "the last chunk is missing";
}

Error ChunkReader::error(Fault fault) const {
  const auto refuse = [this](ErrorCode code, std::string detail) {
    return reader_error(role_, code, std::move(detail));
  };
  const auto body = [&](ErrorCode code, const char* what) {
    return refuse(code, fmt::format("The {}'s body cannot be read: {}.", subject(role_), what));
  };
  const auto trailer = [&](ErrorCode code, const char* what) {
    return refuse(code, fmt::format("Line {} of the {}'s trailer section {}.", trailer_line_, subject(role_), what));
  };
  constexpr ErrorCode malformed = ErrorCode::malformed_request;
  constexpr ErrorCode ambiguous = ErrorCode::ambiguous_request;
  switch (fault) {
    case Fault::none: break;
    case Fault::no_size: return body(malformed, "a chunk does not begin with its size in hexadecimal digits and CRLF");
    case Fault::size_too_large: return body(malformed, "a chunk's size is larger than any chunk can be");
    case Fault::size_line_end:
      return body(ambiguous, "the line with a chunk's size is not ended by CRLF alone (a bare LF or CR)");
    case Fault::extension:
      return body(ambiguous, "behind a chunk's size stands something else than extensions of the form `;name=value`");
    case Fault::extensions_too_long:
      return refuse(malformed, fmt::format("The {}'s chunk extensions are larger than {} octets in sum.",
                                           subject(role_), max_extension_octets_));
    case Fault::octets_end: return body(ambiguous, "a chunk is not ended by CRLF where its size says");
    case Fault::trailer_end: return trailer(ambiguous, "is not ended by CRLF alone (a bare LF or CR)");
    case Fault::trailer_folded:
      return trailer(ambiguous, "begins with whitespace: line folding is obsolete and not taken");
    case Fault::trailer_no_colon: return trailer(ambiguous, "is no \"name: value\"");
    case Fault::trailer_space: return trailer(ambiguous, "has whitespace in the field's name or before its colon");
    case Fault::trailer_name: return trailer(malformed, "has a field name with a character no name may have");
    case Fault::trailer_control: return trailer(malformed, "has a control character");
    case Fault::trailer_forbidden: {
      std::string name(name_.data(), name_size_);
      std::transform(name.begin(), name.end(), name.begin(), to_lower);
      return refuse(ambiguous, fmt::format("The {}'s trailer section has a {} field.", subject(role_), name));
    }
    case Fault::trailers_too_long:
      return refuse(ErrorCode::head_too_large, fmt::format("The {}'s trailer section is larger than {} octets.",
                                                           subject(role_), max_trailer_octets_));
  }
  return refuse(ErrorCode::internal, "The chunk reader found no fault.");
}

}  // namespace borehole::http
