// What recording costs without sockets: calls of one shape go through tap, mailbox, decoding and store, as fast as they
// can. Prints the processor time of the worker's part and of the recorder's per call; under `valgrind --tool=callgrind`
// the same run counts instructions, which nothing else on the machine changes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>

#include "calls/call_tap.h"
#include "http/message_reader.h"
#include "store/call_store.h"
#include "store/recorder.h"

namespace {

using namespace borehole;

double micros_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

std::string repeated(std::string_view text, std::size_t size) {
  std::string out;
  while (out.size() < size) out += text;
  out.resize(size);
  return out;
}

std::string request_body(std::size_t size) {
  const std::string open =
      R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":512,"messages":[{"role":"user","content":")";
  const std::string close = R"("}]})";
  const std::size_t frame = open.size() + close.size();
  return open +
         repeated(
             "Tell me about wells, springs and the water table; mention chalk, gravel and clay, and how each of them "
             "holds water. ",
             size > frame ? size - frame : 0) +
         close;
}

// As an SDK signs it; the signature has the right shape, nobody checks it.
std::string request_head_text(std::size_t body) {
  return fmt::format(
      "POST /model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/invoke HTTP/1.1\r\n"
      "Host: bedrock-runtime.us-east-1.amazonaws.com\r\nAccept-Encoding: identity\r\nAccept: application/json\r\n"
      "Content-Type: application/json\r\n"
      "User-Agent: Boto3/1.34.46 md/Botocore#1.34.46 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.2 "
      "md/pyimpl#CPython cfg/retry-mode#standard Botocore/1.34.46\r\nX-Amz-Date: 20260302T101112Z\r\n"
      "X-Amz-Security-Token: {}\r\nAuthorization: AWS4-HMAC-SHA256 "
      "Credential=ASIAIOSFODNN7EXAMPLE/20260302/us-east-1/bedrock/aws4_request, "
      "SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token, Signature={}\r\n"
      "amz-sdk-invocation-id: 0f1c7f6e-52b4-4c0e-9a55-3a1d2f0b8c77\r\namz-sdk-request: attempt=1\r\n"
      "Content-Length: {}\r\n\r\n",
      repeated("IQoJb3JpZ2luX2VjEJv", 456), repeated("0f1e2d3c", 64), body);
}

std::string response_body() {
  return R"({"id":"msg_bdrk_01XhTbYkW","type":"message","role":"assistant","model":"claude-3-5-sonnet-20240620","content":[{"type":"text","text":")" +
         repeated("Chalk holds water in its pores and lets it go through cracks. ", 380) +
         R"("}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":231,"output_tokens":97}})";
}

std::string response_head_text(std::size_t body) {
  return fmt::format(
      "HTTP/1.1 200 OK\r\nDate: Mon, 02 Mar 2026 10:11:12 GMT\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\nConnection: keep-alive\r\nx-amzn-RequestId: 3f0c9a52-8d0e-4a5c-9a51-6c1f0b7f4e21\r\n"
      "X-Amzn-Bedrock-Invocation-Latency: 812\r\nX-Amzn-Bedrock-Input-Token-Count: 231\r\n"
      "X-Amzn-Bedrock-Output-Token-Count: 97\r\n\r\n",
      body);
}

int run(std::uint64_t count, std::size_t body_size, std::uint64_t batch, const std::filesystem::path& folder) {
  const std::string body = request_body(body_size);
  const std::string head_text = request_head_text(body.size());
  const std::string answer = response_body();
  http::MessageReader request_reader(http::Role::request), response_reader(http::Role::response);
  response_reader.expect_response_to("POST");
  if (!request_reader.feed(head_text) || !response_reader.feed(response_head_text(answer.size()))) return 1;
  const http::RequestHead& request = request_reader.request_head();
  const http::ResponseHead& response = response_reader.response_head();

  std::vector<std::unique_ptr<calls::Sink>> sinks;
  auto store = store::CallStoreWriter::open((folder / "calls.db").string());
  if (!store) return 1;
  sinks.push_back(*std::move(store));
  const SystemClock clock;
  store::Recorder recorder(std::move(sinks), {});
  calls::CallTapSource source(recorder, std::make_shared<calls::CaptureOptions>(), clock);
  const calls::ExchangeStart start{.way_in = calls::WayIn::direct,
                                   .router = "/",
                                   .client_address = "127.0.0.1:51234",
                                   .upstream_host = "bedrock-runtime.us-east-1.amazonaws.com",
                                   .upstream_port = 443};
  const calls::UpstreamFacts facts{
      .address = "127.0.0.1:443", .reused = true, .tls_version = "TLSv1.3", .alpn = "http/1.1"};

  const double thread_before = micros_of(CLOCK_THREAD_CPUTIME_ID), process_before = micros_of(CLOCK_PROCESS_CPUTIME_ID);
  for (std::uint64_t i = 0; i < count; ++i) {
    auto tap = source.begin(start, clock.now());
    tap->on_request_head(request, clock.now());
    tap->on_upstream(facts, clock.now());
    tap->on_sent_head(request.raw(), clock.now());
    tap->on_request_body(body, clock.now());
    tap->on_request_complete(clock.now());
    tap->on_response_head(response, clock.now());
    tap->on_response_body(answer, clock.now());
    tap->on_finished(calls::Outcome::complete, nullptr, 0, clock.now());
    if (i % batch == batch - 1) recorder.flush();
  }
  const double worker = micros_of(CLOCK_THREAD_CPUTIME_ID) - thread_before;
  recorder.flush();
  const double all = micros_of(CLOCK_PROCESS_CPUTIME_ID) - process_before;
  const auto counted = recorder.counters();
  std::uintmax_t octets = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) octets += entry.file_size();
  const auto n = static_cast<double>(count);
  fmt::print("worker {:.2f} us, recorder {:.2f} us per call; {} of {} written; {:.0f} octets on disk per call\n",
             worker / n, (all - worker) / n, counted.written, count, static_cast<double>(octets) / n);
  return counted.written == count ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  const auto calls = count > 1 ? std::strtoull(words[1], nullptr, 10) : 20000;
  const auto body = count > 2 ? std::strtoull(words[2], nullptr, 10) : 1024;
  // As 5,000 calls a second make them, where nothing else is said.
  const auto batch = std::max(count > 3 ? std::strtoull(words[3], nullptr, 10) : 250, 1ULL);
  std::string folder = (std::filesystem::temp_directory_path() / "borehole-records-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  const int status = run(calls, body, batch, folder);
  std::filesystem::remove_all(folder);
  return status;
}
