#include "http/head_edit.h"

#include <algorithm>

namespace borehole::http {

void apply(const RequestHead& head, const HeadEdit& edit, Buffer& out) {
  const Bytes raw = head.raw();
  std::size_t copied = 0;
  const auto copy_to = [&](std::size_t end) {
    out.append(raw.substr(copied, end - copied));
    copied = end;
  };

  std::size_t size = raw.size() + (edit.target ? edit.target->size() : 0);
  for (const HeadEdit::Replacement& replacement : edit.replaced_values) size += replacement.value.size();
  out.prepare(size);
  if (edit.target) {
    copy_to(head.target_begin());
    out.append(*edit.target);
    copied += head.target().size();
  }
  auto removed = edit.removed_fields.begin();
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    const FieldSpan& span = head.span(i);
    if (removed != edit.removed_fields.end() && *removed == i) {
      ++removed;
      copy_to(span.line_begin);
      copied = span.line_end;
      continue;
    }
    const auto replaced = std::find_if(edit.replaced_values.begin(), edit.replaced_values.end(),
                                       [i](const HeadEdit::Replacement& r) { return r.field == i; });
    if (replaced != edit.replaced_values.end()) {
      copy_to(span.value_begin);
      out.append(replaced->value);
      copied = span.value_begin + span.value_size;
    }
  }
  copy_to(raw.size());
}

void add_field(const MessageHead& head, Bytes name, Bytes value, Buffer& out) {
  const Bytes raw = head.raw();
  const std::size_t end = raw.size() - (raw.ends_with("\r\n") ? 2 : 1);  // where the empty line begins
  out.prepare(raw.size() + name.size() + value.size() + 4);
  out.append(raw.substr(0, end));
  out.append(name);
  out.append(": ");
  out.append(value);
  out.append("\r\n");
  out.append(raw.substr(end));
}

}  // namespace borehole::http
