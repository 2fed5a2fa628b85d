#include "calls/record_json.h"

#include <simdjson.h>

#include <array>
#include <cstdio>
#include <random>

#include "calls/utf8.h"
#include "catch.h"

namespace borehole::calls {

namespace {

// The parser is not ours: what it reads is what any reader reads.
struct Parsed {
  explicit Parsed(const CallRecord& record) : json(to_json(record)) {
    INFO(json);
    REQUIRE(json.find('\n') == std::string::npos);
    REQUIRE(parser.parse(json).get(root) == simdjson::SUCCESS);
  }
  std::string text(const char* pointer) {
    std::string_view out;
    INFO(pointer << " in " << json);
    REQUIRE(root.at_pointer(pointer).get(out) == simdjson::SUCCESS);
    return std::string(out);
  }
  bool has(const char* pointer) { return root.at_pointer(pointer).error() == simdjson::SUCCESS; }

  std::string json;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
};

CallRecord full_record() {
  CallRecord record;
  record.id = "01JGK5W8N5ABCDEFGHJKMNPQRS";
  record.started_at = WallTime(std::chrono::microseconds(1'767'323'045'000'006));
  record.way_in = WayIn::gateway;
  record.router = "/service/";
  record.outcome = Outcome::upstream_failed;
  record.error = Error{ErrorCode::upstream_broke, Fault::upstream, "it broke"};
  record.notes = {"one", "two"};
  record.client = {"127.0.0.1:1", "agent", "boto3", "1.2", "billing", "haystack", "2.1", 42, "python3"};
  record.upstream = {"host", 443, "192.0.2.7:443", true, "TLSv1.3", "http/1.1"};
  record.aws = {"bedrock-runtime",
                "Converse",
                "us-east-1",
                "m",
                "p",
                "us",
                "r",
                "AKID",
                {"host"},
                true,
                "BedrockAPIKey-k-at-1",
                "arn:aws:sts::1:assumed-role/R/s",
                "s",
                "inv",
                1,
                3};
  record.request = {"POST", "/t", {{"A", "1"}, {"a", "2"}}, 2, "{}", false, {"gzip", true, 4, "", ""}};
  record.response = {200, {{"B", "3"}}, 9, "[]", true, CallRecord::Stream{5, 1, 0, "x"}, "end_turn", "T", "M"};
  record.usage = {1, 2, 3, 4, 10, "converse", false};
  record.cost_usd = "0.000123";
  record.response.coding = {"br", false, 12, "corrupt", "why"};
  record.timing_ms = {1.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 0.25, 5.5, 31.25};
  return record;
}

}  // namespace

TEST_CASE("a full record has every field, in the contract's order", "[record_json]") {
  CHECK(to_json(full_record()) ==
        R"({"id":"01JGK5W8N5ABCDEFGHJKMNPQRS","started_at":"2026-01-02T03:04:05.000006Z","way_in":"gateway",)"
        R"("router":"/service/","outcome":"upstream_failed",)"
        R"("error":{"code":"upstream_broke","message":"it broke","fault":"upstream"},"notes":["one","two"],)"
        R"("client":{"address":"127.0.0.1:1","user_agent":"agent","sdk":"boto3","sdk_version":"1.2",)"
        R"("app_id":"billing","framework":"haystack","framework_version":"2.1",)"
        R"("process":{"pid":42,"name":"python3"}},)"
        R"("upstream":{"host":"host","port":443,"address":"192.0.2.7:443","reused":true,"tls_version":"TLSv1.3",)"
        R"("alpn":"http/1.1"},)"
        R"("aws":{"service":"bedrock-runtime","operation":"Converse","region":"us-east-1","model_id":"m",)"
        R"("provider":"p","inference_scope":"us","request_id":"r","access_key_id":"AKID",)"
        R"("api_key_name":"BedrockAPIKey-k-at-1","principal":"arn:aws:sts::1:assumed-role/R/s","session_name":"s",)"
        R"("signed_headers":["host"],)"
        R"("signature_intact":true,"invocation_id":"inv","attempt":1,"max_attempts":3},)"
        R"("request":{"method":"POST","target":"/t","headers":[["A","1"],["a","2"]],"body_bytes":2,"body":"{}",)"
        R"("body_truncated":false,"body_coding":"gzip","body_decoded":true,"body_decoded_bytes":4},)"
        R"("response":{"status":200,"headers":[["B","3"]],"body_bytes":9,"body":"[]","body_truncated":true,)"
        R"("body_coding":"br","body_decoded":false,"body_decoded_bytes":12,)"
        R"("body_coding_error":{"code":"corrupt","message":"why"},)"
        R"("stream":{"events":5,"crc_failures":1,"exception":"x"},"stop_reason":"end_turn","error_type":"T",)"
        R"("error_message":"M"},)"
        R"("usage":{"input_tokens":1,"output_tokens":2,"cache_read_tokens":3,"cache_write_tokens":4,)"
        R"("total_tokens":10,"source":"converse","disagrees":false},"cost_usd":"0.000123",)"
        R"("timing_ms":{"connect":1.000,"tls":2.500,"upstream_first_byte":3.000,"first_token":4.000,)"
        R"("token_gap_p50":5.000,"token_gap_p95":5.500,"token_gap_max":6.000,)"
        R"("output_tokens_per_second":31.250,"total":7.000,"reported_by_aws":8.000,)"
        R"("added_by_proxy":0.250}})");
}

TEST_CASE("what is not known is left out", "[record_json]") {
  Parsed parsed{CallRecord{}};
  CHECK_FALSE(parsed.has("/usage"));
  CHECK_FALSE(parsed.has("/aws"));
  CHECK_FALSE(parsed.has("/response"));
  CHECK_FALSE(parsed.has("/timing_ms"));
  CHECK_FALSE(parsed.has("/error"));
  CHECK(parsed.has("/cost_usd"));
  CHECK(parsed.root.at_pointer("/cost_usd").get_c_str().error() != simdjson::SUCCESS);
}

TEST_CASE("any octets in any text give JSON that a reader takes", "[record_json]") {
  CallRecord record = full_record();
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  record.request.target = all;
  record.request.headers = {{all, all}};
  record.response.error_message = "a\xC3\xA4\xF0\x9F\x98\x80 \xED\xA0\x80 \xC2\x9B";
  Parsed parsed(record);
  const std::string target = parsed.text("/request/target");
  CHECK(target.substr(0, 128) == all.substr(0, 128));
  CHECK(is_utf8(target));
  CHECK(parsed.text("/response/error_message") ==
        "a\xC3\xA4\xF0\x9F\x98\x80 \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD \xC2\x9B");
  for (const char c : parsed.json) {
    const auto octet = static_cast<unsigned char>(c);
    CHECK((octet >= 0x20 && octet != 0x7f));
  }
  CHECK(parsed.json.find("\xC2\x9B") == std::string::npos);
}

TEST_CASE("a body that is no text is base64", "[record_json]") {
  CallRecord record = full_record();
  for (const auto& [body, encoded] :
       std::vector<std::pair<std::string, std::string>>{{"\xff", "/w=="},
                                                        {"\xff\xfe", "//4="},
                                                        {"\xff\xfe\xfd", "//79"},
                                                        {std::string("\x1f\x8b\x00\x08", 4), "H4sACA=="}}) {
    record.response.body = body;
    record.response.body_truncated = false;
    Parsed parsed(record);
    CHECK(parsed.text("/response/body") == encoded);
    CHECK(parsed.text("/response/body_encoding") == "base64");
    CHECK_FALSE(parsed.has("/request/body_encoding"));
  }
}

TEST_CASE("a text that was cut inside a character stays a text", "[record_json]") {
  CallRecord record = full_record();
  record.response.body = "gr\xC3\xBC\xC3";
  SECTION("by the budget") {
    record.response.body_truncated = true;
    Parsed parsed(record);
    CHECK(parsed.text("/response/body") == "gr\xC3\xBC");
  }
  SECTION("by the sender") {
    record.response.body_truncated = false;
    Parsed parsed(record);
    CHECK(parsed.text("/response/body_encoding") == "base64");
  }
}

TEST_CASE("a body that was not kept is absent, an empty one is empty", "[record_json]") {
  CallRecord record = full_record();
  record.request.body.clear();
  record.request.body_bytes = 7;
  record.request.body_truncated = true;
  record.response.body.clear();
  record.response.body_bytes = 0;
  Parsed parsed(record);
  CHECK_FALSE(parsed.has("/request/body"));
  CHECK(parsed.text("/response/body").empty());
}

TEST_CASE("UTF-8 is told from what is none", "[utf8]") {
  for (const char* text : {"", "a", "\xC3\xA4", "\xE2\x82\xAC", "\xF4\x8F\xBF\xBF", "\xEF\xBF\xBF"})
    CHECK(is_utf8(text));
  for (const char* text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                           "\xF4\x90\x80\x80", "\xF5", "\xE2\x82", "\xC3", "a\xFF"}) {
    CHECK_FALSE(is_utf8(text));
  }
  CHECK(for_terminal("a\x1b[31m\n\xC2\x9B\xff\xC3\xA4") == "a\\x1b[31m\\x0a\\xc2\\x9b\\xff\xC3\xA4");
}

namespace {

// RFC 3629's table, octet by octet.
std::size_t reference_length(std::string_view text) {
  const auto at = [&](std::size_t i) -> unsigned { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return at(i) >= 0x80U && at(i) <= 0xBFU; };
  const auto between = [](unsigned value, unsigned low, unsigned high) { return value >= low && value <= high; };
  if (at(0) < 0x80U) return 1;
  if (between(at(0), 0xC2, 0xDF)) return tail(1) ? 2 : 0;
  if (between(at(0), 0xE0, 0xEF)) {
    const bool second = between(at(1), at(0) == 0xE0U ? 0xA0 : 0x80, at(0) == 0xEDU ? 0x9F : 0xBF);
    return second && tail(2) ? 3 : 0;
  }
  if (between(at(0), 0xF0, 0xF4)) {
    const bool second = between(at(1), at(0) == 0xF0U ? 0x90 : 0x80, at(0) == 0xF4U ? 0x8F : 0xBF);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

bool reference_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = reference_length(text);
    if (length == 0 || length > text.size()) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string reference_json(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = reference_length(text);
    const unsigned code = length == 1   ? static_cast<unsigned char>(text[0])
                          : length == 2 ? (static_cast<unsigned char>(text[0]) & 0x1FU) << 6U |
                                              (static_cast<unsigned char>(text[1]) & 0x3FU)
                                        : 0x1000U;
    if (code == '"' || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n' || code == '\r' || code == '\t') {
      out += code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t";
    } else if (code < 0x20U || (code >= 0x7FU && code < 0xA0U)) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", code);
      out += escape.data();
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  return out + "\"";
}

std::string written_json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

TEST_CASE("every octet is judged and written alike at every offset", "[utf8]") {
  for (unsigned value = 0; value < 256; ++value) {
    for (std::size_t size : {1U, 7U, 8U, 9U, 16U, 23U, 127U, 128U, 129U, 200U, 1100U}) {
      const std::size_t step = size > 300 ? 61 : size > 30 ? 7 : 1;
      for (std::size_t at = 0; at < size; at += step) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(value);
        if (reference_utf8(text) != is_utf8(text)) FAIL(value << " at " << at << " of " << size);
        if (value < 0x80U && written_json(text) != reference_json(text)) FAIL(value << " at " << at << " of " << size);
      }
    }
  }
}

TEST_CASE("mixed text is judged and written as octet by octet", "[utf8]") {
  std::mt19937 random(7);
  const std::vector<std::string> pieces{"a",
                                        "plain text ",
                                        "\"",
                                        "\\",
                                        "\n",
                                        "\x1f",
                                        "\x7f",
                                        "\xc2\x80",
                                        "\xc2\x9f",
                                        "\xc2\xa0",
                                        "\xc3\xbc",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80",
                                        "\xed\x9f\xbf"};
  const std::vector<std::string> bad{"\xc2",    "\xff", "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                     "\xe2\x82"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t n = random() % 40; n > 0; --n) text += pieces[random() % pieces.size()];
    if (!is_utf8(text) || written_json(text) != reference_json(text)) FAIL(written_json(text));
    text += bad[random() % bad.size()] + std::string(random() % 20, 'z');
    if (is_utf8(text)) FAIL(written_json(text));
    if (!is_utf8(written_json(text))) FAIL(written_json(text));
  }
}

}  // namespace borehole::calls
