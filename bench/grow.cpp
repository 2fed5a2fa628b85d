// Makes a call store of so many calls, by the program's own writer: `grow STORE CALLS` adds what is missing to those
// that are there. What a call is hangs on its number alone, so that a store always comes out the same. Prints, as JSON,
// what writing took. The calls are a second apart from 2026 on, from a team with eight models, twelve access keys,
// three regions and four SDKs; one in twenty is throttled and tried again; call 5 is the only one of its model. Bodies
// are left out of the records but for a line, since what is read here is not in them.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "calls/call_record.h"
#include "store/call_store.h"

namespace {

using namespace borehole;

constexpr std::uint64_t batch_calls = 512;  // as the recorder writes them at most
constexpr std::chrono::seconds first_second{1'767'225'600};

constexpr std::array<const char*, 8> models{"us.anthropic.claude-sonnet-4-20250514-v1:0",
                                            "us.anthropic.claude-3-5-haiku-20241022-v1:0",
                                            "amazon.nova-lite-v1:0",
                                            "amazon.nova-pro-v1:0",
                                            "us.meta.llama3-3-70b-instruct-v1:0",
                                            "mistral.mistral-large-2407-v1:0",
                                            "amazon.titan-embed-text-v2:0",
                                            "cohere.embed-english-v3"};
constexpr std::array<const char*, 3> regions{"us-east-1", "us-west-2", "eu-central-1"};
constexpr std::array<const char*, 4> sdks{"boto3", "aws-sdk-js", "aws-sdk-java", "aws-cli"};

// SplitMix64 of a call's number and of what it is wanted for.
std::uint64_t chance(std::uint64_t number, std::uint64_t what) {
  std::uint64_t z = number * 0x9E3779B97F4A7C15U + what * 0xD1B54A32D192ED03U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}
// From 0 to 1, the small ones more often.
double skewed(std::uint64_t number, std::uint64_t what) {
  const double even = static_cast<double>(chance(number, what) >> 11U) / 9007199254740992.0;
  return even * even;
}

bool throttled(std::uint64_t number) { return chance(number, 1) % 20 == 0; }

calls::CallRecord call(std::uint64_t number) {
  calls::CallRecord out;
  const bool retry = number > 0 && throttled(number - 1);
  const std::uint64_t client = retry ? number - 1 : number;  // whose call it is
  out.started_at = WallTime(first_second + std::chrono::seconds(number));
  out.id = new_ulid(out.started_at);
  out.way_in = calls::WayIn::connect;
  out.router = "/";
  const auto key = static_cast<std::size_t>(skewed(client, 2) * 12);
  out.aws.model_id =
      number == 5 ? "stability.the-only-one-v1:0" : models.at(static_cast<std::size_t>(skewed(client, 3) * 8));
  out.aws.region = regions.at(key % 3);
  out.aws.service = "bedrock";
  out.aws.operation = chance(client, 4) % 3 == 0 ? "InvokeModel" : "ConverseStream";
  out.aws.access_key_id = fmt::format("AKIAIOSFODNN7EXAMPL{}", static_cast<char>('A' + key));
  out.aws.request_id = fmt::format("{:016x}-{:08x}", chance(number, 5), number);
  out.aws.invocation_id = fmt::format("{:016x}-inv", chance(client, 6));
  out.aws.attempt = retry ? 2 : 1;
  out.aws.max_attempts = 3;
  out.client.address = fmt::format("10.0.0.{}:{}", key + 1, 20000 + number % 40000);
  out.client.sdk = sdks.at(key % 4);
  if (key % 4 == 0) {  // on this machine: another process each day
    out.client.process_name = "python3";
    out.client.process_pid = static_cast<std::int64_t>(1000 + number / 86'400 * 12 + key);
  }
  if (key == 3) out.session_id = fmt::format("chat-{}", number / 5000);
  out.upstream.host = fmt::format("bedrock-runtime.{}.amazonaws.com", out.aws.region);
  out.upstream.port = 443;
  out.request.method = "POST";
  out.request.target = fmt::format("/model/{}/converse-stream", out.aws.model_id);
  out.request.headers = {{"content-type", "application/json"}, {"x-number", std::to_string(number)}};
  out.request.body = fmt::format(R"({{"messages":[{{"role":"user","content":[{{"text":"question {}"}}]}}]}})", number);
  out.request.body_bytes = 1000 + chance(number, 7) % 20000;
  out.timing_ms.total = 120 + 20000 * skewed(number, 8);
  if (throttled(number)) {
    out.response.status = 429;
    out.response.error_type = "ThrottlingException";
    out.timing_ms.total = 15 + 30 * skewed(number, 8);
    return out;
  }
  out.response.status = chance(number, 9) % 200 == 0 ? 503 : 200;
  if (out.response.status != 200) return out;
  out.response.body_bytes = 500 + chance(number, 10) % 8000;
  out.timing_ms.first_token = *out.timing_ms.total * 0.2;
  out.usage.input_tokens = 100 + chance(number, 11) % 4000;
  out.usage.output_tokens = 20 + chance(number, 12) % 900;
  if (out.aws.model_id != models[7]) {
    out.cost_usd = fmt::format("0.{:07}", *out.usage.input_tokens * 3 + *out.usage.output_tokens * 15);
  }
  return out;
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

int run(const std::string& path, std::uint64_t wanted) {
  auto store = store::CallStoreWriter::open(path);
  if (!store) return fmt::print(stderr, "grow: {}\n", store.error().detail), 1;
  const auto reader = store::CallStoreReader::open(path);
  if (!reader) return fmt::print(stderr, "grow: {}\n", reader.error().detail), 1;
  const auto newest = (*reader)->newest();
  if (!newest) return fmt::print(stderr, "grow: {}\n", newest.error().detail), 1;
  const auto had = static_cast<std::uint64_t>(newest->seq);  // `seq` counts them, as long as none is taken away
  double spent = 0;
  std::vector<calls::CallRecord> batch;
  for (std::uint64_t at = had; at < wanted;) {
    batch.clear();
    while (batch.size() < batch_calls && at < wanted) batch.push_back(call(at++));
    const double before = processor_seconds();
    if (const auto wrote = (*store)->write(batch); !wrote) {
      return fmt::print(stderr, "grow: {}\n", wrote.error().detail), 1;
    }
    spent += processor_seconds() - before;
  }
  const auto added = wanted > had ? wanted - had : 0;
  fmt::print(R"({{"added":{},"cpu_us":{:.3f}}})"
             "\n",
             added, added == 0 ? 0 : spent * 1e6 / static_cast<double>(added));
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return fmt::print(stderr, "grow STORE CALLS\n"), 2;
  return run(words[1], std::strtoull(words[2], nullptr, 10));
}
