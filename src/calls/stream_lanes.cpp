#include "calls/stream_lanes.h"

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

namespace borehole::calls {

namespace {

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>()(text); }
std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  a ^= b + 0x9e3779b97f4a7c15U + (a << 6U) + (a >> 2U);
  return a * 0xff51afd7ed558ccdU;
}

}  // namespace

StreamLanes::Lane& StreamLanes::Lanes::at(std::uint64_t key) {
  const auto [found, is_new] = numbers.emplace(key, lanes.size());
  if (is_new) lanes.emplace_back();
  return lanes[found->second];
}

void StreamLanes::begin_event(std::string_view name) {
  event_ = hash_of(name);
  indices_ = 0;
}

void StreamLanes::add(std::uint64_t place, std::string_view member, std::string_view text) {
  pending_.push_back({mixed(event_, place), std::string(member), std::string(text)});
}

void StreamLanes::add_index(std::string_view member, std::string_view number) {
  static constexpr std::array<std::string_view, 6> names{"contentBlockIndex", "index",        "output_index",
                                                         "content_index",     "choice_index", "summary_index"};
  if (std::find(names.begin(), names.end(), member) == names.end()) return;
  indices_ = mixed(indices_, mixed(hash_of(member), hash_of(number)));
}

void StreamLanes::append(Lane& lane, const Pending& pending, std::size_t number) {
  if (lane.texts.empty()) lane.member = pending.member;
  lane.texts.push_back(number);
  lane.begins.push_back(lane.text.size());
  lane.text += pending.text;
}

void StreamLanes::end_event() {
  for (const Pending& pending : pending_) {
    const std::uint64_t key = mixed(pending.place, indices_);
    append(narrow_.at(key), pending, texts_);
    Lane& wide = wide_.at(pending.place);
    const std::size_t narrow = narrow_.numbers.at(key);
    if (wide.texts.empty()) wide.first_narrow = narrow;
    wide.several = wide.several || wide.first_narrow != narrow;
    append(wide, pending, texts_);
    ++texts_;
  }
  pending_.clear();
}

// Appends an edit for each text that the span lies in; the first of them masks.
void StreamLanes::divide(const Lane& lane, const TextSpan& span, std::vector<LaneEdit>& edits) {
  bool mask = true;
  const auto first = std::upper_bound(lane.begins.begin(), lane.begins.end(), span.begin) - lane.begins.begin() - 1;
  for (auto i = static_cast<std::size_t>(first); i < lane.begins.size() && lane.begins[i] < span.end; ++i) {
    const std::size_t at = lane.begins[i];
    const std::size_t size = (i + 1 < lane.begins.size() ? lane.begins[i + 1] : lane.text.size()) - at;
    const std::size_t begin = span.begin > at ? span.begin - at : 0;
    if (begin >= size) continue;  // an empty text
    edits.push_back({lane.texts[i], {begin, std::min(size, span.end - at)}, mask});
    mask = false;
  }
}

void StreamLanes::put_in_order(std::vector<LaneEdit>& edits) {
  std::sort(edits.begin(), edits.end(), [](const LaneEdit& a, const LaneEdit& b) {
    return std::tie(a.text, a.span.begin) < std::tie(b.text, b.span.begin);
  });
  std::size_t kept = 0;
  for (const LaneEdit& edit : edits) {
    LaneEdit* const last = kept == 0 ? nullptr : &edits[kept - 1];
    if (last != nullptr && last->text == edit.text && edit.span.begin < last->span.end) {
      last->span.end = std::max(last->span.end, edit.span.end);
      last->mask = last->mask || edit.mask;
    } else {
      edits[kept++] = edit;
    }
  }
  edits.resize(kept);
}

std::vector<LaneEdit> StreamLanes::find(Redactor& redactor) const {
  std::vector<LaneEdit> edits;
  for (const Lane& lane : narrow_.lanes) {
    for (const Finding& finding : redactor.search().find(lane.text, lane.member)) {
      redactor.count(finding.rule);
      divide(lane, finding.span, edits);
    }
  }
  put_in_order(edits);
  std::vector<LaneEdit> more;
  for (const Lane& lane : wide_.lanes) {
    if (!lane.several) continue;
    for (const Finding& finding : redactor.search().find(lane.text, lane.member)) {
      const std::size_t before = more.size();
      divide(lane, finding.span, more);
      const bool known =
          std::all_of(more.begin() + static_cast<std::ptrdiff_t>(before), more.end(), [&](const auto& edit) {
            const auto at =
                std::upper_bound(edits.begin(), edits.end(), edit, [](const LaneEdit& a, const LaneEdit& b) {
                  return std::tie(a.text, a.span.begin) < std::tie(b.text, b.span.begin);
                });
            return at != edits.begin() && std::prev(at)->text == edit.text && std::prev(at)->span.end >= edit.span.end;
          });
      if (known) {
        more.resize(before);
      } else {
        redactor.count(finding.rule);
      }
    }
  }
  edits.insert(edits.end(), more.begin(), more.end());
  put_in_order(edits);
  return edits;
}

}  // namespace borehole::calls
