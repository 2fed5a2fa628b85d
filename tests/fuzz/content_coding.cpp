// Fuzzes the decoder of content codings. Input: an octet that says how large portions are, a line as Content-Encoding
// has it, then the body.
#include "http/content_coding.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/invariant.h"

using namespace borehole;

namespace {

constexpr http::DecodingLimits kLimits{.octets = 4096, .ratio = 64, .free = 1024};

struct Decoded {
  std::string content;
  std::optional<http::CodingFault> fault;
};

Decoded decode(const http::ContentCodings& codings, std::string_view body, std::size_t portion) {
  Decoded out;
  http::ContentDecoder decoder(codings.codings, kLimits, [&](Bytes octets) {
    demand(!octets.empty(), "nothing is not given");
    out.content += octets;
    return true;
  });
  for (; !body.empty(); body.remove_prefix(std::min(portion, body.size()))) decoder.feed(body.substr(0, portion));
  decoder.finish();
  demand(out.content.size() <= kLimits.octets, "the limit holds");
  out.fault = decoder.fault();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  if (size == 0) return 0;
  std::string_view body(reinterpret_cast<const char*>(octets + 1), size - 1);
  http::ContentCodings codings;
  codings.add(take_until(body, '\n'));
  demand(codings.codings.size() <= http::ContentCodings::most, "codings are bounded");
  if (!codings.usable || codings.empty()) return 0;
  const Decoded whole = decode(codings, body, body.size() + 1);
  const Decoded portions = decode(codings, body, 1U + octets[0]);
  // What comes before an octet that is wrong may be given or not; and how many came in when the ratio is looked at
  // depends on the portions.
  demand(whole.content.starts_with(portions.content) || portions.content.starts_with(whole.content),
         "the content does not depend on the portions");
  if (!whole.fault && !portions.fault) demand(whole.content == portions.content, "portions change nothing");
  return 0;
}
