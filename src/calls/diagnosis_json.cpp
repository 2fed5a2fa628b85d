#include "calls/diagnosis_json.h"

#include "calls/utf8.h"

namespace borehole::calls {

namespace {

void append_member(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ':';
  append_json_string(out, value);
}

void append_finding(std::string& out, const bedrock::Finding& finding) {
  out += '{';
  append_member(out, "code", finding.code);
  append_member(out, "sentence", finding.sentence);
  append_member(out, "remedy", finding.remedy);
  out += ",\"evidence\":[";
  for (const std::string& line : finding.evidence) {
    if (out.back() != '[') out += ',';
    append_json_string(out, line);
  }
  out += "]}";
}

}  // namespace

std::string to_json(std::string_view id, const bedrock::Diagnosis& diagnosis) {
  std::string out = "{";
  append_member(out, "id", id);
  out += diagnosis.failed ? ",\"failed\":true,\"findings\":[" : ",\"failed\":false,\"findings\":[";
  for (const bedrock::Finding& finding : diagnosis.findings) {
    if (out.back() != '[') out += ',';
    append_finding(out, finding);
  }
  out += ']';
  if (diagnosis.canonical) {
    const bedrock::CanonicalComparison& canonical = *diagnosis.canonical;
    out += ",\"canonical\":{";
    append_member(out, "ours", canonical.ours);
    append_member(out, "amazons", canonical.amazons);
    out += canonical.line == 0 ? ",\"same\":true" : ",\"same\":false";
    if (canonical.line != 0) {
      out += ",\"line\":" + std::to_string(canonical.line);
      append_member(out, "our_line", canonical.our_line);
      append_member(out, "amazons_line", canonical.amazons_line);
    }
    out += '}';
  }
  if (diagnosis.signature) {
    out += ",\"signature\":{";
    append_member(out, "proof", bedrock::proof_name(diagnosis.signature->proof));
    append_member(out, "sentence", diagnosis.signature->sentence);
    out += '}';
  }
  return out + '}';
}

}  // namespace borehole::calls
