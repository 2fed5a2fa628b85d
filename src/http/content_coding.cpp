#include "http/content_coding.h"

#include <algorithm>
#include <new>
#include <utility>

#include "http/coding_layers.h"

namespace borehole::http {

namespace {

constexpr std::size_t longest_name = 32;

std::optional<Coding> coding_of(std::string_view name) noexcept {
  if (name == "gzip" || name == "x-gzip") return Coding::gzip;
  if (name == "deflate") return Coding::deflate;
  if (name == "br") return Coding::br;
  if (name == "zstd") return Coding::zstd;
  return std::nullopt;
}

std::string lower_token(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  std::string out(text.substr(first, text.find_last_not_of(blanks) - first + 1));
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

void ContentCodings::add(std::string_view value) {
  for (;;) {
    const auto comma = value.find(',');
    const std::string name = lower_token(value.substr(0, comma));
    if (!name.empty() && name != "identity") {
      const auto coding = coding_of(name);
      if (!usable || !coding || codings.size() == most) {
        usable = false;
      } else {
        codings.push_back(*coding);
      }
      if (names.size() < most * longest_name) {
        if (!names.empty()) names += ", ";
        names += name.substr(0, longest_name);
      }
    }
    if (comma == std::string_view::npos) return;
    value.remove_prefix(comma + 1);
  }
}

std::string_view coding_fault_name(CodingFault fault) noexcept {
  switch (fault) {
    case CodingFault::unknown: return "unknown";
    case CodingFault::corrupt: return "corrupt";
    case CodingFault::cut: return "cut";
    case CodingFault::trailing: return "trailing";
    case CodingFault::window: return "window";
    case CodingFault::ratio: return "ratio";
    case CodingFault::too_large: return "too_large";
    case CodingFault::no_memory: return "no_memory";
  }
  return "corrupt";
}

ContentDecoder::ContentDecoder(std::span<const Coding> codings, const DecodingLimits& limits, Take take) noexcept
    : limits_(limits), take_(std::move(take)) {
  try {
    // The last that was applied is the first to be undone.
    for (auto coding = codings.rbegin(); coding != codings.rend(); ++coding) {
      layers_.push_back(make_coding_layer(*coding));
    }
  } catch (const std::bad_alloc&) {
    fault_ = CodingFault::no_memory;
  }
}

ContentDecoder::~ContentDecoder() = default;

void ContentDecoder::feed(Bytes octets) noexcept {
  try {
    if (wants_more()) push(0, octets);
  } catch (...) {
    fault_ = CodingFault::no_memory;
  }
}

void ContentDecoder::finish() noexcept {
  if (!wants_more()) return;
  for (const auto& layer : layers_) {
    if (layer->whole()) continue;
    fault_ = layer->loose_end() ? CodingFault::trailing : CodingFault::cut;
    return;
  }
}

void ContentDecoder::push(std::size_t layer, Bytes octets) {
  if (layer == layers_.size()) {
    enough_ = !octets.empty() && !take_(octets);
    return;
  }
  Layer& here = *layers_[layer];
  while (wants_more()) {
    const std::size_t before = octets.size();
    std::size_t written = 0;
    const Layer::Step did = here.step(octets, written);
    if (layer == 0) taken_in_ += before - octets.size();
    const std::uint64_t allowed = limits_.octets - here.given;
    here.given += std::min<std::uint64_t>(written, allowed);
    if (here.given > limits_.free && here.given / limits_.ratio > taken_in_) {
      fault_ = CodingFault::ratio;
      return;
    }
    if (written != 0) push(layer + 1, here.room(std::min<std::uint64_t>(written, allowed)));
    if (written > allowed && wants_more()) fault_ = CodingFault::too_large;
    if (!wants_more()) return;
    switch (did) {
      case Layer::Step::more: return;
      case Layer::Step::room: break;
      case Layer::Step::ended:
        if (!octets.empty() || here.loose_end()) fault_ = CodingFault::trailing;
        return;
      case Layer::Step::corrupt: fault_ = CodingFault::corrupt; return;
      case Layer::Step::window: fault_ = CodingFault::window; return;
      case Layer::Step::no_memory: fault_ = CodingFault::no_memory; return;
    }
  }
}

}  // namespace borehole::http
