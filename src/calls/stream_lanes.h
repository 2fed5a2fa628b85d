// Puts together the texts that stand in the same place of one event after the other, and finds what is spread over
// them. Never changes a text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "calls/redactor.h"

namespace borehole::calls {

// What to do with a part of one text.
struct LaneEdit {
  std::size_t text = 0;  // its number
  TextSpan span;
  bool mask = false;  // else it goes without trace: the mask stands where the finding begins
};

class StreamLanes {
 public:
  void begin_event(std::string_view name);
  // Of the event under way; texts are numbered from 0 as they come.
  void add(std::uint64_t place, std::string_view member, std::string_view text);
  // A number that tells apart what is made at the same time: the index of a block or a choice.
  void add_index(std::string_view member, std::string_view number);
  void end_event();

  // Edits in the order of texts and places, not overlapping. Counts what they hide.
  std::vector<LaneEdit> find(Redactor& redactor) const;

 private:
  struct Lane {
    std::string text, member;
    std::vector<std::size_t> texts;   // their numbers
    std::vector<std::size_t> begins;  // where each begins
    std::size_t first_narrow = 0;
    bool several = false;  // texts of several narrow lanes are in it
  };
  // By place alone, and by place and indices: one of them is as the texts belong together.
  struct Lanes {
    std::unordered_map<std::uint64_t, std::size_t> numbers;
    std::vector<Lane> lanes;
    Lane& at(std::uint64_t key);
  };
  struct Pending {
    std::uint64_t place = 0;
    std::string member, text;
  };
  static void append(Lane& lane, const Pending& pending, std::size_t number);
  static void divide(const Lane& lane, const TextSpan& span, std::vector<LaneEdit>& edits);
  static void put_in_order(std::vector<LaneEdit>& edits);

  Lanes wide_, narrow_;
  std::vector<Pending> pending_;
  std::uint64_t event_ = 0, indices_ = 0;
  std::size_t texts_ = 0;
};

}  // namespace borehole::calls
