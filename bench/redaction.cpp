// What redaction costs a record: decode() of one call without rules, with the built-in ones, and with patterns and
// paths.
//   redaction [KIB] [CALLS]
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "calls/captured_call.h"

using namespace borehole;

namespace {

// A conversation of so many octets: what people write, with an address here and there.
std::string conversation(std::size_t octets) {
  std::string body = R"({"system":[{"text":"Be brief."}],"messages":[)";
  for (int i = 0; body.size() < octets; ++i) {
    body += fmt::format(
        R"({}{{"role":"user","content":[{{"text":"Question {}: how deep is the lake, and what does \"deep\" mean? )"
        R"(Order 20{:05} of 12.50, see https://example.com/a/b?x=1.\nThank you{}"}}]}})",
        i == 0 ? "" : ",", i, i, i % 20 == 0 ? " from jane.doe@example.com" : "");
  }
  return body + "]}";
}

double micros_a_call(const std::shared_ptr<const calls::RedactionRules>& rules, const std::string& body, int calls) {
  Duration spent{};
  for (int i = 0; i < calls; ++i) {
    calls::CapturedCall call;
    call.redaction = rules;
    call.target = call.record.request.target = "/model/amazon.nova-lite-v1%3A0/converse";
    call.record.request.method = "POST";
    call.record.upstream.host = "bedrock-runtime.us-east-1.amazonaws.com";
    call.record.request.headers = {{"Content-Type", "application/json"}, {"User-Agent", "bench/1"}};
    call.record.request.body = body;
    call.record.request.body_bytes = body.size();
    call.record.response.status = 200;
    call.record.response.body = R"({"output":{"message":{"content":[{"text":"Deep."}]}},"usage":{"inputTokens":1}})";
    const auto begin = std::chrono::steady_clock::now();
    calls::decode(call);
    spent += std::chrono::steady_clock::now() - begin;
  }
  return std::chrono::duration<double, std::micro>(spent).count() / calls;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t kib = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 32;
  const int count = argc > 2 ? std::atoi(argv[2]) : 2000;  // NOLINT: what a person types
  const std::string body = conversation(kib * 1024);
  const auto builtin = std::make_shared<calls::RedactionRules>();
  builtin->email = builtin->card = builtin->aws_key = true;
  const auto all = std::make_shared<calls::RedactionRules>(*builtin);
  all->paths.push_back(*JsonPath::parse("$.system"));
  all->paths.push_back(*JsonPath::parse("$..password"));
  all->patterns.push_back({"order", *Pattern::compile("Order [0-9]{7}")});
  all->patterns.push_back({"iban", *Pattern::compile("[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}")});
  fmt::print("one call with {} KiB of request, mean of {}:\n", kib, count);
  micros_a_call(nullptr, body, count / 10 + 1);
  const double without = micros_a_call(nullptr, body, count);
  const auto print = [&](const char* what, double micros) {
    fmt::print("  {:<22}{:10.2f} us  {:8.1f} MB/s of body\n", what, micros,
               micros > without ? static_cast<double>(body.size()) / (micros - without) : 0.0);
  };
  print("no rules at all", without);
  print("rules that say nothing", micros_a_call(std::make_shared<calls::RedactionRules>(), body, count));
  print("built-in ones", micros_a_call(builtin, body, count));
  print("and 2 patterns, 2 paths", micros_a_call(all, body, count));
  return 0;
}
