#include "http/head.h"

#include "http/syntax.h"

namespace borehole::http {

bool list_has_token(Bytes list, Bytes token) noexcept {
  while (true) {
    const std::size_t comma = list.find(',');
    if (same_name(trim_whitespace(list.substr(0, comma)), token)) return true;
    if (comma == Bytes::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

bool MessageHead::is_named(const FieldSpan& field, Bytes wanted) const noexcept {
  return field.name_size == wanted.size() && same_name({raw_.data() + field.name_begin, field.name_size}, wanted);
}

std::optional<Bytes> MessageHead::find(Bytes wanted) const noexcept {
  for (const FieldSpan& field : fields_) {
    if (is_named(field, wanted)) return Bytes(raw_.data() + field.value_begin, field.value_size);
  }
  return std::nullopt;
}

std::size_t MessageHead::count(Bytes wanted) const noexcept {
  std::size_t n = 0;
  for (const FieldSpan& field : fields_) n += is_named(field, wanted) ? 1 : 0;
  return n;
}

bool MessageHead::has_token(Bytes wanted, Bytes token) const noexcept {
  for (const FieldSpan& field : fields_) {
    if (!is_named(field, wanted)) continue;
    if (list_has_token({raw_.data() + field.value_begin, field.value_size}, token)) return true;
  }
  return false;
}

}  // namespace borehole::http
