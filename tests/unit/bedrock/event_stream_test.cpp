#include "bedrock/event_stream.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "frames.h"
#include "json_view_of_vectors.h"
#include "reference.h"

using namespace borehole::bedrock;

namespace {

std::string kind_name(EventKind kind) {
  switch (kind) {
    case EventKind::event: return "event";
    case EventKind::exception: return "exception";
    case EventKind::error: return "error";
    case EventKind::other: return "other";
  }
  return {};
}

void write(std::string& out, const EventMessage& message) {
  out += kind_name(message.kind) + " " + std::string(message.name) + " [" + std::to_string(message.begin) + ".." +
         std::to_string(message.end) + "]\n";
  for (const EventHeader& header : message.headers) {
    out += "  " + std::string(header.name) + " " + std::to_string(static_cast<int>(header.type)) + " " +
           std::to_string(header.number) + " '" + std::string(header.octets) + "'\n";
  }
  out += "  payload '" + std::string(message.payload) + "'\n";
}

// All that a decoder says of a stream that is fed in portions ending at `cuts`.
std::string transcript(std::string_view octets, const std::vector<std::size_t>& cuts,
                       std::size_t limit = EventStreamDecoder::max_message_bytes) {
  EventStreamDecoder decoder(limit);
  std::string out;
  std::size_t begin = 0;
  const auto feed = [&](std::size_t end) {
    decoder.feed(octets.substr(begin, end - begin));
    begin = end;
    while (const auto message = decoder.next()) write(out, *message);
  };
  for (const std::size_t cut : cuts) feed(cut);
  feed(octets.size());
  decoder.finish();
  if (decoder.error()) out += decoder.error()->text();
  return out;
}

// The whole stream's transcript, after every split in two and octet by octet were found to give the same.
std::string every_split(std::string_view octets) {
  const std::string whole = transcript(octets, {});
  std::vector<std::size_t> all;
  for (std::size_t cut = 0; cut <= octets.size(); ++cut) {
    all.insert(all.end(), {cut, cut});
    const std::string split = transcript(octets, {cut});
    if (split == whole) continue;
    CAPTURE(cut);
    CHECK(split == whole);
    break;
  }
  CHECK(transcript(octets, all) == whole);
  return whole;
}

bool refused(const std::string& transcript) { return transcript.find("frame 1 at octet 0: ") != std::string::npos; }

}  // namespace

TEST_CASE("an empty message, a payload and a header, as published in the specification", "[event_stream]") {
  const std::string empty("\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff", 16);
  CHECK(frame({}, {}) == empty);
  CHECK(every_split(empty) == "other  [0..16]\n  payload ''\n");
  CHECK(every_split(frame(text_header("content-type", "application/json"), "{'foo':'bar'}")) ==
        "other  [0..61]\n  content-type 7 0 'application/json'\n  payload '{'foo':'bar'}'\n");
}

TEST_CASE("all ten types of headers", "[event_stream]") {
  const std::string headers =
      header("yes", 0, "") + header("no", 1, "") + header("byte", 2, "\xcf") +
      header("short", 3, wire<std::uint16_t>(0x8000)) + header("int", 4, wire<std::uint32_t>(40972)) +
      header("long", 5, wire<std::uint64_t>(~0ULL)) + header("bytes", 6, wire<std::uint16_t>(3) + "a\x01\xff") +
      text_header("text", "h\xc3\xa9") + header("time", 8, wire<std::uint64_t>(8675309)) +
      header("uuid", 9, "0123456789abcdef");
  CHECK(every_split(frame(headers, "x")) ==
        "other  [0..124]\n"
        "  yes 0 1 ''\n  no 1 0 ''\n  byte 2 -49 ''\n  short 3 -32768 ''\n  int 4 40972 ''\n  long 5 -1 ''\n"
        "  bytes 6 0 'a\x01\xff'\n  text 7 0 'h\xc3\xa9'\n  time 8 8675309 ''\n  uuid 9 0 '0123456789abcdef'\n"
        "  payload 'x'\n");
}

TEST_CASE("events, exceptions and errors are told apart", "[event_stream]") {
  const std::string error = frame(text_header(":error-code", "InternalFailure") +
                                      text_header(":error-message", "boom") + text_header(":message-type", "error"),
                                  "");
  const std::string stream = event_frame("chunk", "{}") + exception_frame("throttlingException", "{}") + error;
  every_split(stream);
  EventStreamDecoder decoder;
  decoder.feed(stream);
  auto message = decoder.next();
  REQUIRE(message);
  CHECK(message->kind == EventKind::event);
  CHECK(message->name == "chunk");
  CHECK(message->content_type == "application/json");
  message = decoder.next();
  REQUIRE(message);
  CHECK(message->kind == EventKind::exception);
  CHECK(message->name == "throttlingException");
  message = decoder.next();
  REQUIRE(message);
  CHECK(message->kind == EventKind::error);
  CHECK(message->name == "InternalFailure");
  CHECK(message->error_message == "boom");
  CHECK(message->end == stream.size());
  CHECK_FALSE(decoder.next());
  CHECK(decoder.messages() == 3);
}

TEST_CASE("the first broken frame ends decoding and is named", "[event_stream]") {
  const std::string good = event_frame("chunk", "{}");
  const std::string place = "frame 2 at octet " + std::to_string(good.size()) + ": ";
  std::string bad = good;
  std::string what;
  SECTION("cut") {
    bad.resize(bad.size() - 1);
    what = "the stream ends inside the frame";
  }
  SECTION("cut inside the prelude") {
    bad.resize(7);
    what = "the stream ends inside the frame";
  }
  SECTION("prelude") {
    bad[3] ^= 1;
    what = "wrong checksum of the prelude";
  }
  SECTION("header") {
    bad[20] ^= 1;
    what = "wrong checksum of the message";
  }
  SECTION("last octet") {
    bad.back() = static_cast<char>(bad.back() ^ 1);
    what = "wrong checksum of the message";
  }
  std::string stream = good + bad;
  if (what.find("checksum") != std::string::npos) stream += good;  // what comes after is not looked at
  const std::string said = every_split(stream);
  CHECK(said.substr(said.find(place)) == place + what);
  EventStreamDecoder decoder;
  decoder.feed(stream);
  while (decoder.next()) continue;
  decoder.finish();
  CHECK(decoder.messages() == 1);
  REQUIRE(decoder.error());
  CHECK(decoder.error()->checksum() == (what.find("checksum") != std::string::npos));
}

TEST_CASE("lengths that no message can have are refused by the prelude alone", "[event_stream]") {
  const auto prelude = [](std::uint32_t total, std::uint32_t headers) {
    const std::string lengths = wire(total) + wire(headers);
    return lengths + crc_of(lengths);
  };
  CHECK(every_split(prelude(15, 0)) == "frame 1 at octet 0: lengths that no message can have");
  CHECK(every_split(prelude(116, 101)) == "frame 1 at octet 0: lengths that no message can have");
  CHECK(every_split(prelude(1 << 20, (128 << 10) + 1)) == "frame 1 at octet 0: lengths that no message can have");
  CHECK(every_split(prelude((16 << 20) + 1, 0)) == "frame 1 at octet 0: lengths that no message can have");
  CHECK(every_split(prelude(16 << 20, 128 << 10)) == "frame 1 at octet 0: the stream ends inside the frame");
  CHECK(transcript(prelude(24 << 20, 0), {}, std::size_t{1} << 30) ==
        "frame 1 at octet 0: the stream ends inside the frame");
  CHECK(refused(transcript(prelude((24 << 20) + 1, 0), {}, std::size_t{1} << 30)));
  std::string wrong = prelude(15, 0);  // the checksum comes before the lengths
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  CHECK(every_split(wrong) == "frame 1 at octet 0: wrong checksum of the prelude");
}

TEST_CASE("headers that cannot be read are refused although the checksums are right", "[event_stream]") {
  const std::string refusal = "frame 1 at octet 0: a header that cannot be read";
  CHECK(every_split(frame(header("", 0, ""), "")) == refusal);
  CHECK(every_split(frame(header("a", 10, ""), "")) == refusal);
  CHECK(every_split(frame(header("a", 4, "123"), "")) == refusal);
  CHECK(every_split(frame(header("a", 9, "012345678901234"), "")) == refusal);
  CHECK(every_split(frame(header("a", 7, wire<std::uint16_t>(4) + "abc"), "")) == refusal);
  CHECK(every_split(frame(header("a", 7, std::string(1, '\0')), "")) == refusal);
  CHECK(every_split(frame(text_header("a", "\xff"), "")) == refusal);
  CHECK(every_split(frame(text_header("\xc3", "b"), "")) == refusal);
  CHECK(every_split(frame(header("a", 0, "") + header("a", 1, ""), "")) == refusal);
  CHECK(every_split(frame("\x05"
                          "abc",
                          "")) == refusal);
  std::string many;
  for (std::size_t i = 0; i < EventStreamDecoder::max_headers; ++i) many += header("n" + std::to_string(i), 0, "");
  CHECK_FALSE(refused(transcript(frame(many, ""), {})));
  CHECK(transcript(frame(many + header("more", 0, ""), ""), {}) == refusal);
}

TEST_CASE("nothing is decoded after an error, and memory is given back", "[event_stream]") {
  EventStreamDecoder decoder;
  decoder.feed(std::string(12, 'x'));
  CHECK_FALSE(decoder.next());
  REQUIRE(decoder.error());
  decoder.feed(event_frame("chunk", "{}"));
  CHECK_FALSE(decoder.next());
  CHECK(decoder.error()->fault == EventFault::prelude_checksum);
}

TEST_CASE("a stream whose beginning is missing is picked up at the next message", "[event_stream]") {
  const std::string one = event_frame("contentBlockDelta", "{\"delta\":{}}");
  const std::string stream = one + event_frame("metadata", "{}");
  CHECK(find_event_message(stream) == 0U);
  CHECK(find_event_message(std::string_view(stream).substr(1)) == one.size() - 1);
  CHECK(find_event_message(std::string_view(stream).substr(one.size())) == 0U);
  CHECK_FALSE(find_event_message(std::string_view(stream).substr(one.size() + 1)));
  CHECK_FALSE(find_event_message(""));
}

TEST_CASE("a long stream of small messages takes time that grows with its length", "[event_stream]") {
  std::string stream;
  const std::string one = event_frame("contentBlockDelta", "{\"delta\":{\"text\":\"a\"}}");
  while (stream.size() < std::size_t{4} << 20) stream += one;
  EventStreamDecoder decoder;
  decoder.feed(stream);  // at once: nothing may be moved for each message
  std::size_t count = 0;
  while (decoder.next()) ++count;
  CHECK(count == stream.size() / one.size());
  CHECK_FALSE(decoder.error());
}

TEST_CASE("published vectors", "[event_stream]") {
  if (!std::filesystem::exists(reference_path("eventstream"))) {
    WARN("the published vectors are not beside this checkout: only this file's own were tried");
    return;
  }
  std::set<std::string> seen;
  const auto files = [&](const std::string& folder) {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(reference_path(folder))) found.push_back(entry.path());
    REQUIRE_FALSE(found.empty());
    return found;
  };
  for (const auto& file : files("eventstream/encoded/positive")) {
    CAPTURE(file);
    const std::string octets = read_whole(file);
    CHECK(every_split(octets) ==
          expected_transcript(read_whole(reference_path("eventstream/decoded/positive") / file.filename()),
                              octets.size()));
  }
  for (const auto& file : files("eventstream/encoded/negative")) {
    CAPTURE(file);
    const std::string said = every_split(read_whole(file));
    const std::string expected = read_whole(reference_path("eventstream/decoded/negative") / file.filename());
    CHECK(refused(said));
    CHECK(said.find(expected.find("Prelude") == 0 ? "checksum of the prelude" : "checksum of the message") !=
          std::string::npos);
  }
  for (const auto& file : files("eventstream/rust-cases")) {
    CAPTURE(file);
    CHECK(refused(every_split(read_whole(file))) == (file.filename().string().rfind("invalid_", 0) == 0));
  }
  for (const auto& file : files("eventstream-bedrock")) {
    if (file.extension() != ".bin") continue;
    CAPTURE(file);
    const std::string said = every_split(read_whole(file));
    CHECK(said.find("frame ") == std::string::npos);
    const std::string name = file.stem().string();
    const std::string type = name.substr(name.rfind('-') + 1);
    if (name.rfind("converse-0", 0) == 0) CHECK(said.rfind("event " + type + " ", 0) == 0);
    if (name.rfind("exception-", 0) == 0) CHECK(said.rfind("exception " + type + " ", 0) == 0);
    if (name.rfind("error-", 0) == 0) CHECK(said.rfind("error " + type + " ", 0) == 0);
  }
}
