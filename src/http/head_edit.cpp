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

}  // namespace borehole::http
