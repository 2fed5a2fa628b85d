// The head of one HTTP/1 message as it was received: raw octets and where its parts lie in them. Never rebuilt, never
// normalised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ignoring_case.h"

namespace borehole::http {

// Where one field line lies in `MessageHead::raw()`, in octets from its start. `line_end` is behind the line's CRLF.
struct FieldSpan {
  std::uint32_t line_begin = 0;
  std::uint32_t line_end = 0;
  std::uint32_t name_begin = 0;
  std::uint32_t name_size = 0;
  std::uint32_t value_begin = 0;  // without the optional whitespace around it (RFC 9112 section 5)
  std::uint32_t value_size = 0;
};

// Field names compare case-insensitively (RFC 9110 section 5.1), ASCII only.
inline bool same_name(Bytes a, Bytes b) noexcept { return equals_ignoring_case(a, b); }
// Is `token` one of the comma-separated, case-insensitive tokens of a field value (RFC 9110 section 5.6.1)?
bool list_has_token(Bytes list, Bytes token) noexcept;

// Owns the octets of start line, field lines and the empty line. Views it gives are valid while it lives unchanged.
class MessageHead {
 public:
  Bytes raw() const noexcept { return raw_; }
  std::size_t field_count() const noexcept { return fields_.size(); }
  const FieldSpan& span(std::size_t i) const { return fields_[i]; }
  Bytes name(std::size_t i) const { return raw().substr(fields_[i].name_begin, fields_[i].name_size); }
  Bytes value(std::size_t i) const { return raw().substr(fields_[i].value_begin, fields_[i].value_size); }
  std::optional<Bytes> find(Bytes name) const noexcept;  // the first field of that name
  std::size_t count(Bytes name) const noexcept;
  // Does any field of that name hold the token? (`Connection: close, TE` has `close`.)
  bool has_token(Bytes name, Bytes token) const noexcept;
  int minor_version() const noexcept { return minor_version_; }  // of HTTP/1.x: 0 or 1

 protected:
  friend class MessageReader;
  friend class HeadIndexer;
  friend class PlainHead;
  bool is_named(const FieldSpan& field, Bytes wanted) const noexcept;
  std::string raw_;
  std::vector<FieldSpan> fields_;
  int minor_version_ = 1;
};

class RequestHead : public MessageHead {
 public:
  Bytes method() const { return raw().substr(0, method_size_); }
  Bytes target() const { return raw().substr(target_begin_, target_size_); }  // as sent, undecoded
  std::uint32_t target_begin() const noexcept { return target_begin_; }

 private:
  friend class HeadIndexer;
  friend class PlainHead;
  std::uint32_t method_size_ = 0;
  std::uint32_t target_begin_ = 0;
  std::uint32_t target_size_ = 0;
};

class ResponseHead : public MessageHead {
 public:
  int status() const noexcept { return status_; }
  bool informational() const noexcept { return status_ >= 100 && status_ < 200; }

 private:
  friend class HeadIndexer;
  friend class PlainHead;
  int status_ = 0;
};

}  // namespace borehole::http
