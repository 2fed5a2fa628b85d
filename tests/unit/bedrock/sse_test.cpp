#include "bedrock/sse.h"

#include <string>
#include <vector>

#include "catch.h"

using namespace borehole::bedrock;

namespace {

std::string transcript(std::string_view octets, const std::vector<std::size_t>& cuts,
                       std::size_t limit = SseDecoder::max_event_bytes) {
  SseDecoder decoder(limit);
  std::string out;
  std::size_t begin = 0;
  const auto feed = [&](std::size_t end) {
    decoder.feed(octets.substr(begin, end - begin));
    begin = end;
    while (const auto event = decoder.next()) {
      out += std::string(event->type) + "[" + std::to_string(event->begin) + ".." + std::to_string(event->end) + "]";
      if (!event->id.empty()) out += " #" + std::string(event->id);
      out += " '" + std::string(event->data) + "'\n";
    }
  };
  for (const std::size_t cut : cuts) feed(cut);
  feed(octets.size());
  if (decoder.retry()) out += "retry " + std::to_string(*decoder.retry()) + "\n";
  if (decoder.cut()) out += "cut\n";
  if (decoder.error()) out += decoder.error()->text() + "\n";
  return out;
}

std::string every_split(std::string_view octets, std::size_t limit = SseDecoder::max_event_bytes) {
  const std::string whole = transcript(octets, {}, limit);
  std::vector<std::size_t> all;
  for (std::size_t cut = 0; cut <= octets.size(); ++cut) {
    all.insert(all.end(), {cut, cut});
    const std::string split = transcript(octets, {cut}, limit);
    if (split == whole) continue;
    CAPTURE(cut);
    CHECK(split == whole);
    break;
  }
  CHECK(transcript(octets, all, limit) == whole);
  return whole;
}

}  // namespace

TEST_CASE("events end with an empty line, whatever ends lines", "[sse]") {
  CHECK(every_split("data: a\n\ndata: b\n\n") == "message[0..9] 'a'\nmessage[9..18] 'b'\n");
  CHECK(every_split("data: a\r\rdata: b\r\r") == "message[0..9] 'a'\nmessage[9..18] 'b'\n");
  CHECK(every_split("data: a\r\n\r\ndata: b\r\n\r\n") == "message[0..10] 'a'\nmessage[11..21] 'b'\n");
  CHECK(every_split("data: a\n\r\ndata: b\r\n\n") == "message[0..9] 'a'\nmessage[10..20] 'b'\n");
}

TEST_CASE("fields of an event", "[sse]") {
  CHECK(every_split("event: delta\nid: 7\ndata: one\ndata:two\ndata:  three\n\n") ==
        "delta[0..52] #7 'one\ntwo\n three'\n");
  CHECK(every_split("data\n\n") == "message[0..6] ''\n");
  CHECK(every_split("data\ndata\n\n") == "message[0..11] '\n'\n");
  CHECK(every_split("data: {\"a\": 1}\nnothing: here\nno colon\n\n") == "message[0..39] '{\"a\": 1}'\n");
  CHECK(every_split("retry: 3000\n\nretry: soon\n\n") == "retry 3000\n");
}

TEST_CASE("the type is of one event, the id stays", "[sse]") {
  CHECK(every_split("event: a\nid: 1\ndata: x\n\ndata: y\n\nid\ndata: z\n\n") ==
        "a[0..24] #1 'x'\nmessage[24..33] #1 'y'\nmessage[33..45] 'z'\n");
  CHECK(every_split("event: a\n\ndata: x\n\n") == "message[10..19] 'x'\n");  // without data it is no event
  CHECK(every_split(std::string_view("id: a\nid: \0b\ndata: x\n\n", 22)) == "message[0..22] #a 'x'\n");
}

TEST_CASE("comments and a byte order mark are skipped", "[sse]") {
  CHECK(every_split(": keep alive\n\ndata: a\n\n") == "message[14..23] 'a'\n");
  CHECK(every_split("\xef\xbb\xbf"
                    "data: a\n\n") == "message[0..12] 'a'\n");
  CHECK(every_split("data: a\n\n\xef\xbb\xbf"
                    "data: b\n\n") == "message[0..9] 'a'\n");  // a name that is unknown
  CHECK(every_split("\xef\xbb") == "cut\n");
}

TEST_CASE("an event that the stream's end cuts is none", "[sse]") {
  CHECK(every_split("data: a\n\ndata: b\n") == "message[0..9] 'a'\ncut\n");
  CHECK(every_split("data: a\n\ndata: b") == "message[0..9] 'a'\ncut\n");
  CHECK(every_split("") == "");
  CHECK(every_split("data: a\r\n\r\n") == "message[0..10] 'a'\n");
}

TEST_CASE("an event above the limit ends decoding and is named", "[sse]") {
  const std::string first = "data: a\n\n";
  CHECK(transcript(first + "data: " + std::string(100, 'x'), {}, 32) ==
        "message[0..9] 'a'\nevent 2 at octet 9: larger than can be held\n");
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "data: xxxxxx\n";
  CHECK(every_split(first + lines + "\n" + first, 64) ==
        "message[0..9] 'a'\nevent 2 at octet 9: larger than can be held\n");
}
