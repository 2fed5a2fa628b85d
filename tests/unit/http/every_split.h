// Asserts that a stream reads the same whole, at every split point and octet by octet, also with empty feeds between.
#pragma once

#include "catch.h"
#include "feed_all.h"

namespace borehole::http::test {

// The transcript of the whole stream in one feed, after all other ways were found to give the same.
inline Transcript read_every_split(const Stream& stream) {
  const Transcript whole = feed_all(stream, {});
  const std::string expected = whole.text();
  INFO(expected);
  CHECK(whole.broken.empty());
  for (std::size_t cut = 0; cut <= stream.octets.size(); ++cut) {
    const std::string split = feed_all(stream, {cut}).text();
    if (split != expected) {
      CAPTURE(cut);
      CHECK(split == expected);
      break;
    }
  }
  CHECK(feed_all(stream, every_octet(stream.octets.size())).text() == expected);
  std::vector<std::size_t> doubled;
  for (const std::size_t cut : every_octet(stream.octets.size())) doubled.insert(doubled.end(), {cut, cut});
  CHECK(feed_all(stream, doubled).text() == expected);
  return whole;
}

inline Transcript read_requests(std::string octets, bool ends = false) {
  return read_every_split({Role::request, std::move(octets), ends, {}, {}});
}

inline Transcript read_responses(std::string octets, std::vector<std::string> methods = {}, bool ends = false) {
  return read_every_split({Role::response, std::move(octets), ends, std::move(methods), {}});
}

}  // namespace borehole::http::test
