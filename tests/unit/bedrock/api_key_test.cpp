#include "bedrock/api_key.h"

#include "bedrock/times.h"
#include "catch.h"

using namespace borehole::bedrock;

namespace {

// `BedrockAPIKey-abcd-at-123456789012:secret`
const std::string long_term = "ABSKQmVkcm9ja0FQSUtleS1hYmNkLWF0LTEyMzQ1Njc4OTAxMjpzZWNyZXQ=";
// `bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential=ASIA/20260102/us-east-1/bedrock/aws4_request&
// X-Amz-Date=20260102T030405Z&X-Amz-Expires=43200&X-Amz-Signature=00ff`
const std::string short_term =
    "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz9BY3Rpb249Q2FsbFdpdGhCZWFyZXJUb2tlbiZYLUFtei1DcmVkZW50aWFsPUFTSUEvMj"
    "AyNjAxMDIvdXMtZWFzdC0xL2JlZHJvY2svYXdzNF9yZXF1ZXN0JlgtQW16LURhdGU9MjAyNjAxMDJUMDMwNDA1WiZYLUFtei1FeHBpcmVzPTQzMjAw"
    "JlgtQW16LVNpZ25hdHVyZT0wMGZm";

}  // namespace

TEST_CASE("an API key's kind and end are read", "[api_key]") {
  CHECK(read_api_key_shape(long_term).kind == "long_term");
  CHECK(read_api_key_shape(long_term).fault.empty());
  const ApiKeyShape shape = read_api_key_shape(short_term);
  CHECK(shape.kind == "short_term");
  CHECK(shape.fault.empty());
  REQUIRE(shape.expires_at);
  CHECK(seconds_text(*shape.expires_at) == "2026-01-02T15:04:05Z");
}

TEST_CASE("what cannot be an API key is told by name", "[api_key]") {
  const std::pair<std::string, const char*> cases[] = {{"", "empty"},
                                                       {"\"" + long_term + "\"", "quoted"},
                                                       {long_term + "\n", "blank"},
                                                       {"Bearer " + long_term, "bearer_twice"},
                                                       {"${AWS_BEARER_TOKEN_BEDROCK}", "not_expanded"},
                                                       {"AKIAIOSFODNN7EXAMPLE", "access_key"},
                                                       {"sk-ant-0123456789", "unknown_prefix"},
                                                       {"ABSK***", "not_base64"},
                                                       {"ABSKQmVkcm9j", "not_a_key"},
                                                       {"bedrock-api-key-!", "not_base64"},
                                                       {short_term.substr(0, 60), "not_a_key"}};
  for (const auto& [key, fault] : cases) {
    INFO(key);
    CHECK(read_api_key_shape(key).fault == fault);
    CHECK_FALSE(api_key_fault_text(fault).empty());
  }
  CHECK(api_key_fault_text("something").empty());
}

TEST_CASE("times are read as requests, answers and records write them", "[times]") {
  const auto time = parse_amz_date("20260102T030405Z");
  REQUIRE(time);
  CHECK(seconds_text(*time) == "2026-01-02T03:04:05Z");
  CHECK(parse_http_date("Fri, 02 Jan 2026 03:04:05 GMT") == time);
  CHECK(parse_record_time("2026-01-02T03:04:05.999999Z") == time);
  CHECK(parse_record_time("2026-01-02T03:04:05Z") == time);
  for (const char* wrong :
       {"", "20260102T030405", "20261302T030405Z", "20260230T030405Z", "2026010 T030405Z", "20260102T250405Z"}) {
    CHECK_FALSE(parse_amz_date(wrong));
  }
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == Seconds(std::chrono::seconds(784111777)));
  CHECK(parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT"));
  for (const char* wrong :
       {"", "Friday, 02-Jan-26 03:04:05 GMT", "Sun, 31 Feb 2024 00:00:00 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 CET", "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Now 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994T08:49:37 GMT", "Sun, 06 Nov 1994 08-49-37 GMT"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_http_date(wrong));
  }
  for (const char* wrong : {"2026-01-02 03:04:05Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05 Z",
                            "2026-01-02T03:04:05.12xZ", "2026-01-02T03:04:05+1Z"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_record_time(wrong));
  }
}

TEST_CASE("spans are told as a person would", "[times]") {
  using namespace std::chrono_literals;
  CHECK(span_in_words(1s) == "1 second");
  CHECK(span_in_words(-90s) == "90 seconds");
  CHECK(span_in_words(22min + 1s) == "22 minutes");
  CHECK(span_in_words(-90min) == "90 minutes");
  CHECK(span_in_words(5h) == "5 hours");
  CHECK(span_in_words(49h) == "2 days");
}
