#include "app/record_output.h"

#include <fmt/format.h>

#include "app/calls_options.h"
#include "app/interruption.h"

namespace borehole::app {

Result<std::string> find_record(const store::CallStoreReader& reader, const std::string& id) {
  if (id != "last") return reader.find_json(id);
  store::CallFilter newest;
  newest.limit = 1;
  const auto calls = reader.list(newest);
  if (!calls) return unexpected(calls.error());
  if (calls->empty()) {
    return unexpected(
        Error{ErrorCode::not_found, Fault::client, fmt::format("there are no calls yet; {}", how_to_send)});
  }
  return reader.find_json(calls->front().id);
}

int write_records(const store::CallStoreReader& reader, const store::CallFilter& filter, store::CallOrder order,
                  exporting::Format format, LineOutput& out) {
  exporting::Writer writer(format, BOREHOLE_VERSION);
  out.put(writer.begin());
  std::uint64_t damaged = 0;
  const auto read = reader.each(filter, order, [&](const store::ReadCall& call) {
    if (Interruption::requested()) return false;
    const auto text = call.record ? writer.call(*call.record) : std::nullopt;
    if (!text) return ++damaged > 0;
    return out.put(*text);
  });
  out.put(writer.end());
  const int status = out.finish();
  if (!read) return failed(read.error());
  if (damaged > 0) return failed_records(damaged);
  return status;
}

int write_record(const std::string& json, exporting::Format format, LineOutput& out) {
  exporting::Writer writer(format, BOREHOLE_VERSION);
  const auto text = writer.call(json);
  if (!text) return failed_records(1);
  out.put(writer.begin() + *text + writer.end());
  return out.finish();
}

}  // namespace borehole::app
