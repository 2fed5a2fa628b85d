// Fuzzes the moments that requests, answers and records tell: what is taken is a moment that can be written again, and
// reads the same. Never accepts a crash.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bedrock/times.h"
#include "invariant.h"

using namespace borehole;
using namespace borehole::bedrock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto moment : {parse_amz_date(text), parse_http_date(text), parse_record_time(text)}) {
    if (!moment) continue;
    const std::string written = seconds_text(*moment);
    // A leap second may carry the last second of the year 9999 beyond what four digits write.
    if (written.size() > 20) continue;
    demand(parse_record_time(written) == moment, "a moment reads as it is written");
    std::string short_form;
    for (const char c : written) {
      if (c != '-' && c != ':') short_form += c;
    }
    demand(parse_amz_date(short_form) == moment, "and in the form of X-Amz-Date");
  }
  return 0;
}
