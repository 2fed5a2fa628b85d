#include "app/diagnosis_page.h"

#include <fmt/format.h>

#include "app/terminal_text.h"
#include "calls/call_record.h"

namespace borehole::app {

namespace {

class Page {
 public:
  explicit Page(bool colours) : colours_(colours) {}

  void line(std::string_view label, std::string_view text, std::string_view colour = {}) {
    out_ += in_colour(fmt::format("{:<10}", label), dim) + in_colour(harmless(text), colour) + '\n';
  }
  void title(std::string_view text) { out_ += in_colour(harmless(text), bold) + '\n'; }
  void gap() { out_ += '\n'; }
  void lines(std::string_view text) { out_ += harmless_lines(text, "  "); }
  std::string take() { return std::move(out_); }

 private:
  std::string in_colour(std::string_view text, std::string_view colour) const {
    return colours_ && !colour.empty() ? coloured(text, colour) : std::string(text);
  }

  bool colours_;
  std::string out_;
};

void headline(Page& page, const bedrock::JsonValue& record, bool failed) {
  const std::string_view operation = record.text("aws/operation");
  const std::string_view model = record.text("aws/model_id");
  const std::string target = calls::whole_target(record.text("upstream/host"), record.text("request/target"));
  page.title(fmt::format("{}  {}", operation.empty() ? record.text("request/method") : operation,
                         model.empty() ? std::string_view(target) : model));
  const auto status = record.count("response/status");
  std::string what = status ? std::to_string(*status) : "no answer";
  for (const std::string_view more :
       {record.text("outcome"), record.text("response/error_type"), record.text("error/code")}) {
    if (!more.empty()) what.append("  ").append(more);
  }
  page.line("id", record.text("id"));
  page.line("outcome", what, failed ? red : green);
}

void finding(Page& page, const bedrock::Finding& finding, bool first) {
  page.gap();
  page.line(first ? "why" : "or why", finding.sentence, first ? bold : std::string_view());
  page.line("mend", finding.remedy);
  bool seen = false;
  for (const std::string& line : finding.evidence) {
    page.line(seen ? "" : "seen", line);
    seen = true;
  }
}

void canonical(Page& page, const bedrock::CanonicalComparison& canonical) {
  page.gap();
  if (canonical.line == 0) {
    page.title("Amazon's canonical request is the same as ours:");
    page.lines(canonical.ours);
    return;
  }
  page.title(fmt::format("Amazon's canonical request differs from ours first in line {}:", canonical.line));
  page.lines(fmt::format("ours      {}\nAmazon's  {}", canonical.our_line, canonical.amazons_line));
  page.title("ours:");
  page.lines(canonical.ours);
  page.title("Amazon's:");
  page.lines(canonical.amazons);
}

}  // namespace

std::string diagnosis_page(const bedrock::JsonValue& record, const bedrock::Diagnosis& diagnosis, bool colours) {
  Page page(colours);
  headline(page, record, diagnosis.failed);
  if (!diagnosis.failed) {
    page.gap();
    page.line("why", "nothing failed");
    return page.take();
  }
  bool first = true;
  for (const bedrock::Finding& one : diagnosis.findings) {
    finding(page, one, first);
    first = false;
  }
  if (diagnosis.signature) {
    page.gap();
    page.line("signature",
              fmt::format("{}{}", diagnosis.signature->proof == bedrock::Proof::impossible ? "not recomputed: " : "",
                          diagnosis.signature->sentence));
  }
  if (diagnosis.canonical) canonical(page, *diagnosis.canonical);
  return page.take();
}

}  // namespace borehole::app
