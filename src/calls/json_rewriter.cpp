#include "calls/json_rewriter.h"

#include <algorithm>
#include <charconv>

#include "calls/utf8.h"

namespace borehole::calls {

namespace {

constexpr std::uint64_t element_seed = 0x9e3779b97f4a7c15U;

// FNV-1a, one octet after the other.
std::uint64_t mixed(std::uint64_t hash, std::string_view octets) {
  for (const char c : octets) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}
std::uint64_t mixed(std::uint64_t hash, std::uint64_t number) {
  hash ^= number + element_seed + (hash << 6U) + (hash >> 2U);
  return hash * 0xff51afd7ed558ccdU;
}

bool decimal(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, std::uint32_t code) {
  const auto add = [&out](std::uint32_t octet) { out += static_cast<char>(octet); };
  if (code < 0x80U) {
    add(code);
  } else if (code < 0x800U) {
    add(0xc0U | code >> 6U);
    add(0x80U | (code & 0x3fU));
  } else if (code < 0x10000U) {
    add(0xe0U | code >> 12U);
    add(0x80U | (code >> 6U & 0x3fU));
    add(0x80U | (code & 0x3fU));
  } else {
    add(0xf0U | code >> 18U);
    add(0x80U | (code >> 12U & 0x3fU));
    add(0x80U | (code >> 6U & 0x3fU));
    add(0x80U | (code & 0x3fU));
  }
}

// Four hexadecimal digits at the front.
bool read_hex4(std::string_view text, std::uint32_t& code) {
  if (text.size() < 4) return false;
  const auto read = std::from_chars(text.data(), text.data() + 4, code, 16);
  return read.ec == std::errc() && read.ptr == text.data() + 4;
}

}  // namespace

JsonRewriter::JsonRewriter(std::string_view json, const std::vector<JsonPath>& paths, bool inside, JsonVisitor& visitor)
    : json_(json), with_paths_(!paths.empty()), states_(paths, inside), visitor_(visitor) {}

void JsonRewriter::emit(std::string_view octets) {
  if (!hidden()) out_->append(octets);
}

void JsonRewriter::blanks() {
  const std::size_t begin = at_;
  while (!at_end() && (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t')) ++at_;
  if (at_ != begin) emit(json_.substr(begin, at_ - begin));
}

void JsonRewriter::leave() {
  if (with_paths_) states_.leave();
}

JsonEnd JsonRewriter::run(std::string& out, std::uint64_t place) {
  out_ = &out;
  place_ = mixed(place, std::uint64_t{1});
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (json_.starts_with(byte_order_mark)) {
    emit(byte_order_mark);
    at_ = byte_order_mark.size();
  }
  const auto end_of = [](Step step) {
    if (step == Step::cut) return JsonEnd::cut;
    return step == Step::too_deep ? JsonEnd::too_deep : JsonEnd::malformed;
  };
  blanks();
  for (;;) {
    bool first = false;
    if (const Step step = value(first); step != Step::go_on) return end_of(step);
    for (bool closed = true; closed;) {
      if (levels_.empty()) {
        blanks();
        return at_end() ? JsonEnd::whole : JsonEnd::malformed;
      }
      if (const Step step = next_in_level(first, closed); step != Step::go_on) return end_of(step);
      first = false;
    }
  }
}

// A value begins here. `opened`: it is an object or array, and its first member or its end comes next.
JsonRewriter::Step JsonRewriter::value(bool& opened) {
  if (at_end()) return Step::cut;
  if (with_paths_ && !hidden()) {
    if (const std::size_t path = states_.ends_here(); path != JsonPathStates::none) {
      visitor_.on_hidden(path);
      emit("\"***\"");
      hidden_below_ = levels_.size();
    }
  }
  const char c = peek();
  if (c == '{' || c == '[') {
    if (levels_.size() == most_levels) return Step::too_deep;
    emit(json_.substr(at_++, 1));
    levels_.push_back({.object = c == '{', .index = 0, .place = place_, .member = member_});
    opened = true;
    return Step::go_on;
  }
  Step step = Step::malformed;
  std::string_view raw;
  if (c == '"') {
    step = string(ReadText::Kind::value, raw);
  } else if (c == '-' || decimal(c)) {
    step = number();
  } else if (c == 't') {
    step = literal("true");
  } else if (c == 'f') {
    step = literal("false");
  } else if (c == 'n') {
    step = literal("null");
  }
  if (hidden_below_ == levels_.size()) hidden_below_ = JsonPathStates::none;
  return step;
}

// Behind a value of this level, or at its beginning: on to the next value, or out of the level.
JsonRewriter::Step JsonRewriter::next_in_level(bool first, bool& closed) {
  blanks();
  if (at_end()) return Step::cut;
  Level& level = levels_.back();
  if (!first) leave();
  closed = peek() == (level.object ? '}' : ']');
  if (closed) {
    emit(json_.substr(at_++, 1));
    levels_.pop_back();
    if (hidden_below_ == levels_.size()) hidden_below_ = JsonPathStates::none;
    return Step::go_on;
  }
  if (!first) {
    if (peek() != ',') return Step::malformed;
    emit(json_.substr(at_++, 1));
    blanks();
  }
  if (at_end()) return Step::cut;
  if (level.object) return key();
  if (with_paths_) states_.enter_element(level.index);
  place_ = mixed(level.place, level.index++);
  member_ = level.member;
  return Step::go_on;
}

JsonRewriter::Step JsonRewriter::key() {
  if (peek() != '"') return Step::malformed;
  std::string_view raw;
  const Level& level = levels_.back();
  place_ = mixed(level.place, element_seed);  // of the key itself
  member_ = level.member;
  if (const Step step = string(ReadText::Kind::key, raw); step != Step::go_on) return step;
  const std::string_view name = escaped_ ? std::string_view(text_) : raw;
  if (with_paths_) states_.enter_member(name);
  place_ = mixed(mixed(level.place, std::uint64_t{0}), name);
  member_ = raw;
  blanks();
  if (at_end()) return Step::cut;
  if (peek() != ':') return Step::malformed;
  emit(json_.substr(at_++, 1));
  blanks();
  return Step::go_on;
}

// `raw`: what stands between the quotes.
JsonRewriter::Step JsonRewriter::string(ReadText::Kind kind, std::string_view& raw) {
  const std::size_t begin = at_;
  bool cut = false;
  if (!read_string(raw, cut)) return Step::malformed;
  if (!hidden()) {
    replacement_.clear();
    const std::string_view text = escaped_ ? std::string_view(text_) : raw;
    if (visitor_.on_text({.kind = kind, .text = text, .member = member_, .place = place_, .cut = cut}, replacement_)) {
      append_json_string(*out_, replacement_);
      if (cut) out_->pop_back();
    } else {
      emit(json_.substr(begin, at_ - begin));
    }
  }
  return cut ? Step::cut : Step::go_on;
}

// False: no string. Of one that is cut, an escape or a character that is not whole is left out.
bool JsonRewriter::read_string(std::string_view& raw, bool& cut) {
  const std::size_t begin = ++at_;
  std::size_t copied = begin;
  escaped_ = false;
  text_.clear();
  while (!at_end() && peek() != '"') {
    if (static_cast<unsigned char>(peek()) < 0x20U) return false;
    if (peek() != '\\') {
      ++at_;
      continue;
    }
    escaped_ = true;
    text_.append(json_.substr(copied, at_ - copied));
    const std::size_t escape = at_;
    bool partial = false;
    if (!read_escape(partial)) return false;
    if (partial) {
      raw = json_.substr(begin, escape - begin);
      at_ = json_.size();
      cut = true;
      return true;
    }
    copied = at_;
  }
  raw = json_.substr(begin, at_ - begin);
  if (escaped_) text_.append(json_.substr(copied, at_ - copied));
  cut = at_end();
  if (!cut) ++at_;
  return true;
}

bool JsonRewriter::read_escape(bool& cut) {
  const std::string_view rest = json_.substr(at_);
  cut = rest.size() < 2;
  if (cut) return true;
  constexpr std::string_view letters = "\"\\/bfnrt";
  constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
  if (const auto found = letters.find(rest[1]); found != std::string_view::npos) {
    text_ += meant[found];
    at_ += 2;
    return true;
  }
  if (rest[1] != 'u') return false;
  cut = rest.size() < 6;
  if (cut) return true;
  std::uint32_t code = 0;
  if (!read_hex4(rest.substr(2), code)) return false;
  at_ += 6;
  constexpr std::uint32_t replacement_character = 0xfffdU;
  if (code >= 0xd800U && code < 0xdc00U) {
    std::uint32_t low = 0;
    const bool pair =
        rest.substr(6).starts_with("\\u") && read_hex4(rest.substr(8), low) && low >= 0xdc00U && low < 0xe000U;
    if (pair) at_ += 6;
    code = pair ? 0x10000U + ((code - 0xd800U) << 10U) + (low - 0xdc00U) : replacement_character;
  } else if (code >= 0xdc00U && code < 0xe000U) {
    code = replacement_character;
  }
  append_utf8(text_, code);
  return true;
}

JsonRewriter::Step JsonRewriter::number() {
  const std::size_t begin = at_;
  const auto digits = [this] {
    const std::size_t from = at_;
    while (!at_end() && decimal(peek())) ++at_;
    return at_ != from;
  };
  if (peek() == '-') ++at_;
  const bool zero = !at_end() && peek() == '0';
  bool fine = zero ? (++at_, true) : digits();
  if (fine && !at_end() && peek() == '.') {
    ++at_;
    fine = digits();
  }
  if (fine && !at_end() && (peek() == 'e' || peek() == 'E')) {
    ++at_;
    if (!at_end() && (peek() == '+' || peek() == '-')) ++at_;
    fine = digits();
  }
  if (!fine && !at_end()) return Step::malformed;
  const bool cut = !fine || (at_end() && !levels_.empty());
  if (!hidden()) {
    const std::string_view text = json_.substr(begin, at_ - begin);
    replacement_.clear();
    if (visitor_.on_text({.kind = ReadText::Kind::number, .text = text, .member = member_, .place = place_, .cut = cut},
                         replacement_)) {
      append_json_string(*out_, replacement_);
    } else {
      emit(text);
    }
  }
  return cut ? Step::cut : Step::go_on;
}

JsonRewriter::Step JsonRewriter::literal(std::string_view word) {
  const std::string_view rest = json_.substr(at_, word.size());
  if (!word.starts_with(rest)) return Step::malformed;
  emit(rest);
  at_ += rest.size();
  return rest.size() == word.size() ? Step::go_on : Step::cut;
}

}  // namespace borehole::calls
