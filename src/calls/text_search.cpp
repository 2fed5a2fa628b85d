#include "calls/text_search.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>

#include "calls/builtin_patterns.h"

namespace borehole::calls {

namespace {

// Escapes inside of escapes: a tool's input in a text in a text.
constexpr int most_layers = 4;

// A text that was decoded, and where each of its octets came from.
struct Layer {
  std::string text;
  std::vector<std::uint32_t> from;  // one more than `text` has octets

  void add(std::string_view octets, std::size_t at) {
    text += octets;
    from.insert(from.end(), octets.size(), static_cast<std::uint32_t>(at));
  }
  // The span of the text that this one was decoded from, so far widened that no escape is divided.
  TextSpan around(TextSpan span) const {
    const auto begin = std::upper_bound(from.begin(), from.end(), span.begin);
    const auto end = std::lower_bound(from.begin(), from.end(), span.end);
    return {*std::prev(begin), end == from.end() ? from.back() : *end};
  }
};

std::optional<std::uint32_t> hex(std::string_view digits, std::size_t count) {
  std::uint32_t code = 0;
  if (digits.size() < count) return std::nullopt;
  const auto read = std::from_chars(digits.data(), digits.data() + count, code, 16);
  if (read.ec != std::errc() || read.ptr != digits.data() + count) return std::nullopt;
  return code;
}

void add_utf8(Layer& layer, std::uint32_t code, std::size_t at) {
  std::array<char, 3> octets{};
  std::size_t size = 1;
  if (code < 0x80U) {
    octets[0] = static_cast<char>(code);
  } else if (code < 0x800U) {
    octets = {static_cast<char>(0xc0U | code >> 6U), static_cast<char>(0x80U | (code & 0x3fU))};
    size = 2;
  } else {
    octets = {static_cast<char>(0xe0U | code >> 12U), static_cast<char>(0x80U | (code >> 6U & 0x3fU)),
              static_cast<char>(0x80U | (code & 0x3fU))};
    size = 3;
  }
  layer.add({octets.data(), size}, at);
}

// One layer of `\n`, `\/`, `\u0041` (of two that make a pair, each for itself) and `%41` less. Nothing where there is
// none.
std::optional<Layer> decoded(std::string_view text) {
  if (text.find_first_of("\\%") == std::string_view::npos) return std::nullopt;
  Layer layer;
  layer.text.reserve(text.size());
  layer.from.reserve(text.size() + 1);
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    std::size_t taken = 1;
    if (rest[0] == '%' && hex(rest.substr(1), 2)) {
      const char octet = static_cast<char>(*hex(rest.substr(1), 2));
      layer.add({&octet, 1}, at);
      taken = 3;
    } else if (rest[0] == '\\' && rest.size() > 1) {
      constexpr std::string_view letters = "\"\\/bfnrt";
      constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
      if (const auto found = letters.find(rest[1]); found != std::string_view::npos) {
        layer.add(meant.substr(found, 1), at);
        taken = 2;
      } else if (const auto code = rest[1] == 'u' ? hex(rest.substr(2), 4) : std::nullopt) {
        add_utf8(layer, *code, at);
        taken = 6;
      }
    }
    if (taken == 1) layer.add(rest.substr(0, 1), at);
    any = any || taken != 1;
    at += taken;
  }
  if (!any) return std::nullopt;
  layer.from.push_back(static_cast<std::uint32_t>(text.size()));
  return layer;
}

void put_in_order(std::vector<Finding>& found) {
  std::sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) {
    return a.span.begin != b.span.begin ? a.span.begin < b.span.begin : a.span.end > b.span.end;
  });
  std::size_t kept = 0;
  for (const Finding& one : found) {
    if (kept != 0 && one.span.begin < found[kept - 1].span.end) {
      found[kept - 1].span.end = std::max(found[kept - 1].span.end, one.span.end);
    } else {
      found[kept++] = one;
    }
  }
  found.resize(kept);
}

bool only_stars(std::string_view text) { return text.find_first_not_of('*') == std::string_view::npos; }

}  // namespace

TextSearch::TextSearch(const RedactionRules& rules)
    : rules_(rules), aws_keys_(rules.aws_key), ends_(std::chrono::steady_clock::now() + rules.most_time) {}

void TextSearch::check_time() const {
  if (std::chrono::steady_clock::now() >= ends_) throw OutOfTime();
}

void TextSearch::find_as_written(std::string_view text, std::string_view member, std::vector<Finding>& found) {
  std::vector<TextSpan> spans;
  const auto take = [&](std::size_t rule) {
    for (const TextSpan& span : spans) found.push_back({span, rule});
    spans.clear();
  };
  if (rules_.email) find_emails(text, spans);
  take(rule::email);
  if (rules_.card) find_cards(text, spans);
  take(rule::card);
  if (aws_keys_) find_aws_keys(text, member, spans);
  take(rule::aws_key);
  for (std::size_t i = 0; i < rules_.patterns.size(); ++i) {
    const Pattern& pattern = rules_.patterns[i].pattern;
    for (auto match = pattern.find(text, 0); match; match = pattern.find(text, match->end)) {
      // Each search takes time in proportion to the text, but there may be as many as there are characters.
      check_time();
      if (!only_stars(text.substr(match->begin, match->end - match->begin))) {
        found.push_back({*match, rule::first_pattern + i});
      }
    }
  }
}

void TextSearch::find_in_layers(std::string_view text, std::string_view member, int layers,
                                std::vector<Finding>& found) {
  check_time();
  find_as_written(text, member, found);
  const auto layer = layers > 0 ? decoded(text) : std::nullopt;
  if (!layer) return;
  for (Finding& one : found) one.span = layer->around(one.span);
  std::vector<Finding> inside;
  find_in_layers(layer->text, member, layers - 1, inside);
  for (const Finding& one : inside)
    found.push_back({{layer->from[one.span.begin], layer->from[one.span.end]}, one.rule});
}

std::vector<Finding> TextSearch::find(std::string_view text, std::string_view member) {
  std::vector<Finding> found;
  if (!rules_.hides_texts() || text.empty()) return found;
  find_in_layers(text, member, text.size() < UINT32_MAX ? most_layers : 0, found);
  put_in_order(found);
  return found;
}

std::vector<Finding> TextSearch::find_but_aws_keys(std::string_view text) {
  const bool before = aws_keys_;
  aws_keys_ = false;
  auto found = find(text);
  aws_keys_ = before;
  return found;
}

}  // namespace borehole::calls
