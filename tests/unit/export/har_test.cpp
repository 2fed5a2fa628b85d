#include "export/har.h"

#include <cmath>
#include <string>

#include "export/format.h"
#include "unit/bedrock/frames.h"
#include "unit/export/records.h"

using namespace borehole;
using namespace borehole::exporting;
using exporting::test::read;
using exporting::test::record_of;

namespace {

bedrock::JsonValue entry_of(const calls::CallRecord& record) {
  const auto entry = bedrock::JsonValue::parse(har_entry(read(record)));
  REQUIRE(entry);
  return *entry;
}

// All that is not -1.
double sum_of(const bedrock::JsonValue& entry) {
  double sum = 0;
  for (const char* name : {"blocked", "dns", "connect", "send", "wait", "receive"}) {
    const auto value = entry.number(std::string("timings/") + name);
    REQUIRE(value);
    if (*value >= 0) sum += *value;
  }
  return sum;
}

}  // namespace

TEST_CASE("a file of any number of calls is a whole document") {
  const std::string record = calls::to_json(record_of("Converse", "/model/m/converse", "{}"));
  for (const std::size_t count : {0U, 1U, 3U}) {
    Writer writer(Format::har, "1.0");
    std::string text = writer.begin();
    for (std::size_t i = 0; i < count; ++i) text += *writer.call(record);
    const auto file = bedrock::JsonValue::parse(text + writer.end());
    REQUIRE(file);
    CHECK(file->text("log/version") == "1.2");
    CHECK(file->text("log/creator/name") == "borehole");
    CHECK(file->list("log/entries").size() == count);
  }
  CHECK_FALSE(Writer(Format::har, "1.0").call("{broken"));
}

TEST_CASE("an entry says what the record does, masked fields masked") {
  auto record = record_of("Converse", "/model/amazon.nova%3A0/converse?a=1&b=x%20y", R"({"a":"it's"})");
  record.response.headers = {{"Content-Type", "application/json"}};
  record.response.body = std::string("\xff\x00", 2);
  record.response.body_bytes = 2;
  const auto entry = entry_of(record);
  CHECK(entry.text("startedDateTime") == "2026-01-02T03:04:05.000006Z");
  CHECK(entry.text("request/url") ==
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova%3A0/converse?a=1&b=x%20y");
  CHECK(entry.text("request/queryString/1/value") == "x y");
  CHECK(entry.text("request/postData/text") == R"({"a":"it's"})");
  CHECK(entry.text("request/headers/4/value") == "AWS4-HMAC-SHA256 ***");
  CHECK(entry.text("response/content/encoding") == "base64");
  CHECK(entry.text("response/content/text") == "/wA=");
  CHECK(entry.text("serverIPAddress") == "192.0.2.7");
  CHECK(entry.text("connection") == "51234");
  CHECK(entry.text("_borehole/aws/operation") == "Converse");
  CHECK(entry.at("_borehole/request") == nullptr);
  record.request.body_truncated = true;
  record.request.body_bytes = 5000;
  CHECK(entry_of(record).text("request/postData/comment").starts_with("truncated"));
}

TEST_CASE("timings add up to the time") {
  auto record = record_of("Converse", "/model/m/converse", "{}");
  auto entry = entry_of(record);
  CHECK(entry.number("time") == 30);
  CHECK(sum_of(entry) == 30);
  CHECK(entry.number("timings/wait") == 20.5);
  CHECK(entry.number("timings/connect") == -1);
  // Dialled for the request: a part of the time until the first octet.
  record.way_in = calls::WayIn::gateway;
  record.timing_ms.connect = 2;
  record.timing_ms.tls = 8;
  entry = entry_of(record);
  CHECK(entry.number("timings/connect") == 10);
  CHECK(entry.number("timings/ssl") == 8);
  CHECK(entry.number("timings/wait") == 10.5);
  CHECK(entry.number("time") == 30);
  CHECK(sum_of(entry) == 30);
  // Dialled before there was a request.
  record.way_in = calls::WayIn::connect;
  entry = entry_of(record);
  CHECK(entry.number("timings/connect") == -1);
  CHECK(sum_of(entry) == 30);
  CHECK(entry.text("timings/comment").find("10 ms") != std::string_view::npos);
  // No answer came.
  record.response.status.reset();
  record.timing_ms.upstream_first_byte.reset();
  record.outcome = calls::Outcome::upstream_failed;
  entry = entry_of(record);
  CHECK(entry.count("response/status") == 0);
  CHECK(entry.text("_error") == "upstream_failed");
  CHECK(sum_of(entry) == 30);
  CHECK(entry.number("timings/receive") == 0);
}

TEST_CASE("a streamed answer has its messages, with when they came") {
  auto record = record_of("InvokeModelWithResponseStream", "/model/m/invoke-with-response-stream", "{}");
  record.response.headers = {{"Content-Type", "application/vnd.amazon.eventstream"}};
  const std::string first = bedrock::event_frame("contentBlockDelta", R"({"delta":{"text":"a"}})");
  const std::string second = bedrock::event_frame("chunk", R"({"bytes":"eyJhIjoxfQ=="})");
  record.response.body = first + second + bedrock::exception_frame("throttlingException", R"({"message":"slow"})");
  record.response.body_bytes = record.response.body.size();
  record.response.arrivals = {{first.size() - 1, 1.5}, {first.size() + second.size(), 2.25}};
  auto entry = entry_of(record);
  const auto& messages = entry.list("_eventSourceMessages");
  REQUIRE(messages.size() == 3);
  CHECK(messages[0].text("eventName") == "contentBlockDelta");
  CHECK(messages[0].text("data") == R"({"delta":{"text":"a"}})");
  CHECK(messages[0].number("_time_ms") == 2.25);
  CHECK(messages[1].text("data") == R"({"a":1})");
  CHECK(std::abs(messages[0].number("time").value_or(0) - 1767323045.002256) < 1e-5);
  CHECK(messages[2].flag("_exception") == true);
  CHECK(messages[2].at("_time_ms") == nullptr);

  record.response.headers = {{"Content-Type", "text/event-stream"}};
  record.response.body = "id: 7\nevent: delta\ndata: {}\n\n";
  entry = entry_of(record);
  CHECK(entry.text("_eventSourceMessages/0/eventName") == "delta");
  CHECK(entry.text("_eventSourceMessages/0/eventId") == "7");
}
