// What of a record is hidden, as the configuration says: values by path, texts by pattern, bodies by model or router.
// Immutable; shared by all calls that began under it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_path.h"
#include "base/pattern.h"

namespace borehole::calls {

enum class BodyKeep : std::uint8_t { kept, hashed, off };

// The first that fits is the one that counts.
struct BodyRule {
  std::string model;   // `*` for any characters; empty: any model
  std::string router;  // its path; empty: any
  BodyKeep keep = BodyKeep::kept;
};

struct NamedPattern {
  std::string name;
  Pattern pattern;
};

struct RedactionRules {
  std::vector<JsonPath> paths;
  std::vector<NamedPattern> patterns;
  bool email = false, card = false, aws_key = false;
  BodyKeep keep = BodyKeep::kept;
  std::vector<BodyRule> bodies;
  // What one record may take; then what was not looked through is not kept.
  Duration most_time = std::chrono::seconds(2);

  bool hides_texts() const noexcept { return email || card || aws_key || !patterns.empty(); }
  bool hides() const noexcept { return hides_texts() || !paths.empty(); }
  bool nothing() const noexcept { return !hides() && keep == BodyKeep::kept && bodies.empty(); }
  BodyKeep keep_of(std::string_view model, std::string_view router) const;
};

}  // namespace borehole::calls
