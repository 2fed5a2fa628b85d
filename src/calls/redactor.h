// Hides in one record's texts and bodies what the rules say, and counts it by rule. Works on copies that are recorded,
// never on what is forwarded; takes no longer than the rules allow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bedrock/streamed_body.h"
#include "calls/json_rewriter.h"
#include "calls/redaction_rules.h"
#include "calls/text_search.h"

namespace borehole::calls {

// A text that base64 holds, after a data URL's beginning or by itself.
struct Base64Text {
  std::size_t begin = 0;  // of the base64
  std::string text;
};
// nullopt: it is no base64, or of something else than UTF-8 text. `cut`: it may end anywhere.
std::optional<Base64Text> text_in_base64(std::string_view text, bool cut);

// Everything in here may throw OutOfTime, and std::bad_alloc.
class Redactor {
 public:
  // `rules` must outlive it.
  explicit Redactor(const RedactionRules& rules);

  const RedactionRules& rules() const noexcept { return rules_; }
  TextSearch& search() noexcept { return search_; }

  // Each is true where something was hidden.
  bool clean(std::string& text);
  bool clean_but_aws_keys(std::string& text);
  bool clean_json(std::string& json);  // which stands inside of a record; stays JSON
  // A value of a JSON text, which may hold JSON or base64 itself. True: `replacement` goes there.
  bool clean_value(std::string_view text, std::string_view member, bool cut, int depth, std::string& replacement);
  bool clean_number(std::string_view text, std::string_view member, bool cut, std::string& replacement);

  // Makes of a body what may be kept of it, or says why nothing may. `truncated`: it is the beginning of a larger one;
  // then what stands at its end is hidden too, since it may be the beginning of something.
  std::optional<std::string_view> clean_body(std::string& body, bool truncated);

  void count(std::size_t rule, std::uint64_t times = 1);
  void count_path(std::size_t path) { count(rule::first_pattern + rules_.patterns.size() + path); }
  std::vector<std::pair<std::string, std::uint64_t>> counts() const;  // of rules that hid something

 private:
  bool replace(std::string& text, const std::vector<Finding>& found);
  bool hide_end(std::string& text);
  bool clean_inside(std::string_view text, std::string_view member, bool cut, int depth, std::string& replacement);

  const RedactionRules& rules_;
  TextSearch search_;
  bool below_paths_;  // there are some that begin with `..`
  std::vector<std::uint64_t> counts_;
};

}  // namespace borehole::calls
