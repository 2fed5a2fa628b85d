// Fuzzes the editing of heads: a second reading of the lines says what must come of it. Never accepts that an octet
// changes which was not named.
//
// The input's first three octets choose: 1 another target, 2 a field is added; which fields go, and which values are
// replaced, by their numbers modulo eight. A head follows.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "http/head_edit.h"
#include "http/head_indexer.h"
#include "http/validate_head.h"
#include "invariant.h"
#include "rfc9112.h"

using namespace borehole;
using namespace borehole::http;

namespace {

const std::string new_target = "/another?target";
const std::string new_value = "another value";

// `whole` with `part`, a view into it, replaced.
std::string with(std::string_view whole, std::string_view part, std::string_view by) {
  const auto before = static_cast<std::size_t>(part.data() - whole.data());
  return std::string(whole.substr(0, before)) + std::string(by) + std::string(whole.substr(before + part.size()));
}

void check(const std::string& raw, unsigned choice, unsigned removed, unsigned replaced) {
  const RequestHead head = HeadIndexer::request(raw);
  if (!validate_request_head(head)) return;  // only what has passed is edited
  const auto read = rfc9112::read_head(raw);
  demand(read && read->rest.empty(), "a head that has passed is one by RFC 9112");
  demand(read->fields.size() == head.field_count(), "it has so many fields");

  HeadEdit edit;
  const auto first = read->start_line.find(' ') + 1;
  const std::string_view target = read->start_line.substr(first, read->start_line.rfind(' ') - first);
  demand(target == head.target(), "its target lies between its spaces");
  std::string wanted(read->start_line);
  if ((choice & 1U) != 0) {
    edit.target = new_target;
    wanted = with(read->start_line, target, new_target);
  }
  wanted += "\r\n";
  for (std::size_t i = 0; i < read->fields.size(); ++i) {
    const rfc9112::Field& field = read->fields[i];
    demand(field.name == head.name(i) && field.value == head.value(i), "names and values lie where they do");
    const bool goes = (removed >> (i % 8) & 1U) != 0;
    const bool changes = (replaced >> (i % 8) & 1U) != 0;
    if (changes && field.value.empty()) return;  // it is not said on which side of it the spaces are
    if (goes) edit.removed_fields.push_back(i);
    if (changes) edit.replaced_values.push_back({i, new_value});
    if (!goes) wanted += changes ? with(field.line, field.value, new_value) : std::string(field.line);
  }
  wanted += "\r\n";
  Buffer out;
  out.append("before");
  apply(head, edit, out);
  demand(out.view() == "before" + wanted, "an edited head is what was received, but for what was named");
  demand(!edit.empty() || wanted == raw, "where nothing is named nothing changes");

  if ((choice & 2U) == 0) return;
  Buffer longer;
  add_field(head, "X-Name", new_value, longer);
  demand(longer.view() == raw.substr(0, raw.size() - 2) + "X-Name: " + new_value + "\r\n\r\n",
         "an added field stands behind the last, and nothing else changes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  check(std::string(reinterpret_cast<const char*>(data) + 3, size - 3), data[0], data[1], data[2]);
  return 0;
}
