// Fuzzes the diagnosis of a recorded call. Input: a record as JSON.
#include "bedrock/diagnosis.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "calls/diagnosis_json.h"
#include "fuzz/invariant.h"

using namespace borehole;

namespace {

void check(const bedrock::Diagnosis& diagnosis) {
  demand(diagnosis.failed != diagnosis.findings.empty(), "a failure has a finding, and nothing else has one");
  int before = diagnosis.findings.empty() ? 0 : diagnosis.findings.front().weight;
  for (const bedrock::Finding& finding : diagnosis.findings) {
    demand(!finding.code.empty() && !finding.sentence.empty() && !finding.remedy.empty(), "a finding says all");
    demand(finding.weight <= before, "the most sure comes first");
    before = finding.weight;
  }
  if (diagnosis.canonical) {
    demand((diagnosis.canonical->line == 0) == (diagnosis.canonical->ours == diagnosis.canonical->amazons),
           "a difference is found where there is one");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const auto record = bedrock::JsonValue::parse({reinterpret_cast<const char*>(octets), size});
  if (!record) return 0;
  const bedrock::SigningSecret secret{{}, "S3CRET/that-no-text-may-hold", "T0KEN/that-no-text-may-hold"};
  const bedrock::Diagnosis alone = bedrock::diagnose(*record);
  const bedrock::Diagnosis proved = bedrock::diagnose(*record, &secret);
  check(alone);
  check(proved);
  demand(!alone.signature, "nothing is recomputed without a secret");
  demand(alone.failed == proved.failed, "a secret makes no failure");
  const std::string json = calls::to_json(record->text("id"), proved);
  demand(bedrock::JsonValue::parse(json).has_value(), "a diagnosis is JSON");
  demand(json.find("that-no-text-may-hold") == std::string::npos, "no secret is told");
  return 0;
}
