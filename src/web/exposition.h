// Writes metrics in Prometheus' text format 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats/#text-based-format). Never decides what is measured.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "calls/statistics.h"

namespace borehole::web {

using Label = std::pair<std::string_view, std::string_view>;

// family(), then its samples; each family once.
class Exposition {
 public:
  enum class Type : std::uint8_t { counter, gauge, histogram };

  // `name` is whole: counters end in _total, units are base units (prometheus.io/docs/practices/naming).
  void family(std::string_view name, Type type, std::string_view help);
  void sample(std::initializer_list<Label> labels, std::uint64_t value);
  void sample(std::initializer_list<Label> labels, double value);
  void histogram(const Label& label, const calls::Histogram& histogram);

  // A family of one sample without labels.
  template <class Number>
  void single(std::string_view name, Type type, std::string_view help, Number value) {
    family(name, type, help);
    sample({}, value);
  }

  std::string take() { return std::move(text_); }

 private:
  void series(std::string_view suffix, std::initializer_list<Label> labels, std::string_view value);

  std::string text_, name_;
};

}  // namespace borehole::web
