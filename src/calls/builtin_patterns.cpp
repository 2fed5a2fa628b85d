#include "calls/builtin_patterns.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/ignoring_case.h"
#include "bedrock/fields.h"

namespace borehole::calls {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alnum(char c) { return is_digit(c) || is_upper(c) || is_lower(c); }
bool beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80U; }

// RFC 5322's atext and the dot, without what divides URLs and programs; RFC 6531 adds what lies beyond ASCII.
bool is_local(char c) {
  return is_alnum(c) || beyond_ascii(c) || std::string_view(".!#$%'*+=_~-").find(c) != std::string_view::npos;
}
bool is_label(char c) { return is_alnum(c) || beyond_ascii(c) || c == '-'; }

constexpr std::size_t longest_local = 256;  // RFC 5321 allows 64 octets; percent and quoting make them more
constexpr std::size_t longest_domain = 255;

std::size_t local_begin(std::string_view text, std::size_t at) {
  const std::size_t least = at > longest_local ? at - longest_local : 0;
  std::size_t begin = at;
  if (begin > least && text[begin - 1] == '"') {
    // An opening quote is sought in vain where the address is that of a JSON text in the text: then there is no local
    // part.
    for (std::size_t i = begin - 1; i-- > least;) {
      if (text[i] == '"' && (i == 0 || text[i - 1] != '\\')) return i;
      if (text[i] == '\n') break;
    }
    return at;
  }
  while (begin > least && is_local(text[begin - 1])) --begin;
  return begin;
}

// Where the domain that begins at `at` ends; `at` itself where there is none.
std::size_t domain_end(std::string_view text, std::size_t at) {
  const std::size_t most = std::min(text.size(), at + longest_domain);
  std::size_t end = at;
  std::size_t whole = at;  // behind the last label that may be a top level
  for (std::size_t labels = 0; end < most; ++labels) {
    const std::size_t begin = end;
    while (end < most && is_label(text[end])) ++end;
    while (end > begin && text[end - 1] == '-') --end;
    if (end == begin) break;
    const bool top = labels > 0 && end - begin >= 2 && !is_digit(text[begin]);
    if (top) whole = end;
    if (end >= most || text[end] != '.') break;
    ++end;
  }
  return whole;
}

struct Network {
  unsigned first, last;  // of the leading four digits
  std::size_t least, most;
};
constexpr std::array<Network, 14> networks{{
    {2221, 2720, 16, 16},  // Mastercard
    {3000, 3059, 14, 19},  // Diners Club
    {3095, 3095, 14, 19},
    {3400, 3499, 15, 15},  // American Express
    {3528, 3589, 16, 19},  // JCB
    {3600, 3699, 14, 19},  // Diners Club
    {3700, 3799, 15, 15},  // American Express
    {3800, 3999, 14, 19},  // Diners Club
    {4000, 4999, 13, 19},  // Visa
    {5000, 5099, 13, 19},  // Maestro
    {5100, 5599, 16, 16},  // Mastercard
    {5600, 5899, 13, 19},  // Maestro
    {6000, 6999, 13, 19},  // Discover, UnionPay, Maestro, RuPay
    {8100, 8199, 16, 19},  // UnionPay
}};

constexpr std::size_t most_card_digits = 19;

bool is_card(std::string_view digits) {
  unsigned leading = 0;
  for (const char c : digits.substr(0, 4)) leading = leading * 10 + static_cast<unsigned>(c - '0');
  const bool known = std::any_of(networks.begin(), networks.end(), [&](const Network& network) {
    return leading >= network.first && leading <= network.last && digits.size() >= network.least &&
           digits.size() <= network.most;
  });
  if (!known) return false;
  unsigned sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    auto digit = static_cast<unsigned>(digits[digits.size() - 1 - i] - '0');
    if (i % 2 == 1) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 == 0;
}

// The octets of what may stand between two digits of a card at `at`; 0: something else does.
std::size_t separator_size(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  if (text[at] == ' ' || text[at] == '-' || text[at] == '.') return 1;
  static constexpr std::array<std::string_view, 5> wide{"\xc2\xa0", "\xe2\x80\x89", "\xe2\x80\xaf", "\xe2\x80\x91",
                                                        "\xe2\x80\x93"};
  for (const std::string_view one : wide) {
    if (text.substr(at, one.size()) == one) return one.size();
  }
  return 0;
}

// Groups of digits with one separator between each. Cards begin and end where a group does.
struct DigitGroups {
  std::vector<TextSpan> groups;
  std::vector<bool> behind_dot;  // a fraction's digits are no card's first ones

  // The longest card that begins with group `first`: the number of its groups, 0 for none.
  std::size_t card_at(std::string_view text, std::size_t first) const {
    std::string digits;
    std::size_t found = 0;
    for (std::size_t i = first; i < groups.size(); ++i) {
      const std::size_t size = groups[i].end - groups[i].begin;
      if (digits.size() + size > most_card_digits) break;
      digits += text.substr(groups[i].begin, size);
      if (is_card(digits)) found = i - first + 1;
    }
    return found;
  }
};

bool is_base64(char c) { return is_alnum(c) || c == '+' || c == '/'; }
bool is_any_base64(char c) { return is_base64(c) || c == '-' || c == '_' || c == '='; }

std::size_t run_end(std::string_view text, std::size_t at, bool (*in)(char)) {
  while (at < text.size() && in(text[at])) ++at;
  return at;
}

// Access key ids: four letters that tell the kind, then 16 of base32 (older ones use all digits).
void find_key_ids(std::string_view text, std::vector<TextSpan>& found) {
  constexpr std::size_t size = 20;
  for (std::size_t at = text.find('A'); at != std::string_view::npos; at = text.find('A', at + 1)) {
    const std::string_view kind = text.substr(at, 4);
    if (kind != "AKIA" && kind != "ASIA" && kind != "ABIA" && kind != "ACCA") continue;
    if (at > 0 && is_alnum(text[at - 1])) continue;
    const std::size_t end = run_end(text, at, [](char c) { return is_upper(c) || is_digit(c); });
    if (end - at != size || (end < text.size() && is_lower(text[end]))) continue;
    found.push_back({at, end});
    at = end - 1;
  }
}

// `prefix` and at least `least` characters of base64 behind it.
void find_prefixed(std::string_view text, std::string_view prefix, std::size_t least, std::vector<TextSpan>& found) {
  for (std::size_t at = text.find(prefix); at != std::string_view::npos; at = text.find(prefix, at + 1)) {
    if (at > 0 && is_alnum(text[at - 1])) continue;
    const std::size_t end = run_end(text, at + prefix.size(), is_any_base64);
    if (end - at - prefix.size() < least) continue;
    found.push_back({at, end});
    at = end - 1;
  }
}

bool holds_word(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) { return (is_upper(a) ? a - 'A' + 'a' : a) == b; };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

// X-Amz-Signature=…, X-Amz-Security-Token=…: what presigned URLs carry. Percent signs belong to the value.
void find_presigned(std::string_view text, std::vector<TextSpan>& found) {
  for (std::size_t at = text.find('='); at != std::string_view::npos; at = text.find('=', at + 1)) {
    constexpr std::size_t longest_name = 20;
    const std::string_view before = text.substr(at > longest_name ? at - longest_name : 0, std::min(at, longest_name));
    const auto is = [before](std::string_view name) {
      return before.size() >= name.size() && equals_ignoring_case(before.substr(before.size() - name.size()), name);
    };
    if (!is("x-amz-signature") && !is("x-amz-security-token")) continue;
    const std::size_t end = run_end(text, at + 1, [](char c) { return is_any_base64(c) || c == '%'; });
    if (end > at + 1) found.push_back({at + 1, end});
  }
}

// Exactly 40 characters of base64 of all three kinds.
void find_secret_keys(std::string_view text, std::string_view member, const std::vector<TextSpan>& key_ids,
                      std::vector<TextSpan>& found) {
  constexpr std::size_t size = 40;
  constexpr std::size_t before = 80;
  constexpr std::size_t nearby = 200;
  if (text.size() < size) return;
  const bool told = holds_word(member, "secret");
  auto key_id = key_ids.begin();
  for (std::size_t begin = 0; begin + size <= text.size();) {
    const std::size_t end = run_end(text, begin, is_base64);
    if (end - begin != size || (end < text.size() && text[end] == '=')) {
      begin = end + 1;
      continue;
    }
    const std::string_view run = text.substr(begin, size);
    const bool mixed = std::any_of(run.begin(), run.end(), is_digit) && std::any_of(run.begin(), run.end(), is_upper) &&
                       std::any_of(run.begin(), run.end(), is_lower);
    const std::size_t from = begin > before ? begin - before : 0;
    while (key_id != key_ids.end() && key_id->end + nearby < begin) ++key_id;
    const bool near_id = key_id != key_ids.end() && key_id->begin < end + nearby;
    if (mixed && (told || near_id || holds_word(text.substr(from, begin - from), "secret"))) {
      found.push_back({begin, end});
    }
    begin = end + 1;
  }
}

}  // namespace

void find_emails(std::string_view text, std::vector<TextSpan>& found) {
  for (std::size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    const std::size_t begin = local_begin(text, at);
    const std::size_t end = begin == at ? at : domain_end(text, at + 1);
    if (end > at + 1) found.push_back({begin, end});
  }
}

void find_cards(std::string_view text, std::vector<TextSpan>& found) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    DigitGroups run;
    std::size_t digits = 0;
    for (;;) {
      const std::size_t end = run_end(text, at, is_digit);
      run.groups.push_back({at, end});
      run.behind_dot.push_back(at > 0 && text[at - 1] == '.');
      digits += end - at;
      at = end;
      const std::size_t separator = separator_size(text, at);
      if (separator == 0 || at + separator >= text.size() || !is_digit(text[at + separator])) break;
      at += separator;
    }
    if (digits < 13) continue;
    for (std::size_t first = 0; first < run.groups.size();) {
      const std::size_t taken = run.behind_dot[first] ? 0 : run.card_at(text, first);
      if (taken != 0) found.push_back({run.groups[first].begin, run.groups[first + taken - 1].end});
      first += std::max<std::size_t>(taken, 1);
    }
  }
}

void find_aws_keys(std::string_view text, std::string_view member, std::vector<TextSpan>& found) {
  constexpr std::size_t least_token = 80;
  std::vector<TextSpan> key_ids;
  find_key_ids(text, key_ids);
  find_secret_keys(text, member, key_ids, found);
  found.insert(found.end(), key_ids.begin(), key_ids.end());
  find_prefixed(text, "ABSK", 40, found);
  find_prefixed(text, "bedrock-api-key-", 16, found);
  // Base64 of what AWS's session tokens begin with.
  for (const std::string_view token : {"IQoJb3JpZ2lu", "FwoGZXIvYXdz", "FQoGZXIvYXdz", "AQoDYXdz", "AQoEYXdz"}) {
    find_prefixed(text, token, least_token, found);
  }
  find_presigned(text, found);
}

}  // namespace borehole::calls
