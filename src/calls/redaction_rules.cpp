#include "calls/redaction_rules.h"

#include <algorithm>

#include "base/wildcard.h"
#include "bedrock/model_id.h"

namespace borehole::calls {

BodyKeep RedactionRules::keep_of(std::string_view model, std::string_view router) const {
  if (bodies.empty()) return keep;
  const std::string base = bedrock::parse_model_id(model).base_model;
  const auto found = std::find_if(bodies.begin(), bodies.end(), [&](const BodyRule& rule) {
    if (!rule.router.empty() && rule.router != router) return false;
    return rule.model.empty() || (!model.empty() && matches_wildcard(rule.model, model)) ||
           (!base.empty() && matches_wildcard(rule.model, base));
  });
  return found == bodies.end() ? keep : found->keep;
}

}  // namespace borehole::calls
