// A filter as SQL conditions on the `calls` table, and what SQL cannot tell: texts inside of records. Never runs them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/call_filter.h"
#include "store/sqlite.h"

namespace borehole::store {

struct CallConditions {
  std::string sql;                 // each begins with " AND "; empty: all calls
  std::vector<std::string> texts;  // its parameters ?1, ?2, …
  void bind(Statement& statement) const;
};

// Without `text`, `before` and `limit`. `version` is the schema's: a column that an older one lacks is NULL.
CallConditions conditions_of(const CallFilter& filter, std::int64_t version);

// A column that came with a later schema, or "NULL" where this one lacks it.
std::string_view later_column(std::string_view name, std::int64_t version) noexcept;

// What stands behind FROM: `calls AS call`, with what a later schema has of them as `origin`. `scanned`: in the order
// of writing, by no index.
std::string calls_and_origins(std::int64_t version, bool scanned = false);

// That no later attempt of the invocation fits the same conditions; for a query of `calls_and_origins`. Begins with
// " AND "; empty where the schema knows no attempts.
std::string last_attempt_condition(const CallConditions& conditions, std::int64_t version);

// A text as it may stand in a record: in a header or a target (escaped once), or in a JSON body (a string in a string:
// escaped twice).
class TextFilter {
 public:
  explicit TextFilter(std::string_view text);
  bool matches(std::string_view json) const;

 private:
  std::vector<std::string> forms_;
};

}  // namespace borehole::store
