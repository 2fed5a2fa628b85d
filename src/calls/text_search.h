// Finds in a text what the rules hide, also where it is written with JSON's escapes or percent signs, one inside of the
// other. Never changes a text.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "calls/redaction_rules.h"

namespace borehole::calls {

// Numbers of rules, as counts of what was hidden keep them: the built-in ones, what stood at a cut, patterns, paths.
namespace rule {
inline constexpr std::size_t email = 0, card = 1, aws_key = 2, cut = 3, first_pattern = 4;
}  // namespace rule

struct Finding {
  TextSpan span;
  std::size_t rule = 0;
};

// The time that one record may take was taken.
struct OutOfTime : std::runtime_error {
  OutOfTime() : std::runtime_error("redaction took too long") {}
};

class TextSearch {
 public:
  // `rules` must outlive it. Time counts from here.
  explicit TextSearch(const RedactionRules& rules);

  // In order, none overlapping another. `member`: the name of the JSON member that `text` is the value of. Throws
  // OutOfTime.
  std::vector<Finding> find(std::string_view text, std::string_view member = {});
  // The same but for what the rule says; for access key ids where they are meant to be seen.
  std::vector<Finding> find_but_aws_keys(std::string_view text);

 private:
  void find_as_written(std::string_view text, std::string_view member, std::vector<Finding>& found);
  void find_in_layers(std::string_view text, std::string_view member, int layers, std::vector<Finding>& found);
  void check_time() const;

  const RedactionRules& rules_;
  bool aws_keys_;
  TimePoint ends_;
};

}  // namespace borehole::calls
