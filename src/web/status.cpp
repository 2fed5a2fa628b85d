#include "web/status.h"

#include <fmt/format.h>

#include "calls/utf8.h"

namespace borehole::web {

namespace {

std::string quoted(const std::string& text) {
  std::string out;
  calls::append_json_string(out, text);
  return out;
}

std::string quoted(const std::optional<std::string>& text) { return text ? quoted(*text) : "null"; }

}  // namespace

std::string status_json(const Status& status) {
  std::string listen;
  for (const auto& address : status.listen) listen += (listen.empty() ? "" : ",") + quoted(address);
  return fmt::format(
      "{{\"name\":\"borehole\",\"version\":{},\"pid\":{},\"started_at\":{},\"draining\":{},\"listen\":[{}],\"admin\":{}"
      ","
      "\"workers\":{},\"config_file\":{},\"store\":{},\"jsonl\":{},"
      "\"ca\":{{\"dir\":{},\"sha256\":{},\"not_after\":{}}}}}\n",
      quoted(status.version), status.pid, quoted(format_rfc3339(status.started_at)), status.draining, listen,
      quoted(status.admin), status.workers, quoted(status.config_file), quoted(status.store), quoted(status.jsonl),
      quoted(status.ca_folder), quoted(status.ca_sha256), quoted(format_rfc3339(status.ca_not_after)));
}

}  // namespace borehole::web
