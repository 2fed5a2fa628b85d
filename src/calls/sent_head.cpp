#include "calls/sent_head.h"

#include "bedrock/text.h"

namespace borehole::calls {

SentHead read_sent(Bytes head) {
  SentHead out;
  const auto next_line = [&head] {
    const auto end = head.find('\n');
    Bytes line = head.substr(0, end);
    head.remove_prefix(end == Bytes::npos ? head.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  };
  const Bytes start = next_line();
  const auto first = start.find(' ');
  const auto last = start.rfind(' ');
  out.method = start.substr(0, first);
  if (first < last) out.target = start.substr(first + 1, last - first - 1);
  for (Bytes line = next_line(); !line.empty(); line = next_line()) {
    const auto colon = line.find(':');
    if (colon == Bytes::npos) continue;
    out.fields.emplace_back(line.substr(0, colon), bedrock::trimmed(line.substr(colon + 1)));
  }
  return out;
}

}  // namespace borehole::calls
