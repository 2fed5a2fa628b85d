// Fuzzes the admin port's queries: a target's parameters, and what the calls' filter makes of them.
#include "web/query.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/invariant.h"
#include "web/calls_api.h"
#include "web/moment.h"

using namespace borehole;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(octets), size);
  const WallTime now{std::chrono::seconds(1'767'323'045)};
  if (const auto moment = web::parse_moment(text, now)) {
    demand(web::parse_moment(format_rfc3339(*moment), now) == moment, "a moment reads back as itself");
  }
  const auto query = web::query_of(text);
  demand(query.size() <= text.size() && text.ends_with(query), "a query is the end of its target");
  const auto parameters = web::parse_query(query);
  if (!parameters) {
    demand(!parameters.error().detail.empty(), "a refusal says why");
    return 0;
  }
  std::size_t total = 0;
  for (const auto& [name, value] : *parameters) {
    demand(!name.empty(), "a parameter has a name");
    total += name.size() + value.size();
  }
  demand(total <= query.size(), "decoding adds nothing");
  const auto read = web::read_calls_query(*parameters, now);
  demand(read ? read->filter.limit >= 1 && read->filter.limit <= 1000 : !read.error().detail.empty(),
         "a limit is bounded, a refusal says why");
  return 0;
}
