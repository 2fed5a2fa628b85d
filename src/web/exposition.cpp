#include "web/exposition.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "base/bytes.h"

namespace borehole::web {

namespace {

void append_escaped(std::string& out, Bytes text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);  // the shortest that reads back the same
}

std::string_view type_name(Exposition::Type type) noexcept {
  switch (type) {
    case Exposition::Type::counter: return "counter";
    case Exposition::Type::gauge: return "gauge";
    case Exposition::Type::histogram: return "histogram";
  }
  return "untyped";
}

}  // namespace

void Exposition::family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {} ", name);
  append_escaped(text_, help, false);
  text_ += fmt::format("\n# TYPE {} {}\n", name, type_name(type));
}

void Exposition::series(std::string_view suffix, std::initializer_list<Label> labels, std::string_view value) {
  text_ += name_;
  text_ += suffix;
  char before = '{';
  for (const auto& [name, text] : labels) {
    text_ += before;
    text_ += name;
    text_ += "=\"";
    append_escaped(text_, text, true);
    text_ += '"';
    before = ',';
  }
  if (before == ',') text_ += '}';
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void Exposition::sample(std::initializer_list<Label> labels, std::uint64_t value) {
  series("", labels, std::to_string(value));
}

void Exposition::sample(std::initializer_list<Label> labels, double value) { series("", labels, number(value)); }

void Exposition::histogram(const Label& label, const calls::Histogram& histogram) {
  constexpr auto& bounds = calls::Histogram::bounds;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    series("_bucket", {label, {"le", number(bounds[i])}}, std::to_string(histogram.at_most(i)));
  }
  const std::string all = std::to_string(histogram.at_most(bounds.size()));
  series("_bucket", {label, {"le", "+Inf"}}, all);
  series("_sum", {label}, number(histogram.sum()));
  series("_count", {label}, all);
}

}  // namespace borehole::web
