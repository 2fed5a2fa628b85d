#include "app/readable_json.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace borehole::app {

namespace {

constexpr int max_depth = 100;

// The text of a JSON string literal (quotes included) with the escapes that stand inside JSON text undone. Control
// characters stay escaped, but for the blanks between the tokens of that text.
std::string unescaped(std::string_view literal) {
  std::string out;
  bool in_string = false;
  bool escaped = false;
  const auto put = [&](char c) {
    out += c;
    if (escaped) {
      escaped = false;
    } else if (c == '"') {
      in_string = !in_string;
    } else {
      escaped = in_string && c == '\\';
    }
  };
  for (std::size_t i = 1; i + 1 < literal.size(); ++i) {
    if (literal[i] != '\\' || i + 2 >= literal.size()) {
      put(literal[i]);
      continue;
    }
    const char next = literal[++i];
    if (next == '"' || next == '\\' || next == '/') {
      put(next);
    } else if (!in_string && (next == 'n' || next == 'r' || next == 't')) {
      put(next == 'n' ? '\n' : ' ');
    } else {
      put('\\');
      put(next);
    }
  }
  return out;
}

class Layout {
 public:
  explicit Layout(std::string_view json) : json_(json) {}

  // One value. Whether anything is left behind it.
  bool run(int depth) {
    value(depth, {});
    skip_blank();
    return at_ < json_.size();
  }

  // What is left, a value a line: no JSON, but nothing is kept back.
  void run_on() {
    do {
      line(0);
    } while (run(0));
  }

  const std::string& text() const noexcept { return out_; }

 private:
  void skip_blank() {
    while (at_ < json_.size() && (json_[at_] == ' ' || json_[at_] == '\n' || json_[at_] == '\r' || json_[at_] == '\t'))
      ++at_;
  }

  std::string_view literal() {
    const std::size_t begin = at_;
    for (++at_; at_ < json_.size() && json_[at_] != '"'; ++at_) {
      if (json_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_ + 1, json_.size());
    return json_.substr(begin, at_ - begin);
  }

  void line(int depth) {
    out_ += '\n';
    out_.append(static_cast<std::size_t>(depth) * 2, ' ');
  }

  void value(int depth, std::string_view key) {
    skip_blank();
    if (at_ >= json_.size()) return;
    const char c = json_[at_];
    if ((c == '{' || c == '[') && depth < max_depth) return group(depth, c == '{' ? '}' : ']');
    if (c == '"') {
      const std::string_view text = literal();
      if (key == "\"body\"" && text.size() > 2 && (text[1] == '{' || text[1] == '[')) {
        const std::string inner = unescaped(text);
        Layout layout(inner);
        if (!layout.run(depth)) {
          out_ += layout.text();
          return;
        }
      }
      out_ += text;
      return;
    }
    const std::size_t begin = at_;
    while (at_ < json_.size() && json_[at_] != ',' && json_[at_] != '}' && json_[at_] != ']' && json_[at_] != '\n')
      ++at_;
    if (at_ == begin) ++at_;  // no JSON: an octet is passed on, so that this ends
    out_ += json_.substr(begin, at_ - begin);
  }

  // Name and value pairs of headers stay on one line.
  bool short_list(std::size_t* end) const {
    std::size_t i = at_ + 1;
    int strings = 0;
    while (i < json_.size() && i < at_ + 400 && json_[i] != ']') {
      if (json_[i] == '{' || json_[i] == '[') return false;
      if (json_[i] == '"') {
        ++strings;
        for (++i; i < json_.size() && json_[i] != '"'; ++i) {
          if (json_[i] == '\\') ++i;
        }
      }
      ++i;
    }
    *end = i;
    return i < json_.size() && json_[i] == ']' && strings <= 2;
  }

  void group(int depth, char close) {
    std::size_t end = 0;
    if (close == ']' && short_list(&end)) {
      out_ += json_.substr(at_, end + 1 - at_);
      at_ = end + 1;
      return;
    }
    out_ += json_[at_++];
    bool any = false;
    while (true) {
      skip_blank();
      if (at_ >= json_.size()) return;
      if (json_[at_] == close) {
        ++at_;
        if (any) line(depth);
        out_ += close;
        return;
      }
      if (json_[at_] == ',') {
        out_ += ',';
        ++at_;
        continue;
      }
      any = true;
      line(depth + 1);
      std::string_view key;
      if (close == '}' && json_[at_] == '"') {
        key = literal();
        out_ += key;
        skip_blank();
        if (at_ < json_.size() && json_[at_] == ':') {
          out_ += ": ";
          ++at_;
        }
      }
      value(depth + 1, key);
    }
  }

  std::string_view json_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string readable(std::string_view json) {
  Layout layout(json);
  if (layout.run(0)) layout.run_on();
  return layout.text() + "\n";
}

}  // namespace borehole::app
