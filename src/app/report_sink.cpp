#include "app/report_sink.h"

#include <utility>

#include "calls/record_json.h"
#include "store/output.h"

namespace borehole::app {

namespace {

class ReportSink final : public calls::Sink {
 public:
  explicit ReportSink(int descriptor) : descriptor_(descriptor) {}

  Result<void> write(const std::vector<calls::CallRecord>& batch) override {
    std::string lines;
    for (const calls::CallRecord& record : batch) {
      calls::CallRecord bare;
      bare.id = record.id;
      bare.started_at = record.started_at;
      bare.way_in = record.way_in;
      bare.outcome = record.outcome;
      bare.error = record.error;
      bare.notes = record.notes;
      bare.upstream = record.upstream;
      bare.aws = record.aws;
      bare.request.method = record.request.method;
      bare.request.target = record.request.target;
      bare.response.status = record.response.status;
      bare.response.stream = record.response.stream;
      bare.response.error_type = record.response.error_type;
      bare.response.error_message = record.response.error_message;
      bare.usage = record.usage;
      bare.cost_usd = record.cost_usd;
      bare.timing_ms = record.timing_ms;
      lines += calls::to_json(bare);
      lines += '\n';
    }
    std::size_t written = 0;
    return store::write_all(descriptor_, lines, written);
  }

 private:
  int descriptor_;
};

}  // namespace

std::unique_ptr<calls::Sink> make_report_sink(int descriptor) { return std::make_unique<ReportSink>(descriptor); }

}  // namespace borehole::app
