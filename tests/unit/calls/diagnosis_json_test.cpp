#include "calls/diagnosis_json.h"

#include "catch.h"

using namespace borehole;

TEST_CASE("a diagnosis is one JSON object", "[diagnosis_json]") {
  CHECK(calls::to_json("01K", {}) == R"({"id":"01K","failed":false,"findings":[]})");

  bedrock::Diagnosis diagnosis;
  diagnosis.failed = true;
  diagnosis.findings = {{"one", "a \"b\"", "c", {"d", "e\n"}, 80}, {"two", "f", "g", {}, 40}};
  diagnosis.canonical = bedrock::CanonicalComparison{"POST\nx", "POST\ny", 2, "x", "y"};
  diagnosis.signature = bedrock::SignatureProof{bedrock::Proof::does_not_fit, "h"};
  CHECK(
      calls::to_json("01K", diagnosis) ==
      R"({"id":"01K","failed":true,"findings":[{"code":"one","sentence":"a \"b\"","remedy":"c","evidence":["d","e\n"]},)"
      R"({"code":"two","sentence":"f","remedy":"g","evidence":[]}],)"
      R"("canonical":{"ours":"POST\nx","amazons":"POST\ny","same":false,"line":2,"our_line":"x","amazons_line":"y"},)"
      R"("signature":{"proof":"does_not_fit","sentence":"h"}})");
}
