#include "calls/stream_timing.h"

#include <string>

#include "calls/stream_end.h"
#include "catch.h"

namespace borehole::calls {

using std::chrono::milliseconds;

TEST_CASE("gaps are between arrivals that brought tokens", "[stream_timing]") {
  StreamMarks marks;
  marks.add(10, milliseconds(5));    // one event of no token
  marks.add(30, milliseconds(20));   // tokens: 20, 30
  marks.add(35, milliseconds(25));   // half an event
  marks.add(40, milliseconds(60));   // token: 40
  marks.add(70, milliseconds(120));  // tokens: 50, 60, 70
  const std::vector<std::uint64_t> ends{20, 30, 40, 50, 60, 70};
  const TokenTimes times = token_times(marks.marks(), ends);
  CHECK(times.first == 20.0);
  CHECK(times.gap_max == 60.0);  // from 60 to 120
  CHECK(times.gap_p50 == 20.0);  // 40, and three that share 60
  CHECK(times.gap_p95 == 40.0);
  CHECK(times.last == 120.0);
}

TEST_CASE("of a hundred gaps the p95 is the ninety-fifth", "[stream_timing]") {
  StreamMarks marks;
  std::vector<std::uint64_t> ends;
  Duration at{};
  for (std::uint64_t i = 0; i <= 100; ++i) {  // gaps of 1 to 100 ms, the long ones first
    if (i != 0) at += milliseconds(101 - static_cast<int>(i));
    marks.add(i + 1, at);
    ends.push_back(i + 1);
  }
  const TokenTimes times = token_times(marks.marks(), ends);
  CHECK(times.gap_p50 == 50.0);
  CHECK(times.gap_p95 == 95.0);
  CHECK(times.gap_max == 100.0);
}

TEST_CASE("no gap is longer than the longest, however marks were merged", "[stream_timing]") {
  StreamMarks marks;
  std::vector<std::uint64_t> ends;
  for (std::uint64_t i = 1; i <= 50'000; ++i) {  // a token every hundredth arrival
    marks.add(i, milliseconds(i * 3));
    if (i % 100 == 0) ends.push_back(i);
  }
  const TokenTimes times = token_times(marks.marks(), ends);
  CHECK(times.gap_p50 <= times.gap_p95);
  CHECK(times.gap_p95 <= times.gap_max);
}

TEST_CASE("without tokens there are no times, and one arrival has no gap", "[stream_timing]") {
  StreamMarks marks;
  marks.add(10, milliseconds(5));
  CHECK_FALSE(token_times(marks.marks(), {}).first);
  const std::vector<std::uint64_t> ends{4, 8};
  const TokenTimes times = token_times(marks.marks(), ends);
  CHECK(times.first == 5.0);
  CHECK_FALSE(times.gap_p50);
  CHECK_FALSE(times.gap_max);
  CHECK_FALSE(token_times({}, ends).first);  // nothing was marked
}

TEST_CASE("marks are bounded, and merging keeps the first token and the longest wait", "[stream_timing]") {
  StreamMarks marks;
  std::vector<std::uint64_t> ends;
  Duration at{};
  const std::uint64_t arrivals = 100'000;
  for (std::uint64_t i = 1; i <= arrivals; ++i) {
    at += i == 77'777 ? milliseconds(900) : milliseconds(10);
    marks.add(i * 100, at);
    ends.push_back(i * 100);
  }
  CHECK(marks.marks().size() <= StreamMarks::most);
  CHECK(marks.marks().back().end == arrivals * 100);
  CHECK(marks.memory() <= 2 * StreamMarks::most * sizeof(StreamMarks::Mark));
  const TokenTimes times = token_times(marks.marks(), ends);
  CHECK(times.first == 10.0);
  CHECK(times.gap_max == 900.0);
  CHECK(times.gap_p50 == 10.0);
}

TEST_CASE("times beyond what a mark can hold stay at its bound", "[stream_timing]") {
  StreamMarks marks;
  marks.add(1, std::chrono::hours(24));
  marks.add(2, std::chrono::hours(25));
  const std::vector<std::uint64_t> ends{1, 2};
  CHECK(token_times(marks.marks(), ends).gap_max == 0.0);
}

TEST_CASE("the end of a stream is kept within its bound", "[stream_timing]") {
  StreamEnd end;
  std::string all;
  for (int i = 0; i < 3000; ++i) {
    const std::string portion = std::to_string(i) + std::string(static_cast<std::size_t>(i) % 90, 'x');
    all += portion;
    end.add(portion);
    REQUIRE(all.ends_with(end.octets()));
    REQUIRE(end.octets().size() >= std::min(all.size(), StreamEnd::kept));
    REQUIRE(end.octets().size() <= 2 * StreamEnd::kept);
  }
  end.add(std::string(5 * StreamEnd::kept, 'y'));
  CHECK(end.octets() == std::string(StreamEnd::kept, 'y'));
}

}  // namespace borehole::calls
