#include "export/python.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace borehole::exporting {

namespace {

using bedrock::JsonValue;

constexpr std::size_t line_width = 100;
constexpr std::size_t step = 4;

// The character at the front of UTF-8 text, which is shortened by it; what is no UTF-8 comes octet by octet.
std::uint32_t take_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length == 1 || length > text.size()) {
    text.remove_prefix(1);
    return first;
  }
  std::uint32_t code = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU);
  text.remove_prefix(length);
  return code;
}

// Control characters, and those that are unseen or turn the direction of writing: a reader must see what is there.
bool unseen(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x2069) || code == 0xfeff;
}

// Python's repr of a float.
std::string python_float(double value) {
  std::array<char, 512> digits{};
  const double size = std::fabs(value);
  const bool fixed = value == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  std::string text(digits.data(), end);
  if (fixed && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::optional<std::string> scalar(const JsonValue& value, std::string_view yes, std::string_view no,
                                  std::string_view none) {
  const auto& content = value.content();
  if (const auto* flag = std::get_if<bool>(&content)) return std::string(*flag ? yes : no);
  if (const auto* number = std::get_if<std::int64_t>(&content)) return std::to_string(*number);
  if (const auto* count = std::get_if<std::uint64_t>(&content)) return std::to_string(*count);
  if (const auto* real = std::get_if<double>(&content)) return python_float(*real);
  if (std::holds_alternative<std::nullptr_t>(content)) return std::string(none);
  return std::nullopt;
}

bool has_double_names(const JsonValue::Object& members) {
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (const auto& [name, value] : members) names.emplace_back(name);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

class Literal {
 public:
  Literal(IsBlob is_blob, std::string_view name) : is_blob_(is_blob), names_{name} {}

  // On one line as long as it fits in `room`; else over several. False: it cannot be written.
  bool write(std::string& out, const JsonValue& value, std::size_t indent) {
    const std::size_t before = out.size();
    const std::size_t room = line_width - std::min(line_width, indent);
    if (write_line(out, value, before + room)) return true;
    out.resize(before);
    const auto& content = value.content();
    if (const auto* members = std::get_if<JsonValue::Object>(&content)) {
      if (has_double_names(*members)) return false;
      out += "{\n";
      for (const auto& [name, member] : *members) {
        out += std::string(indent + step, ' ') + python_string(name) + ": ";
        names_.push_back(name);
        const bool written = write(out, member, indent + step);
        names_.pop_back();
        if (!written) return false;
        out += ",\n";
      }
      out += std::string(indent, ' ') + "}";
      return true;
    }
    if (const auto* items = std::get_if<JsonValue::List>(&content)) {
      out += "[\n";
      for (const JsonValue& item : *items) {
        out += std::string(indent + step, ' ');
        if (!write(out, item, indent + step)) return false;
        out += ",\n";
      }
      out += std::string(indent, ' ') + "]";
      return true;
    }
    return write_line(out, value, std::string::npos);
  }

 private:
  // False: longer than `end`, or it cannot be written.
  bool write_line(std::string& out, const JsonValue& value, std::size_t end) {
    const auto& content = value.content();
    if (const auto* members = std::get_if<JsonValue::Object>(&content)) {
      if (has_double_names(*members)) return false;
      std::string_view before = "{";
      for (const auto& [name, member] : *members) {
        out += std::exchange(before, ", ");
        out += python_string(name) + ": ";
        names_.push_back(name);
        const bool written = write_line(out, member, end);
        names_.pop_back();
        if (!written) return false;
      }
      out += members->empty() ? "{}" : "}";
    } else if (const auto* items = std::get_if<JsonValue::List>(&content)) {
      std::string_view before = "[";
      for (const JsonValue& item : *items) {
        out += std::exchange(before, ", ");
        if (!write_line(out, item, end)) return false;
      }
      out += items->empty() ? "[]" : "]";
    } else if (const auto* text = std::get_if<std::string>(&content)) {
      const bool blob = is_blob_ != nullptr && is_blob_(names_);
      if (text->size() > end) return false;
      out += blob ? fmt::format("base64.b64decode({})", python_string(*text)) : python_string(*text);
    } else {
      out += *scalar(value, "True", "False", "None");
    }
    return out.size() <= end;
  }

  IsBlob is_blob_;
  std::vector<std::string_view> names_;
};

void dump_string(std::string& out, std::string_view text, bool ascii) {
  out += '"';
  while (!text.empty()) {
    const std::string_view rest = text;
    const std::uint32_t code = take_character(text);
    switch (code) {
      case '"': out += "\\\""; continue;
      case '\\': out += "\\\\"; continue;
      case '\b': out += "\\b"; continue;
      case '\f': out += "\\f"; continue;
      case '\n': out += "\\n"; continue;
      case '\r': out += "\\r"; continue;
      case '\t': out += "\\t"; continue;
      default: break;
    }
    if (code >= 0x20 && (!ascii || code < 0x7f)) {
      out += rest.substr(0, rest.size() - text.size());
    } else if (code < 0x10000) {
      out += fmt::format("\\u{:04x}", code);
    } else {
      out +=
          fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((code - 0x10000) >> 10U), 0xdc00 + ((code - 0x10000) & 0x3ffU));
    }
  }
  out += '"';
}

void dump(std::string& out, const JsonValue& value, bool blanks, bool ascii) {
  const auto& content = value.content();
  if (const auto* members = std::get_if<JsonValue::Object>(&content)) {
    std::string_view before = "{";
    for (const auto& [name, member] : *members) {
      out += std::exchange(before, blanks ? ", " : ",");
      dump_string(out, name, ascii);
      out += blanks ? ": " : ":";
      dump(out, member, blanks, ascii);
    }
    out += members->empty() ? "{}" : "}";
  } else if (const auto* items = std::get_if<JsonValue::List>(&content)) {
    std::string_view before = "[";
    for (const JsonValue& item : *items) {
      out += std::exchange(before, blanks ? ", " : ",");
      dump(out, item, blanks, ascii);
    }
    out += items->empty() ? "[]" : "]";
  } else if (const auto* text = std::get_if<std::string>(&content)) {
    dump_string(out, *text, ascii);
  } else {
    out += *scalar(value, "true", "false", "null");
  }
}

}  // namespace

std::string python_string(std::string_view text) {
  std::string out = "'";
  while (!text.empty()) {
    const std::string_view rest = text;
    const std::uint32_t code = take_character(text);
    if (code == '\'' || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\t') {
      out += "\\t";
    } else if (unseen(code)) {
      out += code < 0x100 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
    } else {
      out += rest.substr(0, rest.size() - text.size());
    }
  }
  return out + "'";
}

std::string python_bytes(std::string_view octets) {
  std::string out = "b'";
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '\'' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20 || octet >= 0x7f) {
      out += fmt::format("\\x{:02x}", octet);
    } else {
      out += c;
    }
  }
  return out + "'";
}

bool python_name(std::string_view text) {
  static constexpr std::array<std::string_view, 35> keywords{
      "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
      "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
      "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
      "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); }) &&
         std::find(keywords.begin(), keywords.end(), text) == keywords.end();
}

std::optional<std::string> python_literal(const JsonValue& value, std::size_t indent, IsBlob is_blob,
                                          std::string_view name) {
  std::string out;
  if (!Literal(is_blob, name).write(out, value, indent)) return std::nullopt;
  return out;
}

std::optional<std::string> dumps_arguments(const JsonValue& value, std::string_view json) {
  for (const bool blanks : {true, false}) {
    for (const bool ascii : {true, false}) {
      std::string dumped;
      dump(dumped, value, blanks, ascii);
      if (dumped != json) continue;
      return std::string(ascii ? "" : ", ensure_ascii=False") + (blanks ? "" : ", separators=(',', ':')");
    }
  }
  return std::nullopt;
}

}  // namespace borehole::exporting
