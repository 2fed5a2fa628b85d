// Walks a JSON text once, hands every text in it to a visitor and writes it again with what the visitor changed; all
// else is copied octet for octet. Also reads texts that are cut, which is why it is no parser's tree. Never recurses,
// never goes deeper than its bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_path.h"

namespace borehole::calls {

enum class JsonEnd : std::uint8_t {
  whole,
  cut,        // the text ends inside: what stands before was rewritten
  malformed,  // no JSON (RFC 8259): what was written is worth nothing
  too_deep,
};

struct ReadText {
  enum class Kind : std::uint8_t { value, key, number };
  Kind kind = Kind::value;
  std::string_view text;    // of strings without quotes and escapes; a lone surrogate is U+FFFD
  std::string_view member;  // name, as written, of the nearest member that it stands in; empty: none
  std::uint64_t place = 0;  // the same for texts in the same place of documents of the same shape
  bool cut = false;         // the document ends in it
};

class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  // True: `replacement` goes there, as a string whatever it was.
  virtual bool on_text(const ReadText& text, std::string& replacement) = 0;
  // The value at this path is hidden, with all that is in it; its texts are not handed on.
  virtual void on_hidden(std::size_t path) = 0;
};

class JsonRewriter {
 public:
  static constexpr std::size_t most_levels = 1024;
  static constexpr std::string_view mask = "***";

  // `paths`: what is hidden, whole values. Of documents that stand inside of others, only what begins with `..` counts.
  JsonRewriter(std::string_view json, const std::vector<JsonPath>& paths, bool inside, JsonVisitor& visitor);
  // Appends to `out`. `place`: where the document itself stands.
  JsonEnd run(std::string& out, std::uint64_t place = 0);

 private:
  struct Level {
    bool object = false;
    std::uint64_t index = 0;  // of the element
    std::uint64_t place = 0;
    std::string_view member;  // that it stands in
  };
  enum class Step : std::uint8_t { go_on, cut, malformed, too_deep };

  Step value(bool& opened);
  Step next_in_level(bool first, bool& closed);
  Step key();
  Step string(ReadText::Kind kind, std::string_view& raw);
  Step number();
  Step literal(std::string_view word);
  bool read_string(std::string_view& raw, bool& cut);
  bool read_escape(bool& cut);
  void blanks();
  void emit(std::string_view octets);
  bool at_end() const { return at_ >= json_.size(); }
  char peek() const { return json_[at_]; }
  bool hidden() const { return hidden_below_ != JsonPathStates::none; }
  void leave();

  std::string_view json_;
  bool with_paths_;
  JsonPathStates states_;
  JsonVisitor& visitor_;
  std::string* out_ = nullptr;
  std::size_t at_ = 0;
  std::vector<Level> levels_;
  std::uint64_t place_ = 0;                          // of the value that comes
  std::string_view member_;                          // that it stands in
  std::size_t hidden_below_ = JsonPathStates::none;  // levels there were where a hidden value began
  std::string text_;                                 // of the string that was read, where it has escapes
  bool escaped_ = false;
  std::string replacement_;
};

}  // namespace borehole::calls
