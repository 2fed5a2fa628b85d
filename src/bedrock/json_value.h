// A JSON text as a tree that owns what it holds, for commands that read at leisure; nothing on a call's way uses it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace borehole::bedrock {

class JsonValue {
 public:
  using List = std::vector<JsonValue>;
  using Object = std::vector<std::pair<std::string, JsonValue>>;  // in the order of the text
  using Content = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, List, Object>;

  // nullopt: no JSON, above 1 GiB, or deeper than 1024 levels.
  static std::optional<JsonValue> parse(std::string_view text);

  JsonValue() = default;
  explicit JsonValue(Content content) : content_(std::move(content)) {}

  // `path` is member names and indices joined with '/'; an empty one is the value itself. Null where there is nothing.
  const JsonValue* at(std::string_view path) const;
  // What is absent or of another type is empty.
  std::string_view text(std::string_view path) const;
  std::optional<std::uint64_t> count(std::string_view path) const;
  std::optional<double> number(std::string_view path) const;
  std::optional<bool> flag(std::string_view path) const;
  const List& list(std::string_view path) const;
  const Object& object(std::string_view path) const;

  const Content& content() const noexcept { return content_; }

 private:
  template <class T>
  const T* find(std::string_view path) const;
  Content content_;
};

}  // namespace borehole::bedrock
