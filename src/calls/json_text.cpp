#include "calls/json_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "base/octet_lanes.h"
#include "calls/utf8.h"

namespace borehole::calls {

namespace {

unsigned octet(char c) noexcept { return static_cast<unsigned char>(c); }

// Which octets of the lane are no ASCII that JSON text here holds as it is: controls, DEL, quote, backslash, and all
// that are no ASCII, which as signed numbers are below the blank as controls are.
auto unusual(Lane lane) noexcept {
  using Signed = signed char __attribute__((vector_size(16)));
  return (reinterpret_cast<Signed>(lane) < 0x20) | (lane == '"') | (lane == '\\') | (lane == 0x7F);
}

// Which octets of valid UTF-8 it cannot hold as they are: controls, DEL, quote, backslash, and C2, which the second
// range of controls begins with.
auto special(Lane lane) noexcept {
  return (lane < 0x20) | (lane == '"') | (lane == '\\') | (lane == 0x7F) | (lane == 0xC2);
}

template <class Word>
std::uint64_t read_word(const char* text) noexcept {
  Word word = 0;
  std::memcpy(&word, text, sizeof word);
  return word;
}

// The first `size` octets, at least one and at most a lane; plain behind them. Where the machine begins numbers with
// their least octet, by two reads that may overlap, of sizes that the compiler knows.
[[gnu::always_inline]] inline Lane read_lane(const char* text, std::size_t size) noexcept {
  Lane lane;
  if (size == lane_size || std::endian::native != std::endian::little) {
    std::memset(&lane, ' ', sizeof lane);
    std::memcpy(&lane, text, size);
    return lane;
  }
  constexpr std::uint64_t plain = 0x2020202020202020U;
  std::array<std::uint64_t, 2> halves{0, plain};
  const std::size_t most = std::min<std::size_t>(size, 8);
  if (most == 8) {
    halves[0] = read_word<std::uint64_t>(text);
  } else if (most >= 4) {
    halves[0] = read_word<std::uint32_t>(text) | read_word<std::uint32_t>(text + most - 4) << (8 * (most - 4));
  } else if (most >= 2) {
    halves[0] = read_word<std::uint16_t>(text) | read_word<std::uint16_t>(text + most - 2) << (8 * (most - 2));
  } else {
    halves[0] = read_word<std::uint8_t>(text);
  }
  if (most < 8) halves[0] |= plain << (8 * most);
  if (size > 8) halves[1] = read_word<std::uint64_t>(text + size - 8) >> (8 * (16 - size)) | plain << (8 * (size - 8));
  std::memcpy(&lane, halves.data(), sizeof lane);
  return lane;
}

// Of a control, quote, backslash or DEL; gives where it ends.
char* write_escaped(char* to, char c) noexcept {
  const auto pair = [to](char letter) {
    to[0] = '\\';
    to[1] = letter;
    return to + 2;
  };
  switch (c) {
    case '"':
    case '\\': return pair(c);
    case '\n': return pair('n');
    case '\r': return pair('r');
    case '\t': return pair('t');
    default: break;
  }
  static constexpr char digits[] = "0123456789abcdef";
  std::copy_n("\\u00", 4, to);
  to[4] = digits[octet(c) >> 4U];
  to[5] = digits[octet(c) & 15U];
  return to + 6;
}

// Octets of text whose JSON has room made for it at once: an octet gives at most six, and a lane more may be written.
constexpr std::size_t piece_size = 1024;
constexpr std::size_t calm_size = 4 * lane_size;
constexpr std::size_t most_plain = 8 * lane_size;
constexpr std::size_t room_for(std::size_t octets) noexcept { return octets * 6 + lane_size; }

}  // namespace

void JsonText::grow(std::size_t octets) {
  const std::size_t used = size();
  const std::size_t wanted = std::max(used + octets + 1024, 2 * static_cast<std::size_t>(end_ - begin_));
  std::unique_ptr<char[]> larger(new char[wanted]);  // NOLINT: as the member
  std::memcpy(larger.get(), begin_, used);
  larger_ = std::move(larger);
  begin_ = larger_.get();
  to_ = begin_ + used;
  end_ = begin_ + wanted;
}

// Most texts are short, and stand in JSON as they are. Writes such a one; else nothing, and gives false.
bool JsonText::plain(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > most_plain) return false;
  make_room(text.size() + lane_size);
  const auto write = [this](std::size_t at, const Lane& lane) {
    std::memcpy(to_ + at, &lane, lane_size);
    return first_of(unusual(lane)) == lane_size;
  };
  if (text.size() < lane_size) {
    if (!write(0, read_lane(text.data(), text.size()))) return false;
  } else {
    const std::size_t last = text.size() - lane_size;
    for (std::size_t at = 0; at < last; at += lane_size) {
      if (!write(at, read_lane(text.data() + at, lane_size))) return false;
    }
    if (!write(last, read_lane(text.data() + last, lane_size))) return false;
  }
  to_ += text.size();
  return true;
}

// Writes as far as the text is ASCII; gives how far that is.
std::size_t JsonText::ascii(std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const std::string_view piece = text.substr(done, piece_size);
    make_room(room_for(piece.size()));
    char* to = to_;
    const char* at = piece.data();
    const char* const end = at + piece.size();
    bool calm = piece.size() >= calm_size;  // the last lane was usual, so that the next ones may be
    while (at != end) {
      for (; calm && static_cast<std::size_t>(end - at) >= calm_size; at += calm_size, to += calm_size) {
        std::array<Lane, calm_size / lane_size> lanes;  // NOLINT: written before it is read
        std::memcpy(lanes.data(), at, sizeof lanes);
        calm = first_of(unusual(lanes[0]) | unusual(lanes[1]) | unusual(lanes[2]) | unusual(lanes[3])) == lane_size;
        if (!calm) break;
        std::memcpy(to, lanes.data(), sizeof lanes);
      }
      if (at == end) break;
      const auto size = std::min(static_cast<std::size_t>(end - at), lane_size);
      const Lane lane = read_lane(at, size);
      std::memcpy(to, &lane, lane_size);
      const std::size_t plain = first_of(unusual(lane));
      calm = plain == lane_size;
      if (plain >= size) {
        at += size;
        to += size;
        continue;
      }
      at += plain;
      to += plain;
      if (octet(*at) >= 0x80U) break;
      to = write_escaped(to, *at++);
    }
    to_ = to;
    done += static_cast<std::size_t>(at - piece.data());
    if (at != end) break;
  }
  return done;
}

// The rest of a text, valid UTF-8.
void JsonText::valid(std::string_view text) {
  while (!text.empty()) {
    std::string_view piece = text.substr(0, piece_size);
    if (piece.size() > 1 && octet(piece.back()) == 0xC2U) piece.remove_suffix(1);  // what follows belongs to it
    text.remove_prefix(piece.size());
    make_room(room_for(piece.size()));
    char* to = to_;
    while (!piece.empty()) {
      const std::size_t size = std::min(piece.size(), lane_size);
      const Lane lane = read_lane(piece.data(), size);
      std::memcpy(to, &lane, lane_size);
      const std::size_t plain = std::min(first_of(special(lane)), size);
      to += plain;
      piece.remove_prefix(plain);
      if (plain == size) continue;
      if (octet(piece[0]) != 0xC2U) {
        to = write_escaped(to, piece[0]);
        piece.remove_prefix(1);
      } else if (piece.size() > 1 && octet(piece[1]) < 0xA0U) {
        to = write_escaped(to, piece[1]);
        piece.remove_prefix(2);
      } else {
        *to++ = piece[0];
        piece.remove_prefix(1);
      }
    }
    to_ = to;
  }
}

void JsonText::valid_string(std::string_view text) {
  put('"');
  if (!plain(text)) valid(text.substr(ascii(text)));
  put('"');
}

void JsonText::string(std::string_view text) {
  put('"');
  if (!plain(text)) {
    if (const std::string_view rest = text.substr(ascii(text)); !rest.empty()) {
      is_utf8(rest) ? valid(rest) : valid(with_replacements(rest));
    }
  }
  put('"');
}

}  // namespace borehole::calls
