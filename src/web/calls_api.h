// The recorded calls as JSON: what /api/calls, /api/calls/ID and /api/calls/ID/explain answer. Reads the store, in a
// bounded time; never writes to it.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "export/format.h"
#include "store/call_filter.h"
#include "web/query.h"
#include "web/response.h"

namespace borehole::web {

struct CallsQuery {
  store::CallFilter filter;
  bool full = false;  // whole records (CONTRACT section 8) instead of summaries
};

// The parameters are named as the options of `borehole calls`, `_` for `-`. What is unknown or cannot be meant: a
// sentence that says what can be.
Result<CallsQuery> read_calls_query(const Parameters& parameters, WallTime now);

// All open the store anew, so that one that was moved away is noticed. 404 where there is no store, 503 where the time
// was up or it could not be read.
// {"calls": [...], "next": ID or null}: newest first; `next` is the `before` of the next page. A page of whole records
// ends early once it has 8 MiB.
Response list_calls(const std::string& store, const CallsQuery& query, TimePoint deadline);
// The parameters of /api/calls/ID: `format`, one of json (the record), har, csv, curl and boto3.
Result<exporting::Format> read_call_format(const Parameters& parameters);
// The call in that form. `id`: or the beginning of one. `version`: of this program.
Response show_call(const std::string& store, const std::string& id, exporting::Format format,
                   const std::string& version, TimePoint deadline);
// Its diagnosis (calls/diagnosis_json.h), from the record alone.
Response explain_call(const std::string& store, const std::string& id, TimePoint deadline);

}  // namespace borehole::web
