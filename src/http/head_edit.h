// Edits a head as octets: cuts field lines, replaces the target or one value. What is not named stays as it was
// received.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "http/head.h"

namespace borehole::http {

struct HeadEdit {
  std::optional<std::string> target;        // replaces the request target
  std::vector<std::size_t> removed_fields;  // indices into the head's fields, ascending
  struct Replacement {
    std::size_t field = 0;
    std::string value;
  };
  std::vector<Replacement> replaced_values;

  bool empty() const noexcept { return !target && removed_fields.empty() && replaced_values.empty(); }
};

// Appends the edited head to `out`. The whitespace around a replaced value is kept.
void apply(const RequestHead& head, const HeadEdit& edit, Buffer& out);

// Appends the head to `out` with one more field behind its last.
void add_field(const MessageHead& head, Bytes name, Bytes value, Buffer& out);

}  // namespace borehole::http
