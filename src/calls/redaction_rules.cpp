#include "calls/redaction_rules.h"

#include <algorithm>

#include "bedrock/model_id.h"

namespace borehole::calls {

namespace {

// `*` stands for any characters. Goes back to the last star alone, so that it takes no more than one time the other.
bool fits(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t behind_star = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      behind_star = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++behind_star;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

BodyKeep RedactionRules::keep_of(std::string_view model, std::string_view router) const {
  if (bodies.empty()) return keep;
  const std::string base = bedrock::parse_model_id(model).base_model;
  const auto found = std::find_if(bodies.begin(), bodies.end(), [&](const BodyRule& rule) {
    if (!rule.router.empty() && rule.router != router) return false;
    return rule.model.empty() || (!model.empty() && fits(rule.model, model)) ||
           (!base.empty() && fits(rule.model, base));
  });
  return found == bodies.end() ? keep : found->keep;
}

}  // namespace borehole::calls
