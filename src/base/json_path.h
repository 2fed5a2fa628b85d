// Which values of a JSON document are meant: the part of RFC 9535 that can be followed while a document is read once.
// Never holds a document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace borehole {

struct JsonPath {
  struct Step {
    enum class Kind : std::uint8_t { name, index, any };
    Kind kind = Kind::any;
    bool descends = false;  // `..`: at any depth below
    std::string name;
    std::uint64_t index = 0;
    friend bool operator==(const Step&, const Step&) = default;
  };
  static constexpr std::size_t most_steps = 63;

  std::string text;  // as written
  std::vector<Step> steps;

  // `$`, `.name`, `['name']`, `[0]`, `.*`, `[*]`, and each of them behind `..`. Filters, slices, lists of selectors and
  // indices from the end are errors that say what there is; the error completes "KEY ('PATH') …".
  static Result<JsonPath, std::string> parse(std::string_view text);

  friend bool operator==(const JsonPath&, const JsonPath&) = default;
};

// Where several paths stand while a document is walked: for each, a bit for every number of steps that were taken.
class JsonPathStates {
 public:
  // `paths` must outlive it. With `below_only`, those alone whose first step is `..`: for documents inside of others.
  JsonPathStates(const std::vector<JsonPath>& paths, bool below_only);

  // At the root is where it begins. One level down, to a member or an element; and back.
  void enter_member(std::string_view name);
  void enter_element(std::uint64_t index);
  void leave() noexcept;

  // The first path that ends here; `none` where none does.
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t ends_here() const noexcept;

 private:
  template <class Matches>
  void enter(Matches&& matches);

  const std::vector<JsonPath>* paths_;
  std::vector<std::uint64_t> states_;  // a row of paths_->size() for each level
};

}  // namespace borehole
