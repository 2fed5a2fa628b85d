#include "app/run_summary.h"

#include <string>

#include "catch.h"

using namespace borehole;

namespace {

std::string good(const std::string& model, int in, int out, double ms) {
  return R"({"id":"01A","outcome":"complete","upstream":{"host":"bedrock-runtime.us-east-1.amazonaws.com"},)"
         R"("aws":{"operation":"Converse","model_id":")" +
         model + R"("},"request":{"method":"POST","target":"/model/x/converse"},"response":{"status":200},"usage":)" +
         R"({"input_tokens":)" + std::to_string(in) + R"(,"output_tokens":)" + std::to_string(out) +
         R"(},"timing_ms":{"total":)" + std::to_string(ms) + "}}";
}

std::string refused_by_amazon(const std::string& id, const std::string& type, const std::string& message) {
  return R"({"id":")" + id +
         R"(","outcome":"complete","upstream":{"host":"bedrock-runtime.us-east-1.amazonaws.com"},)"
         R"("aws":{"operation":"Converse","model_id":"m"},"request":{"method":"POST","target":"/model/m/converse"},)"
         R"("response":{"status":400,"error_type":")" +
         type + R"(","error_message":")" + message + R"("},"timing_ms":{"total":3}})";
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("calls are summed up by model: calls, errors, tokens, median and longest time") {
  app::RunSummary summary;
  for (const double ms : {10.0, 40.0, 20.0}) CHECK(summary.add(good("b.model", 5, 7, ms)));
  CHECK(summary.add(good("a.model", 1, 2, 8)));
  CHECK(summary.add(good("a.model", 1, 2, 4)));
  CHECK(summary.saw_bedrock());
  CHECK(summary.text() ==
        "borehole: 5 Bedrock calls, 0 failed; 17 tokens in, 25 out\n"
        "  MODEL     CALLS  ERRORS         IN        OUT  MEDIAN MS     MAX MS\n"
        "  a.model       2       0          2          4        6.0        8.0\n"
        "  b.model       3       0         15         21       20.0       40.0\n");
}

TEST_CASE("failures are told by kind, with what Amazon said and what to do") {
  app::RunSummary summary;
  CHECK(summary.add(refused_by_amazon("01B", "ThrottlingException", "Too many requests")));
  CHECK(summary.add(refused_by_amazon("01C", "ThrottlingException", "Too many requests")));
  CHECK(summary.add(
      refused_by_amazon("01D", "ValidationException", "model m with on-demand throughput isn't supported")));
  const auto text = summary.text();
  CAPTURE(text);
  CHECK(holds(text, "borehole: 3 Bedrock calls, 3 failed\n"));
  CHECK(holds(text,
              "  failed 2 times: Converse m (01B)\n    400 ThrottlingException: Too many requests\n    to do: send"));
  CHECK(holds(text, "  failed: Converse m (01D)\n"));
  CHECK(holds(text, "inference profile"));
}

TEST_CASE("the proxy's own refusals carry their remedy; other hosts count for their failures alone") {
  app::RunSummary summary;
  CHECK(summary.add(
      R"({"id":"01E","outcome":"refused","error":{"code":"dns_failed","message":"no such name: mend it"},)"
      R"("upstream":{"host":"bedrock-runtime.eu-west-1.amazonaws.com"},"request":{"method":"POST","target":"/x"}})"));
  CHECK(summary.could_not_reach());
  CHECK(summary.add(R"({"id":"01F","outcome":"complete","upstream":{"host":"example.com"},"request":{"method":"GET",)"
                    R"("target":"http://example.com/"},"response":{"status":404}})"));
  CHECK(summary.others() == 1);
  const auto text = summary.text();
  CAPTURE(text);
  CHECK(holds(text, "1 Bedrock call, 1 failed\n"));
  CHECK(holds(text, "refused dns_failed: no such name: mend it"));
  CHECK_FALSE(holds(text, "example.com"));
}

TEST_CASE("calls without a model have a row by their operation, or one together") {
  app::RunSummary summary;
  const std::string host = R"("upstream":{"host":"bedrock.us-east-1.amazonaws.com"},)";
  CHECK(summary.add(R"({"id":"01J","outcome":"complete",)" + host +
                    R"("aws":{"operation":"ListFoundationModels"},)"
                    R"("request":{"method":"GET","target":"/foundation-models"},"response":{"status":200}})"));
  for (const char* target : {"/a", "/b"}) {
    CHECK(summary.add(R"({"id":"01K","outcome":"complete",)" + host + R"("request":{"method":"GET","target":")" +
                      target + R"("},"response":{"status":200}})"));
  }
  const auto text = summary.text();
  CAPTURE(text);
  CHECK(holds(text, "\n  (ListFoundationModels)       1       0"));
  CHECK(holds(text, "\n  (no model)                   2       0"));
}

TEST_CASE("a client that ends TLS is named by its host, with the likely reason") {
  app::RunSummary summary;
  CHECK(summary.add(R"({"id":"01L","outcome":"client_aborted","error":{"code":"client_tls_failed","message":"alert"},)"
                    R"("upstream":{"host":"bedrock-runtime.us-east-1.amazonaws.com"},"request":{}})"));
  const auto text = summary.text();
  CAPTURE(text);
  CHECK(holds(text, "  failed: a connection to bedrock-runtime.us-east-1.amazonaws.com (01L)\n"));
  CHECK(holds(text, "    to do: "));
  CHECK(holds(text, "bundle.pem"));
}

TEST_CASE("without a Bedrock call there is no table") {
  app::RunSummary summary;
  CHECK_FALSE(summary.saw_bedrock());
  CHECK(summary.text().empty());
}

TEST_CASE("a stream that ends in an exception is a failure") {
  app::RunSummary summary;
  CHECK(summary.add(R"({"id":"01G","outcome":"complete","aws":{"operation":"ConverseStream","model_id":"m"},)"
                    R"("response":{"status":200,"stream":{"events":3,"exception":"modelStreamErrorException"}}})"));
  CHECK(holds(summary.text(), "modelStreamErrorException inside the stream"));
}

TEST_CASE("what is no record is no call; control characters never come out") {
  app::RunSummary summary;
  for (const char* text : {"", "x", "[]", "{}", R"({"id":"1"})", R"({"id":1,"outcome":2})"})
    CHECK_FALSE(summary.add(text));
  CHECK(summary.add(refused_by_amazon("01H", "E\\u001b[2J", "a\\nb\\u009b")));
  const auto text = summary.text();
  CHECK_FALSE(holds(text, "\x1b"));
  CHECK_FALSE(holds(text, "\xc2\x9b"));
  CHECK_FALSE(holds(text, "a\nb"));
}

TEST_CASE("many kinds of failure do not flood the terminal") {
  app::RunSummary summary;
  for (int i = 0; i < 30; ++i)
    CHECK(summary.add(refused_by_amazon("01I", "E" + std::to_string(i), std::string(5000, 'x'))));
  const auto text = summary.text();
  CHECK(holds(text, "and 22 more kinds of failure\n"));
  CHECK(text.size() < 8000);
}
