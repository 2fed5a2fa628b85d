#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "calls/record_json.h"
#include "catch.h"
#include "store/jsonl_sink.h"
#include "store/output.h"
#include "store/terminal_line.h"
#include "unit/store/scratch.h"

namespace borehole::store {

namespace {

std::unique_ptr<calls::Sink> sink(const std::string& path) {
  auto opened = open_jsonl_sink({path});
  REQUIRE(opened.has_value());
  return std::move(*opened);
}

std::string lines(const std::vector<calls::CallRecord>& batch) {
  std::string out;
  for (const auto& call : batch) out += calls::to_json(call) + "\n";
  return out;
}

}  // namespace

TEST_CASE("records are appended as whole lines to a file of their owner's", "[jsonl_sink]") {
  Scratch scratch;
  const std::string path = scratch.path("a/calls.jsonl");
  const std::vector<calls::CallRecord> batch{record("A"), record("B")};
  REQUIRE(sink(path)->write(batch).has_value());
  REQUIRE(sink(path)->write({record("C")}).has_value());
  CHECK(contents(path) == lines({record("A"), record("B"), record("C")}));
  CHECK(mode(path) == 0600U);
  CHECK(mode(scratch.path("a")) == 0700U);
}

TEST_CASE("a file that was renamed or deleted is made anew", "[jsonl_sink]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.jsonl");
  auto to = sink(path);
  REQUIRE(to->write({record("A")}).has_value());
  std::filesystem::rename(path, path + ".1");
  REQUIRE(to->write({record("B")}).has_value());
  CHECK(contents(path + ".1") == lines({record("A")}));
  CHECK(contents(path) == lines({record("B")}));
  std::filesystem::remove(path);
  REQUIRE(to->write({record("C")}).has_value());
  CHECK(contents(path) == lines({record("C")}));
}

TEST_CASE("a file that ends inside a line is mended", "[jsonl_sink]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.jsonl");
  const std::string before = GENERATE(as<std::string>(), "", "{\"id\":\"X\"}\n");
  const std::string whole = lines({record("W")});
  const auto counters = std::make_shared<JsonlCounters>();
  const auto opened = [&] {
    auto to = open_jsonl_sink({path}, counters);
    REQUIRE(to.has_value());
    return std::move(*to);
  };
  std::string mended;
  SECTION("a record that was cut is taken away") {
    const std::size_t kept = GENERATE(7, 40, 200);
    std::ofstream(path) << before << whole.substr(0, kept);
    mended = before;
  }
  SECTION("a long one too") {
    calls::CallRecord large = record("L");
    large.request.body.assign(300'000, 'x');
    std::ofstream(path) << before << calls::to_json(large).substr(0, 290'000);
    mended = before;
  }
  SECTION("a whole one lacks only its end") {
    std::ofstream(path) << before << whole.substr(0, whole.size() - 1);
    mended = before + whole;
  }
  SECTION("what is not ours is left, and does not swallow ours") {
    std::ofstream(path) << before << "a shopping list: {milk";
    mended = before + "a shopping list: {milk\n";
  }
  REQUIRE(opened()->write({record("A")}).has_value());
  CHECK(contents(path) == mended + lines({record("A")}));
  CHECK(counters->torn == 1);
  (void)opened();
  CHECK(counters->torn == 1);
}

TEST_CASE("a file is set aside before it grows beyond its size, and no record is lost for it", "[jsonl_sink]") {
  Scratch scratch;
  const std::string path = scratch.path("calls.jsonl");
  const std::size_t one = lines({record("A")}).size();
  const auto counters = std::make_shared<JsonlCounters>();
  auto to = open_jsonl_sink({.path = path, .max_bytes = 2 * one + 1, .files = 2}, counters);
  REQUIRE(to.has_value());
  SECTION("in one batch or several") {
    if (GENERATE(true, false)) {
      REQUIRE((*to)->write({record("A"), record("B"), record("C"), record("D"), record("E")}).has_value());
    } else {
      for (const char* id : {"A", "B", "C", "D", "E"}) REQUIRE((*to)->write({record(id)}).has_value());
    }
    CHECK(contents(path) == lines({record("E")}));
    CHECK(contents(path + ".1") == lines({record("C"), record("D")}));
    CHECK(contents(path + ".2") == lines({record("A"), record("B")}));
    CHECK(mode(path) == 0600U);
    CHECK(counters->rotations == 2);
    REQUIRE((*to)->write({record("F"), record("G")}).has_value());
    CHECK(contents(path + ".2") == lines({record("C"), record("D")}));
    CHECK_FALSE(std::filesystem::exists(path + ".3"));
  }
  SECTION("a record that is larger has a file of its own") {
    calls::CallRecord large = record("L");
    large.request.body.assign(10 * one, 'x');
    REQUIRE((*to)->write({record("A"), large, record("B")}).has_value());
    CHECK(contents(path) == lines({record("B")}));
    CHECK(contents(path + ".1") == lines({large}));
    CHECK(contents(path + ".2") == lines({record("A")}));
  }
  SECTION("where it cannot be renamed it grows") {
    std::filesystem::create_directories(path + ".2/in_the_way");
    std::filesystem::create_directories(path + ".1");
    REQUIRE((*to)->write({record("A"), record("B"), record("C")}).has_value());
    CHECK(contents(path) == lines({record("A"), record("B"), record("C")}));
    CHECK(counters->rotations == 0);
  }
}

TEST_CASE("a full disk leaves whole lines, and the error says which file", "[jsonl_sink]") {
  if (access("/dev/full", W_OK) != 0) return;
  auto to = sink("/dev/full");
  const auto done = to->write({record("A")});
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().detail.find("/dev/full") != std::string::npos);
}

TEST_CASE("a text is written whole through a small pipe that does not block", "[output]") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const std::string text(300'000, 'x');
  std::string got;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // reads in little pieces
    close(ends[1]);
    char piece[1000];
    std::size_t sum = 0;
    for (ssize_t n = 0; (n = read(ends[0], piece, sizeof piece)) > 0;) sum += static_cast<std::size_t>(n);
    _exit(sum == text.size() ? 0 : 1);
  }
  close(ends[0]);
  std::size_t written = 0;
  CHECK(write_all(ends[1], text, written).has_value());
  CHECK(written == text.size());
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("a line for the terminal says what happened", "[terminal_line]") {
  setenv("TZ", "UTC", 1);
  tzset();
  calls::CallRecord call = record("A");
  call.usage.input_tokens = 12;
  call.usage.output_tokens = 34;
  call.timing_ms.total = 1234.4;
  CHECK(terminal_line(call, false) ==
        "03:04:05 200 Converse us.anthropic.claude-3-haiku-20240307-v1:0 in 12 out 34 tokens 1234 ms\n");
  call = record("B");
  call.aws.operation.clear();
  call.aws.model_id.clear();
  call.outcome = calls::Outcome::refused;
  call.response.status = 404;
  call.error = Error{ErrorCode::no_route, Fault::client, "no router\x1b[2J takes it"};
  CHECK(terminal_line(call, false) ==
        "03:04:05 404 POST bedrock-runtime.us-east-1.amazonaws.com/model/m/converse refused no_route: "
        "no router\\x1b[2J takes it\n");
  CHECK(terminal_line(call, true).find("\x1b[31m404") != std::string::npos);
  call.request.method = "CONNECT";
  call.request.target = "bedrock-runtime.us-east-1.amazonaws.com:443";
  CHECK(terminal_line(call, false).starts_with("03:04:05 404 CONNECT bedrock-runtime.us-east-1.amazonaws.com:443 "));
}

}  // namespace borehole::store
