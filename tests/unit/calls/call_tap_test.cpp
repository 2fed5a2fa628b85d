#include "calls/call_tap.h"

#include "calls/record_json.h"
#include "catch.h"
#include "tls/digest.h"
#include "unit/calls/heads.h"
#include "unit/http/compressed.h"

namespace borehole::calls {

namespace {

using std::chrono::milliseconds;

class FakeClock final : public Clock {
 public:
  TimePoint now() const noexcept override { return now_; }
  WallTime wall() const noexcept override { return WallTime(std::chrono::microseconds(1'767'323'045'000'006)) + set_; }
  TimePoint now_{};
  std::chrono::microseconds set_{};  // by how much somebody set the machine's clock
};

struct Outbox final : CallOutbox {
  void deliver(std::unique_ptr<CapturedCall> call) noexcept override { calls.push_back(std::move(*call)); }
  void missed() noexcept override {}
  std::vector<CapturedCall> calls;
};

// A tap and what it delivers to.
struct Bench {
  explicit Bench(CaptureOptions options = {})
      : source(outbox, std::make_shared<const CaptureOptions>(std::move(options)), clock) {}
  std::unique_ptr<Tap> begin(WayIn way = WayIn::connect, std::string router = "/") {
    ExchangeStart start;
    start.way_in = way;
    start.router = std::move(router);
    start.client_address = "127.0.0.1:51234";
    start.upstream_host = "bedrock-runtime.us-east-1.amazonaws.com";
    start.upstream_port = 443;
    return source.begin(start, t0);
  }
  const CallRecord& only() {
    REQUIRE(outbox.calls.size() == 1);
    return outbox.calls.front().record;
  }

  FakeClock clock;
  Outbox outbox;
  CallTapSource source;
  TimePoint t0{};
};

const std::string secret_signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
const std::string secret_token = "IQoJb3JpZ2luX2VjEAoaCXVzLWVhc3QtMSJH/secret+token==";

std::string signed_head(const std::string& target, const std::string& host, const std::string& extra = {}) {
  return "POST " + target + " HTTP/1.1\r\nHost: " + host +
         "\r\nContent-Type: application/json\r\nX-Amz-Date: 20260102T030405Z\r\n" + extra +
         "X-Amz-Security-Token: " + secret_token +
         "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-west-2/bedrock/aws4_request, "
         "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=" +
         secret_signature + "\r\nContent-Length: 2\r\n\r\n";
}

const std::string aws_host = "bedrock-runtime.us-east-1.amazonaws.com";

}  // namespace

TEST_CASE("a call is captured with its times, sizes and headers", "[call_tap]") {
  Bench bench;
  auto tap = bench.begin();
  const std::string head = signed_head("/model/amazon.nova-lite-v1%3A0/converse", aws_host);
  tap->on_request_head(request_head(head), bench.t0 + milliseconds(2));
  tap->on_upstream({.address = "192.0.2.7:443",
                    .reused = false,
                    .tls_version = "TLSv1.3",
                    .alpn = "http/1.1",
                    .connect = milliseconds(10),
                    .tls = milliseconds(20)},
                   bench.t0 + milliseconds(32));
  tap->on_sent_head(head, bench.t0 + milliseconds(33));
  tap->on_request_body("{", bench.t0);
  tap->on_request_body("}", bench.t0);
  tap->on_request_complete(bench.t0 + milliseconds(34));
  tap->on_response_head(response_head("HTTP/1.1 100 Continue\r\n\r\n"), bench.t0 + milliseconds(35));
  tap->on_response_head(response_head("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: a=b\r\n\r\n"),
                        bench.t0 + milliseconds(102));
  tap->on_response_body("abc", bench.t0 + milliseconds(103));
  tap->on_note("kept a signed hop-by-hop field");
  tap->on_finished(Outcome::complete, nullptr, 0, bench.t0 + milliseconds(200));

  const CallRecord& record = bench.only();
  CHECK(record.id.size() == 26);
  CHECK(format_rfc3339(record.started_at) == "2026-01-02T03:04:05.000006Z");
  CHECK(record.client.address == "127.0.0.1:51234");
  CHECK(record.upstream.address == "192.0.2.7:443");
  CHECK(record.upstream.reused == false);
  CHECK(record.request.method == "POST");
  CHECK(record.request.body == "{}");
  CHECK(record.request.body_bytes == 2);
  CHECK_FALSE(record.request.body_truncated);
  CHECK(record.response.status == 200);
  CHECK(record.response.body == "abc");
  CHECK(record.response.headers.size() == 2);
  CHECK(record.notes == std::vector<std::string>{"kept a signed hop-by-hop field"});
  CHECK(record.timing_ms.connect == 10.0);
  CHECK(record.timing_ms.tls == 20.0);
  CHECK(record.timing_ms.upstream_first_byte == 100.0);
  CHECK(record.timing_ms.total == 200.0);
  CHECK_FALSE(record.timing_ms.added_by_proxy.has_value());
  CHECK(record.aws.access_key_id == "AKIDEXAMPLE");
  CHECK(record.aws.signed_headers ==
        std::vector<std::string>{"content-type", "host", "x-amz-date", "x-amz-security-token"});
  CHECK(record.aws.signature_intact == true);
}

TEST_CASE("a clock that is set a day ahead or back changes when a call began, and no duration", "[call_tap]") {
  const std::chrono::hours day(GENERATE(24, -24));
  Bench bench;
  auto before = bench.begin();
  before->on_request_head(request_head(signed_head("/m", aws_host)), bench.t0);
  bench.clock.set_ = day;  // while it runs
  auto after = bench.begin();
  for (Tap* tap : {before.get(), after.get()}) {
    tap->on_finished(Outcome::complete, nullptr, 0, bench.t0 + milliseconds(200));
  }
  REQUIRE(bench.outbox.calls.size() == 2);
  const CallRecord& first = bench.outbox.calls[0].record;
  const CallRecord& second = bench.outbox.calls[1].record;
  CHECK(first.timing_ms.total == 200.0);
  CHECK(second.timing_ms.total == 200.0);
  CHECK(second.started_at - first.started_at == day);
  CHECK(first.id < second.id);  // they stay in order
}

TEST_CASE("what borehole added is how long it held the request's head and the answer's", "[call_tap]") {
  using std::chrono::microseconds;
  Bench bench;
  auto tap = bench.begin();
  const std::string head = signed_head("/model/amazon.nova-lite-v1%3A0/converse", aws_host);
  tap->on_request_head(request_head(head), bench.t0);
  tap->on_request_passed(microseconds(40));  // until a connection was asked for
  SECTION("answered") {
    tap->on_request_passed(microseconds(60));  // since it was there
    tap->on_response_head(response_head("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), bench.t0 + milliseconds(5));
    tap->on_response_passed(microseconds(150), bench.t0 + milliseconds(5) + microseconds(150));
    tap->on_response_body("abc", bench.t0 + milliseconds(5));
    tap->on_finished(Outcome::complete, nullptr, 0, bench.t0 + milliseconds(5));
    CHECK(bench.only().timing_ms.added_by_proxy == 0.25);
    CHECK(bench.only().timing_ms.total == 5.15);  // not before its octets have left
  }
  SECTION("not answered") {
    const Error error{ErrorCode::dns_failed, Fault::upstream, "no"};
    tap->on_finished(Outcome::upstream_failed, &error, 502, bench.t0 + milliseconds(5));
    CHECK_FALSE(bench.only().timing_ms.added_by_proxy);
  }
}

TEST_CASE("a body over its budget is cut, marked and counted to the octet", "[call_tap]") {
  const std::string piece(7, 'x');
  for (std::size_t budget = 0; budget <= 30; ++budget) {
    CAPTURE(budget);
    Bench bench({.body_max_bytes = budget});
    auto tap = bench.begin();
    for (int i = 0; i < 4; ++i) tap->on_request_body(piece, bench.t0);
    for (int i = 0; i < 3; ++i) tap->on_response_body(piece, bench.t0);
    tap->on_finished(Outcome::complete, nullptr, 200, bench.t0);
    const CallRecord& record = bench.only();
    CHECK(record.request.body_bytes == 28);
    CHECK(record.request.body.size() == std::min<std::size_t>(budget, 28));
    CHECK(record.request.body_truncated == (budget < 28));
    CHECK(record.response.body_bytes == 21);
    CHECK(record.response.body.size() == std::min<std::size_t>(budget, 21));
    CHECK(record.response.body_truncated == (budget < 21));
  }
}

TEST_CASE("bodies under way share a bound, and give their part back", "[call_tap]") {
  Bench bench({.body_max_bytes = 100, .under_way_max_bytes = 15});
  auto first = bench.begin();
  auto second = bench.begin();
  first->on_request_body(std::string(10, 'a'), bench.t0);
  second->on_request_body(std::string(10, 'b'), bench.t0);
  first->on_finished(Outcome::complete, nullptr, 200, bench.t0);
  second->on_finished(Outcome::complete, nullptr, 200, bench.t0);
  first.reset();
  second.reset();
  auto third = bench.begin();
  third->on_request_body(std::string(15, 'c'), bench.t0);
  third->on_finished(Outcome::complete, nullptr, 200, bench.t0);

  REQUIRE(bench.outbox.calls.size() == 3);
  CHECK(bench.outbox.calls[0].record.request.body == std::string(10, 'a'));
  CHECK_FALSE(bench.outbox.calls[0].record.request.body_truncated);
  CHECK(bench.outbox.calls[1].record.request.body == std::string(5, 'b'));
  CHECK(bench.outbox.calls[1].record.request.body_truncated);
  CHECK(bench.outbox.calls[1].record.request.body_bytes == 10);
  CHECK_FALSE(bench.outbox.calls[2].record.request.body_truncated);
}

TEST_CASE("no secret leaves the tap in any field", "[call_tap]") {
  Bench bench({.mask_headers = {"x-api-key", "set-cookie"}});
  auto tap = bench.begin();
  const std::string head = signed_head(
      "/model/m/converse?X-Amz-Signature=" + secret_signature + "&X-Amz-Security-Token=IQoJb3JpZ2lu%2Fquery", aws_host,
      "X-Api-Key: api-secret-1\r\nX-Api-Key: api-secret-2\r\nProxy-Authorization: Basic cHJveHk6c2VjcmV0\r\n");
  tap->on_request_head(request_head(head), bench.t0);
  tap->on_sent_head(head, bench.t0);
  tap->on_note("the field " + secret_token + " was kept");
  tap->on_response_head(response_head("HTTP/1.1 403 Forbidden\r\nSet-Cookie: sid=cookie-secret\r\n\r\n"), bench.t0);
  tap->on_response_body(R"({"message":"should have been 'x-amz-security-token:)", bench.t0);
  tap->on_response_body(secret_token.substr(0, 20), bench.t0);
  tap->on_response_body(secret_token.substr(20) + "'\"}", bench.t0);
  const Error error{ErrorCode::upstream_broke, Fault::upstream, "broke after Signature=" + secret_signature};
  tap->on_finished(Outcome::upstream_failed, &error, 0, bench.t0);

  REQUIRE(bench.outbox.calls.size() == 1);
  CapturedCall& call = bench.outbox.calls.front();
  decode(call);
  const std::string json = to_json(call.record) + call.target;
  INFO(json);
  for (const std::string& secret :
       {secret_signature, secret_token, std::string("api-secret"), std::string("cHJveHk6c2VjcmV0"),
        std::string("cookie-secret"), std::string("IQoJb3JpZ2lu")}) {
    CAPTURE(secret);
    CHECK(json.find(secret) == std::string::npos);
  }
  CHECK(json.find("AKIDEXAMPLE") != std::string::npos);
  CHECK(json.find("AWS4-HMAC-SHA256 ***") != std::string::npos);
}

TEST_CASE("a compressed refusal is cleansed once it is decoded", "[call_tap]") {
  Bench bench;
  auto tap = bench.begin();
  const std::string head = signed_head("/model/m/converse", aws_host);
  tap->on_request_head(request_head(head), bench.t0);
  tap->on_sent_head(head, bench.t0);
  tap->on_response_head(response_head("HTTP/1.1 403 Forbidden\r\nContent-Encoding: gzip\r\n\r\n"), bench.t0);
  tap->on_response_body(tests::gzip(R"({"message":"not )" + secret_token + R"("})"), bench.t0);
  tap->on_finished(Outcome::complete, nullptr, 0, bench.t0);
  REQUIRE(bench.outbox.calls.size() == 1);
  CapturedCall& call = bench.outbox.calls.front();
  decode(call);
  CHECK(call.record.response.body == R"({"message":"not ***"})");
  CHECK(call.record.response.error_message == "not ***");
}

TEST_CASE("whether the signature stayed intact is seen from both heads", "[call_tap]") {
  const auto intact = [](WayIn way, const std::string& router, const std::string& received, const std::string& sent) {
    Bench bench;
    auto tap = bench.begin(way, router);
    tap->on_request_head(request_head(received), bench.t0);
    tap->on_sent_head(sent, bench.t0);
    tap->on_finished(Outcome::complete, nullptr, 200, bench.t0);
    return bench.only().aws.signature_intact;
  };
  const std::string path = "/model/m/converse";
  const std::string sent = signed_head(path, aws_host);

  CHECK(intact(WayIn::connect, "/", sent, sent) == true);
  CHECK(intact(WayIn::connect, "/", signed_head(path, aws_host, "Proxy-Connection: keep-alive\r\n"), sent) == true);
  CHECK(intact(WayIn::absolute, "/", signed_head("https://" + aws_host + path, aws_host), sent) == true);
  CHECK(intact(WayIn::connect, "/", sent, signed_head("/model/other/converse", aws_host)) == false);
  CHECK(intact(WayIn::connect, "/", sent, signed_head(path, "elsewhere.example")) == false);
  CHECK(intact(WayIn::connect, "/", sent, signed_head(path, aws_host, "X-Amz-Date: 20260102T030406Z\r\n")) == false);
  CHECK(intact(WayIn::gateway, "/service/", signed_head("/service" + path, aws_host), sent) == true);
  CHECK(intact(WayIn::gateway, "/service/", signed_head("/service" + path, "localhost:5380"), sent) == std::nullopt);
  const std::string bearer = "POST " + path + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer abcdefgh\r\n\r\n";
  CHECK(intact(WayIn::connect, "/", bearer, bearer) == std::nullopt);
}

TEST_CASE("of a call that Amazon refused it is kept how it was signed, and no secret", "[call_tap]") {
  const auto record_of = [](const std::string& head, const char* answer) {
    Bench bench;
    auto tap = bench.begin();
    tap->on_request_head(request_head(head), bench.t0);
    tap->on_sent_head(head, bench.t0);
    tap->on_response_head(response_head(answer), bench.t0);
    tap->on_finished(Outcome::complete, nullptr, 0, bench.t0);
    return bench.only();
  };
  const char* const refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
  const std::string head = signed_head("/model/m/converse", aws_host);
  CallRecord record = record_of(head, refused);
  REQUIRE(record.aws.signing);
  CHECK(record.aws.signing->scheme == "sigv4");
  CHECK(record.aws.signing->scope == "20260102/us-west-2/bedrock/aws4_request");
  CHECK(record.aws.signing->signature_sha256 == tls::lower_hex(tls::sha256(secret_signature)));
  std::string json = to_json(record);
  CHECK(json.find(
            R"("signing":{"scheme":"sigv4","scope":"20260102/us-west-2/bedrock/aws4_request","signature_sha256":")") !=
        std::string::npos);
  CHECK(json.find(secret_signature) == std::string::npos);

  CHECK_FALSE(record_of(head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").aws.signing);

  record = record_of("POST /m HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ABSKnot*base64\r\n\r\n", refused);
  REQUIRE(record.aws.signing);
  CHECK(record.aws.signing->api_key == "long_term");
  CHECK(record.aws.signing->api_key_fault == "not_base64");
  CHECK(record.aws.signing->signature_sha256.empty());
  json = to_json(record);
  CHECK(json.find("not*base64") == std::string::npos);

  record = record_of(
      "POST /m?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260102%2Fus-west-2%2Fbedrock"
      "%2Faws4_request&X-Amz-Signature=" +
          secret_signature + " HTTP/1.1\r\nHost: h\r\n\r\n",
      refused);
  REQUIRE(record.aws.signing);
  CHECK(record.aws.signing->scheme == "sigv4_query");
  CHECK(record.aws.signing->signature_sha256 == tls::lower_hex(tls::sha256(secret_signature)));

  record = record_of("POST /m HTTP/1.1\r\nHost: h\r\n\r\n", refused);
  REQUIRE(record.aws.signing);
  CHECK(record.aws.signing->scheme == "none");
}

TEST_CASE("a refused call has the status that the client was answered, and no answer's headers", "[call_tap]") {
  Bench bench;
  auto tap = bench.begin(WayIn::gateway, "/service/");
  tap->on_request_head(request_head(signed_head("/service/model/m/converse", "localhost:5380")), bench.t0);
  const Error error{ErrorCode::no_route, Fault::client, "no router matches"};
  tap->on_finished(Outcome::refused, &error, 404, bench.t0 + milliseconds(1));
  const CallRecord& record = bench.only();
  CHECK(record.outcome == Outcome::refused);
  CHECK(record.response.status == 404);
  CHECK(record.response.headers.empty());
  REQUIRE(record.error.has_value());
  CHECK(record.error->code == ErrorCode::no_route);
  CHECK_FALSE(record.aws.signature_intact.has_value());
  CHECK(bench.outbox.calls.front().target == "/model/m/converse");
  CHECK(record.request.target == "/service/model/m/converse");
}

TEST_CASE("what comes after a call's end is no part of it", "[call_tap]") {
  Bench bench;
  const auto tap = bench.begin();
  tap->on_finished(Outcome::client_aborted, nullptr, 0, bench.t0);
  CHECK(tap->id().empty());
  tap->on_upstream({}, bench.t0);
  tap->on_sent_head("GET / HTTP/1.1\r\n\r\n", bench.t0);
  tap->on_request_body("late", bench.t0);
  tap->on_request_passed(Duration{1});
  tap->on_response_body("late", bench.t0);
  tap->on_response_passed(Duration{1}, bench.t0);
  tap->on_note("late");
  tap->on_finished(Outcome::complete, nullptr, 0, bench.t0);
  CHECK(bench.only().outcome == Outcome::client_aborted);
  CHECK(bench.only().request.body_bytes == 0);
  CHECK(bench.only().notes.empty());
}

TEST_CASE("the cost of a captured call covers its bodies", "[call_tap]") {
  CapturedCall call;
  call.record.request.body.assign(1000, 'x');
  call.record.response.body.assign(500, 'x');
  call.record.response.headers.emplace_back("name", std::string(300, 'v'));
  CHECK(call.cost() >= sizeof(CapturedCall) + 1800);
}

TEST_CASE("the session that a client names is kept, under the header that is configured") {
  const std::string host = "bedrock-runtime.us-east-1.amazonaws.com";
  const auto session = [&](std::optional<std::string> header, std::vector<std::string> masked = {}) {
    CaptureOptions options;
    options.session_header = std::move(header);
    options.mask_headers = std::move(masked);
    Bench bench(std::move(options));
    auto tap = bench.begin();
    CHECK(tap->id().size() == 26);
    const std::string id(tap->id());
    tap->on_request_head(request_head(signed_head("/m", host, "SESSION-id:  chat \xc3\xbc 7 \r\nX-Chat: other\r\n")),
                         bench.t0);
    tap->on_finished(Outcome::refused, nullptr, 403, bench.t0);
    CHECK(bench.only().id == id);
    const std::string json = to_json(bench.only());
    CHECK((json.find("\"session_id\":\"" + bench.only().session_id + "\"") != std::string::npos) ==
          !bench.only().session_id.empty());
    return bench.only().session_id;
  };
  CHECK(session("session-id") == "chat \xc3\xbc 7");
  CHECK(session("x-chat") == "other");
  CHECK(session("x-none").empty());
  CHECK(session(std::nullopt).empty());
  CHECK(session("session-id", {"session-id"}) == "***");
}

TEST_CASE("of a streamed response, arrivals are marked and the end beyond the budget is kept", "[call_tap]") {
  Bench bench({.body_max_bytes = 5});
  const auto run = [&](const std::string& type) -> const CapturedCall& {
    auto tap = bench.begin();
    tap->on_request_head(request_head("POST /model/m/converse-stream HTTP/1.1\r\nHost: h\r\n\r\n"), bench.t0);
    tap->on_response_head(response_head("HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\n\r\n"), bench.t0);
    tap->on_response_body("abcd", bench.t0 + milliseconds(10));
    tap->on_response_body("efgh", bench.t0 + milliseconds(30));
    tap->on_finished(Outcome::complete, nullptr, 0, bench.t0 + milliseconds(40));
    return bench.outbox.calls.back();
  };
  const CapturedCall& stream = run("application/vnd.amazon.eventstream");
  CHECK(stream.record.response.body == "abcde");
  CHECK(stream.response_end.octets() == "fgh");
  REQUIRE(stream.response_marks.marks().size() == 2);
  CHECK(stream.response_marks.marks()[0].end == 4);
  CHECK(stream.response_marks.marks()[0].at * StreamMarks::tick == milliseconds(10));
  CHECK(stream.response_marks.marks()[1].end == 8);
  CHECK(stream.response_marks.marks()[1].at * StreamMarks::tick == milliseconds(30));
  CHECK(run("text/event-stream; charset=utf-8").response_end.octets() == "fgh");
  const CapturedCall& document = run("application/json");
  CHECK(document.response_marks.marks().empty());
  CHECK(document.response_end.octets().empty());
}

TEST_CASE("what is kept of streams besides their bodies is part of the common bound", "[call_tap]") {
  Bench bench({.body_max_bytes = 0, .under_way_max_bytes = 10'000});
  const auto begin = [&] {
    auto tap = bench.begin();
    tap->on_response_head(response_head("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"), bench.t0);
    return tap;
  };
  auto first = begin();
  auto second = begin();
  first->on_response_body(std::string(20'000, 'a'), bench.t0);
  second->on_response_body(std::string(20'000, 'b'), bench.t0);
  first->on_finished(Outcome::complete, nullptr, 0, bench.t0);
  second->on_finished(Outcome::complete, nullptr, 0, bench.t0);
  first.reset();
  second.reset();
  auto third = begin();
  third->on_response_body("ccc", bench.t0);
  third->on_finished(Outcome::complete, nullptr, 0, bench.t0);
  REQUIRE(bench.outbox.calls.size() == 3);
  CHECK(bench.outbox.calls[0].response_end.octets().size() == 20'000);
  CHECK(bench.outbox.calls[1].response_end.octets().empty());
  CHECK(bench.outbox.calls[1].record.response.body_bytes == 20'000);
  CHECK(bench.outbox.calls[2].response_end.octets() == "ccc");
}

namespace {

const std::string from_client(
    "\x81\x82\x01\x02\x03\x04"
    "ab\x88\x82\x00\x00\x00\x00\x03\xe8",
    16);                                                                      // text, close 1000
const std::string from_upstream("\x82\x03xyz\x89\x00\x8a\x01p\x80\x00", 12);  // and the rest

// What stands in the record of each side's frames, as far as the record has any.
std::string frames_of(const CallRecord& record) {
  const std::string json = to_json(record);
  std::string out;
  for (std::size_t at = json.find("\"websocket\":"); at != std::string::npos;
       at = json.find("\"websocket\":", at + 1)) {
    out += json.substr(at + 12, json.find('}', at) - at - 11);
  }
  return out;
}

const std::string both_sides = R"({"frames":2,"text":1,"close":1,"payload_bytes":4,"close_code":1000})"
                               R"({"frames":4,"binary":1,"continuation":1,"ping":1,"pong":1,"payload_bytes":4})";

}  // namespace

TEST_CASE("a WebSocket's frames are counted behind 101, in whatever portions they come", "[call_tap]") {
  for (std::size_t split = 0; split <= from_client.size(); ++split) {
    Bench bench({.body_max_bytes = split});
    auto tap = bench.begin();
    tap->on_request_head(
        request_head("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), bench.t0);
    tap->on_response_head(
        response_head("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n"),
        bench.t0);
    const std::size_t down = std::min(split, from_upstream.size());
    tap->on_request_body(Bytes(from_client).substr(0, split), bench.t0);
    tap->on_response_body(Bytes(from_upstream).substr(0, down), bench.t0);
    tap->on_request_body(Bytes(from_client).substr(split), bench.t0);
    tap->on_response_body(Bytes(from_upstream).substr(down), bench.t0);
    tap->on_finished(Outcome::complete, nullptr, 101, bench.t0);
    CHECK(frames_of(bench.only()) == both_sides);
  }
}

TEST_CASE("a WebSocket of an extended CONNECT is one as soon as it is accepted", "[call_tap]") {
  const auto record_of = [](std::string protocol, const std::string& answer) {
    Bench bench;
    ExchangeStart start;
    start.protocol = std::move(protocol);
    auto tap = bench.source.begin(start, bench.t0);
    tap->on_request_head(request_head("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"), bench.t0);
    tap->on_response_head(response_head(answer), bench.t0);
    tap->on_request_body(from_client, bench.t0);
    tap->on_response_body(from_upstream, bench.t0);
    tap->on_finished(Outcome::complete, nullptr, 200, bench.t0);
    return frames_of(bench.only());
  };
  CHECK(record_of("websocket", "HTTP/1.1 200 \r\n\r\n") == both_sides);
  CHECK(record_of("websocket", "HTTP/1.1 403 \r\n\r\n").empty());
  CHECK(record_of("connect-udp", "HTTP/1.1 200 \r\n\r\n").empty());
  CHECK(record_of("", "HTTP/1.1 200 \r\n\r\n").empty());
}

TEST_CASE("another protocol behind 101 is no WebSocket", "[call_tap]") {
  Bench bench;
  auto tap = bench.begin();
  tap->on_request_head(request_head("GET /x HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"),
                       bench.t0);
  tap->on_response_head(response_head("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n"), bench.t0);
  tap->on_request_body(from_client, bench.t0);
  tap->on_finished(Outcome::complete, nullptr, 101, bench.t0);
  CHECK(frames_of(bench.only()).empty());
}

TEST_CASE("under rules that hide something, a WebSocket's octets are not kept", "[call_tap]") {
  auto rules = std::make_shared<RedactionRules>();
  rules->email = true;
  CaptureOptions options;
  options.redaction = rules;
  Bench bench(options);
  auto tap = bench.begin();
  tap->on_request_head(request_head("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
                       bench.t0);
  tap->on_response_head(response_head("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), bench.t0);
  tap->on_request_body(from_client, bench.t0);
  tap->on_response_body(from_upstream, bench.t0);
  tap->on_finished(Outcome::complete, nullptr, 101, bench.t0);
  decode(bench.outbox.calls.front());
  const CallRecord& record = bench.only();
  CHECK(record.request.body.empty());
  CHECK(record.response.body.empty());
  CHECK(record.response.body_withheld == "the frames of a WebSocket cannot be looked into");
  CHECK(frames_of(record) == both_sides);
}

}  // namespace borehole::calls
