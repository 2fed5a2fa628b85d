#include "calls/redactor.h"

#include <algorithm>
#include <array>

#include "bedrock/fields.h"
#include "bedrock/text.h"
#include "calls/utf8.h"

namespace borehole::calls {

namespace {

constexpr int most_depth = 4;             // documents and base64 inside of each other
constexpr std::size_t hidden_end = 256;   // octets before a cut
constexpr std::size_t least_base64 = 12;  // shorter ones hold nothing that a rule could find

bool is_text(std::string_view octets) {
  const auto control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20U && c != '\t' && c != '\n' && c != '\r';
  };
  return is_utf8(octets) && std::none_of(octets.begin(), octets.end(), control);
}

bool begins_like_json(std::string_view text) {
  const std::string_view content = bedrock::trimmed(text);
  return !content.empty() && (content.front() == '{' || content.front() == '[');
}

// Cleans each text of a document by itself.
class Cleaner final : public JsonVisitor {
 public:
  Cleaner(Redactor& redactor, int depth) : redactor_(redactor), depth_(depth) {}
  bool on_text(const ReadText& text, std::string& replacement) override {
    const bool changed = text.kind == ReadText::Kind::number
                             ? redactor_.clean_number(text.text, text.member, text.cut, replacement)
                             : redactor_.clean_value(text.text, text.member, text.cut, depth_, replacement);
    changed_ = changed_ || changed;
    return changed;
  }
  void on_hidden(std::size_t path) override {
    redactor_.count_path(path);
    changed_ = true;
  }
  bool changed() const noexcept { return changed_; }

 private:
  Redactor& redactor_;
  int depth_;
  bool changed_ = false;
};

}  // namespace

std::optional<Base64Text> text_in_base64(std::string_view text, bool cut) {
  std::size_t begin = 0;
  if (text.starts_with("data:")) {
    constexpr std::string_view mark = ";base64,";
    const auto at = text.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    begin = at + mark.size();
  }
  std::string_view coded = text.substr(begin);
  if (cut) coded.remove_suffix(coded.size() % 4);
  if (coded.size() < least_base64) return std::nullopt;
  // Most texts are no base64, and most base64 is an image: the first octets tell.
  constexpr std::size_t first = 64;
  if (coded.size() > first) {
    const auto some = bedrock::base64_decode(coded.substr(0, first));
    if (!some || !is_text(without_partial_utf8(*some))) return std::nullopt;
  }
  auto decoded = bedrock::base64_decode(coded);
  if (!decoded || !is_text(cut ? without_partial_utf8(*decoded) : *decoded)) return std::nullopt;
  return Base64Text{begin, *std::move(decoded)};
}

Redactor::Redactor(const RedactionRules& rules)
    : rules_(rules),
      search_(rules),
      below_paths_(
          std::any_of(rules.paths.begin(), rules.paths.end(),
                      [](const JsonPath& path) { return !path.steps.empty() && path.steps.front().descends; })),
      counts_(rule::first_pattern + rules.patterns.size() + rules.paths.size()) {}

void Redactor::count(std::size_t rule, std::uint64_t times) { counts_[rule] += times; }

std::vector<std::pair<std::string, std::uint64_t>> Redactor::counts() const {
  static constexpr std::array<std::string_view, rule::first_pattern> names{"email", "card", "aws_key", "cut"};
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const std::size_t first_path = rule::first_pattern + rules_.patterns.size();
    const std::string_view name = i < rule::first_pattern ? names[i]
                                  : i < first_path        ? rules_.patterns[i - rule::first_pattern].name
                                                          : rules_.paths[i - first_path].text;
    out.emplace_back(name, counts_[i]);
  }
  return out;
}

bool Redactor::replace(std::string& text, const std::vector<Finding>& found) {
  if (found.empty()) return false;
  std::string out;
  std::size_t at = 0;
  for (const Finding& one : found) {
    out.append(text, at, one.span.begin - at).append(JsonRewriter::mask);
    at = one.span.end;
    count(one.rule);
  }
  out.append(text, at);
  text = std::move(out);
  return true;
}

bool Redactor::hide_end(std::string& text) {
  text.resize(text.size() - std::min(text.size(), hidden_end));
  text = without_partial_utf8(text);
  text += JsonRewriter::mask;
  count(rule::cut);
  return true;
}

bool Redactor::clean(std::string& text) {
  if (!rules_.hides_texts() || text.empty()) return false;
  return replace(text, search_.find(text));
}

bool Redactor::clean_but_aws_keys(std::string& text) { return replace(text, search_.find_but_aws_keys(text)); }

bool Redactor::clean_value(std::string_view text, std::string_view member, bool cut, int depth,
                           std::string& replacement) {
  replacement = text;
  bool changed = depth < most_depth && clean_inside(text, member, cut, depth, replacement);
  if (!rules_.hides_texts()) return changed;
  changed = replace(replacement, search_.find(replacement, member)) || changed;
  return cut ? hide_end(replacement) : changed;
}

// What a text holds in base64, or as a document of its own.
bool Redactor::clean_inside(std::string_view text, std::string_view member, bool cut, int depth,
                            std::string& replacement) {
  if (!rules_.hides_texts() && !below_paths_) return false;
  std::string inside;
  if (const auto base64 = text_in_base64(text, cut)) {
    if (!clean_value(base64->text, member, cut, depth + 1, inside)) return false;
    replacement = text.substr(0, base64->begin);
    replacement += bedrock::base64_encode(inside);
    return true;
  }
  if (!below_paths_ || !begins_like_json(text)) return false;
  Cleaner cleaner(*this, depth + 1);
  const JsonEnd end = JsonRewriter(text, rules_.paths, true, cleaner).run(inside);
  if (!cleaner.changed() || (end != JsonEnd::whole && end != JsonEnd::cut)) return false;
  replacement = std::move(inside);
  return true;
}

bool Redactor::clean_number(std::string_view text, std::string_view member, bool cut, std::string& replacement) {
  if (!rules_.hides_texts()) return false;
  replacement = text;
  const bool changed = replace(replacement, search_.find(text, member));
  return cut ? hide_end(replacement) : changed;
}

bool Redactor::clean_json(std::string& json) {
  std::string out;
  Cleaner cleaner(*this, 1);
  if (JsonRewriter(json, rules_.paths, true, cleaner).run(out) != JsonEnd::whole) return clean(json);
  if (!cleaner.changed()) return false;
  json = std::move(out);
  return true;
}

std::optional<std::string_view> Redactor::clean_body(std::string& body, bool truncated) {
  if (!rules_.hides() || body.empty()) return std::nullopt;
  if (!is_utf8(truncated ? without_partial_utf8(body) : std::string_view(body))) return "it is not text";
  std::string out;
  out.reserve(body.size());
  const auto before = counts_;
  Cleaner cleaner(*this, 0);
  const JsonEnd end = JsonRewriter(body, rules_.paths, false, cleaner).run(out);
  if (end == JsonEnd::whole || end == JsonEnd::cut) {
    body = std::move(out);
    return std::nullopt;
  }
  if (!rules_.paths.empty()) return "it is not JSON in which record.redact.json_paths could be looked for";
  counts_ = before;
  replace(body, search_.find(body));
  if (truncated) hide_end(body);
  return std::nullopt;
}

}  // namespace borehole::calls
