#include "base/json_path.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace borehole {

namespace {

constexpr std::string_view known = "there are $, .name, ['name'], [0], .*, [*] and the same behind ..";

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80U;
}
bool continues_name(char c) { return begins_name(c) || (c >= '0' && c <= '9'); }

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80U) {
    out += static_cast<char>(code);
  } else if (code < 0x800U) {
    out += static_cast<char>(0xc0U | code >> 6U);
    out += static_cast<char>(0x80U | (code & 0x3fU));
  } else {
    out += static_cast<char>(0xe0U | code >> 12U);
    out += static_cast<char>(0x80U | (code >> 6U & 0x3fU));
    out += static_cast<char>(0x80U | (code & 0x3fU));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<JsonPath, std::string> run() {
    JsonPath path;
    path.text = text_;
    if (!take('$')) return unexpected("must begin with $, the whole document: " + std::string(known));
    while (at_ < text_.size()) {
      JsonPath::Step step;
      if (const auto wrong = read_step(step)) return unexpected(*wrong);
      path.steps.push_back(std::move(step));
      if (path.steps.size() > JsonPath::most_steps)
        return unexpected(std::string("has more than 63 steps: shorten it"));
    }
    return path;
  }

 private:
  using Wrong = std::optional<std::string>;  // nullopt: right

  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  Wrong unknown() const {
    return "has something at character " + std::to_string(at_ + 1) + " that is not known here: " + std::string(known);
  }

  Wrong read_step(JsonPath::Step& step) {
    if (take('.')) {
      step.descends = take('.');
      if (!step.descends || (at_ < text_.size() && text_[at_] != '[')) return read_shorthand(step);
    }
    return take('[') ? read_bracket(step) : unknown();
  }

  Wrong read_shorthand(JsonPath::Step& step) {
    if (take('*')) return std::nullopt;
    const std::size_t begin = at_;
    if (at_ < text_.size() && begins_name(text_[at_])) {
      while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    }
    if (at_ == begin) return unknown();
    if (at_ < text_.size() && text_[at_] == '-') return std::string("has a name with '-': write ['a-name'] for it");
    step.kind = JsonPath::Step::Kind::name;
    step.name = text_.substr(begin, at_ - begin);
    return std::nullopt;
  }

  Wrong read_bracket(JsonPath::Step& step) {
    blanks();
    if (at_ >= text_.size()) return unknown();
    if (take('*')) {
      step.kind = JsonPath::Step::Kind::any;
    } else if (text_[at_] == '\'' || text_[at_] == '"') {
      step.kind = JsonPath::Step::Kind::name;
      if (auto wrong = read_quoted(step.name)) return wrong;
    } else {
      step.kind = JsonPath::Step::Kind::index;
      const char* const begin = text_.data() + at_;
      const auto read = std::from_chars(begin, text_.data() + text_.size(), step.index);
      if (read.ec != std::errc()) return unknown();
      at_ += static_cast<std::size_t>(read.ptr - begin);
    }
    blanks();
    return take(']') ? Wrong() : unknown();
  }

  Wrong read_quoted(std::string& name) {
    const char quote = text_[at_++];
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == quote) return std::nullopt;
      if (c != '\\') {
        name += c;
        continue;
      }
      if (at_ >= text_.size()) break;
      static constexpr std::array<std::pair<char, char>, 5> short_escapes{
          {{'b', '\b'}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}}};
      const char escaped = text_[at_++];
      bool taken = escaped == quote || escaped == '\\' || escaped == '/';
      if (taken) name += escaped;
      for (const auto& [letter, meant] : short_escapes) {
        if (escaped != letter) continue;
        name += meant;
        taken = true;
      }
      if (escaped == 'u' && at_ + 4 <= text_.size()) {
        unsigned code = 0;
        const auto read = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, code, 16);
        taken = read.ptr == text_.data() + at_ + 4 && (code < 0xd800U || code >= 0xe000U);
        if (taken) append_utf8(name, code);
        at_ += 4;
      }
      if (!taken) return std::string("has an escape that is not known: write the character itself");
    }
    return std::string("has a name without its closing quote: add it");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<JsonPath, std::string> JsonPath::parse(std::string_view text) { return Parser(text).run(); }

JsonPathStates::JsonPathStates(const std::vector<JsonPath>& paths, bool below_only) : paths_(&paths) {
  states_.reserve(paths.size() * 16);
  for (const JsonPath& path : paths) {
    const bool counts = !below_only || (!path.steps.empty() && path.steps.front().descends);
    states_.push_back(counts ? 1U : 0U);
  }
}

template <class Matches>
void JsonPathStates::enter(Matches&& matches) {
  const std::size_t count = paths_->size();
  const std::size_t before = states_.size() - count;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& steps = (*paths_)[i].steps;
    const std::uint64_t state = states_[before + i];
    std::uint64_t next = 0;
    for (std::size_t taken = 0; state >> taken != 0 && taken < steps.size(); ++taken) {
      if ((state >> taken & 1U) == 0) continue;
      if (steps[taken].descends) next |= std::uint64_t{1} << taken;
      if (matches(steps[taken])) next |= std::uint64_t{2} << taken;
    }
    states_.push_back(next);
  }
}

void JsonPathStates::enter_member(std::string_view name) {
  enter([name](const JsonPath::Step& step) {
    return step.kind == JsonPath::Step::Kind::any || (step.kind == JsonPath::Step::Kind::name && step.name == name);
  });
}

void JsonPathStates::enter_element(std::uint64_t index) {
  enter([index](const JsonPath::Step& step) {
    return step.kind == JsonPath::Step::Kind::any || (step.kind == JsonPath::Step::Kind::index && step.index == index);
  });
}

void JsonPathStates::leave() noexcept { states_.resize(states_.size() - paths_->size()); }

std::size_t JsonPathStates::ends_here() const noexcept {
  const std::size_t count = paths_->size();
  for (std::size_t i = 0; i < count; ++i) {
    if ((states_[states_.size() - count + i] >> (*paths_)[i].steps.size() & 1U) != 0) return i;
  }
  return none;
}

}  // namespace borehole
