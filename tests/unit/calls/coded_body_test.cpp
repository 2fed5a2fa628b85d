#include "calls/coded_body.h"

#include "calls/captured_call.h"
#include "calls/record_json.h"
#include "catch.h"
#include "unit/http/compressed.h"

namespace borehole::calls {

namespace {

using tests::brotli;
using tests::gzip;
using tests::zlib_compressed;
using tests::zstd;

const std::string answer =
    R"({"output":{"message":{"role":"assistant","content":[{"text":"hi ☂"}]}},"stopReason":"end_turn",)"
    R"("usage":{"inputTokens":12,"outputTokens":34,"totalTokens":46}})";

CapturedCall converse(std::string body, std::string_view coding) {
  CapturedCall call;
  CallRecord& record = call.record;
  record.upstream.host = "bedrock-runtime.eu-central-1.amazonaws.com";
  record.request.method = "POST";
  record.request.target = call.target = "/model/amazon.nova-lite-v1%3A0/converse";
  record.response.status = 200;
  record.response.headers = {{"Content-Type", "application/json"}, {"Content-Encoding", coding}};
  record.response.body_bytes = body.size();
  record.response.body = std::move(body);
  return call;
}

}  // namespace

TEST_CASE("a coded answer is read as if it had come without", "[coded_body]") {
  const std::vector<std::pair<std::string, std::string>> bodies{{"gzip", gzip(answer)},
                                                                {"deflate", zlib_compressed(answer, 15)},
                                                                {"deflate", zlib_compressed(answer, -15)},
                                                                {"br", brotli(answer)},
                                                                {"zstd", zstd(answer)},
                                                                {"gzip, zstd", zstd(gzip(answer))}};
  for (const auto& [coding, body] : bodies) {
    CAPTURE(coding);
    CapturedCall call = converse(body, coding);
    decode(call);
    const CallRecord::Response& response = call.record.response;
    CHECK(response.body == answer);
    CHECK(response.body_bytes == body.size());
    CHECK_FALSE(response.body_truncated);
    CHECK(response.coding.names == coding);
    CHECK(response.coding.decoded);
    CHECK(response.coding.octets == answer.size());
    CHECK(response.coding.fault.empty());
    CHECK(call.record.usage.output_tokens == 34U);
    CHECK(response.stop_reason == "end_turn");
  }
}

TEST_CASE("what is in no coding has nothing to say about one", "[coded_body]") {
  for (const std::string_view coding : {"identity", "", ","}) {
    CapturedCall call = converse(answer, coding);
    decode(call);
    CHECK(call.record.usage.output_tokens == 34U);
    CHECK(to_json(call.record).find("body_coding") == std::string::npos);
  }
  CapturedCall empty = converse("", "gzip");
  decode(empty);
  CHECK(to_json(empty.record).find("body_coding") == std::string::npos);
}

TEST_CASE("a coded request is read too: the model that its body names", "[coded_body]") {
  const std::string request = R"({"model":"openai.gpt-oss-20b-1:0","messages":[]})";
  CapturedCall call = converse(answer, "identity");
  call.target = "/openai/v1/chat/completions";
  call.record.request.headers = {{"content-encoding", "zstd"}};
  call.record.request.body = zstd(request);
  call.record.request.body_bytes = call.record.request.body.size();
  decode(call);
  CHECK(call.record.request.body == request);
  CHECK(call.record.request.coding.decoded);
  CHECK(call.record.aws.model_id == "openai.gpt-oss-20b-1:0");
}

TEST_CASE("a body that cannot be decoded stays as it came, with the reason", "[coded_body]") {
  std::string damaged = gzip(answer);
  damaged[damaged.size() - 6] = static_cast<char>(damaged[damaged.size() - 6] ^ 1);
  const std::string bomb = gzip(std::string(std::size_t{4} << 20, '\0'));
  struct Case {
    std::string body, coding, fault, error;
  };
  const std::vector<Case> cases{
      {damaged, "gzip", "corrupt", "the body is no sound gzip"},
      {answer, "gzip", "corrupt", "the body is no sound gzip"},
      {gzip(answer).substr(0, 40), "gzip", "cut", "the body ends inside its gzip"},
      {gzip(answer), "compress", "unknown", "borehole cannot decode compress"},
      {bomb, "gzip", "ratio", "the body becomes so much larger in decoding that it is taken for an attack"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.coding, one.fault);
    CapturedCall call = converse(one.body, one.coding);
    call.body_max_bytes = std::size_t{8} << 20;
    decode(call);
    const CallRecord::Response& response = call.record.response;
    CHECK(response.body == one.body);
    CHECK_FALSE(response.body_truncated);
    CHECK(response.coding.names == one.coding);
    CHECK_FALSE(response.coding.decoded);
    CHECK(response.coding.fault == one.fault);
    CHECK(response.coding.error == one.error);
    CHECK_FALSE(call.record.usage.output_tokens);
  }
}

TEST_CASE("octets behind the end cost nothing but a word", "[coded_body]") {
  CapturedCall call = converse(gzip(answer) + "garbage", "gzip");
  decode(call);
  CHECK(call.record.response.body == answer);
  CHECK(call.record.response.coding.decoded);
  CHECK(call.record.response.coding.fault == "trailing");
  CHECK(call.record.usage.output_tokens == 34U);
}

TEST_CASE("a record holds no more of a decoded body than its budget", "[coded_body]") {
  std::string large;
  for (int i = 0; large.size() < 300'000; ++i) large += std::to_string(i) + ' ';
  CapturedCall call = converse(gzip(large), "gzip");
  call.body_max_bytes = 100'000;
  decode(call);
  CHECK(call.record.response.body == large.substr(0, 100'000));
  CHECK(call.record.response.body_truncated);
  CHECK(call.record.response.coding.decoded);
  CHECK_FALSE(call.record.response.coding.octets);  // it was not gone through
}

TEST_CASE("of a body that was cut, what was captured is decoded", "[coded_body]") {
  std::string large;
  for (int i = 0; large.size() < 300'000; ++i) large += std::to_string(i) + ' ';
  const std::string body = gzip(large, 1000);
  CapturedCall call = converse(body, "gzip");
  call.record.response.body.resize(body.size() / 2);
  SECTION("by the budget") {
    call.record.response.body_truncated = true;
    decode(call);
    CHECK(call.record.response.body_truncated);
  }
  SECTION("by the upstream") {
    call.record.response.body_bytes = body.size() / 2;
    call.record.outcome = Outcome::upstream_failed;
    decode(call);
    CHECK_FALSE(call.record.response.body_truncated);
  }
  CHECK(large.starts_with(call.record.response.body));
  CHECK(call.record.response.body.size() > 100'000);
  CHECK(call.record.response.coding.decoded);
  CHECK(call.record.response.coding.fault.empty());
}

TEST_CASE("secrets that a coded refusal quotes are taken out, or the whole of it is", "[coded_body]") {
  const std::string secret = "IQoJb3JpZ2luX2VjEAoaCXVzLWVhc3QtMSJH";
  const std::string refusal = R"({"message":"should have been )" + secret + R"("})";
  const auto refused = [&](std::string body, std::string_view coding) {
    CapturedCall call = converse(std::move(body), coding);
    call.record.response.status = 403;
    call.secrets.remember(secret);
    decode(call);
    CHECK(call.secrets.empty());
    CHECK(to_json(call.record).find(secret) == std::string::npos);
    return call.record;
  };
  CHECK(refused(gzip(refusal), "gzip").response.body == R"({"message":"should have been ***"})");
  CHECK(refused(gzip(refusal), "gzip").response.error_message == "should have been ***");
  CHECK(refused(refusal, "identity").response.body == R"({"message":"should have been ***"})");
  for (const auto& [body, coding] : std::vector<std::pair<std::string, std::string>>{
           {gzip(refusal).substr(0, 60), "gzip"}, {refusal, "gzip"}, {refusal, "compress"}}) {
    CAPTURE(coding, body.size());
    const CallRecord record = refused(body, coding);
    CHECK(record.response.body.empty());
    CHECK(record.response.coding.error.ends_with("; it is left out, since it may quote a secret"));
  }
}

TEST_CASE("marks of a coded stream tell when its decoded octets were there", "[coded_body]") {
  const std::string text = "data: one\n\ndata: two\n\ndata: three\n\n";
  const std::string first = gzip(text.substr(0, 11));
  const std::string rest = gzip(text.substr(11));
  const std::string body = first + rest;
  StreamMarks marks;
  using std::chrono::milliseconds;
  marks.add(5, milliseconds(1));  // of the wire; nothing can be read yet
  marks.add(first.size(), milliseconds(2));
  marks.add(body.size(), milliseconds(3));
  http::ContentCodings codings;
  codings.add("gzip");
  for (std::size_t kept = 0; kept <= text.size(); kept += 7) {
    for (std::size_t beginning = 0; beginning <= body.size(); beginning += 9) {
      CAPTURE(kept, beginning);
      const DecodedBody decoded = undo_coding({.codings = codings,
                                               .beginning = Bytes(body).substr(0, beginning),
                                               .end = Bytes(body).substr(beginning),
                                               .size = body.size(),
                                               .whole = true,
                                               .stream = true,
                                               .kept = kept,
                                               .marks = marks.marks()});
      REQUIRE(decoded.content == text.substr(0, kept));
      REQUIRE(decoded.end.octets() == text.substr(kept));
      REQUIRE(decoded.size == text.size());
      REQUIRE_FALSE(decoded.cut);
      REQUIRE(decoded.marks.size() == 3);
      REQUIRE(decoded.marks[0].end == 0);
      REQUIRE(decoded.marks[1].end == 11);
      REQUIRE(decoded.marks[2].end == text.size());
    }
  }
}

}  // namespace borehole::calls
