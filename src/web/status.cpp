#include "web/status.h"

#include <fmt/format.h>

#include "calls/utf8.h"

namespace borehole::web {

using calls::json_string;

namespace {

std::string json_or_null(const std::optional<std::string>& text) { return text ? json_string(*text) : "null"; }

}  // namespace

std::string status_json(const Status& status) {
  std::string listen;
  for (const auto& address : status.listen) listen += (listen.empty() ? "" : ",") + json_string(address);
  return fmt::format(
      "{{\"name\":\"borehole\",\"version\":{},\"pid\":{},\"started_at\":{},\"draining\":{},\"listen\":[{}],\"admin\":{}"
      ","
      "\"workers\":{},\"config_file\":{},\"store\":{},\"jsonl\":{},"
      "\"ca\":{{\"dir\":{},\"sha256\":{},\"not_after\":{}}}}}\n",
      json_string(status.version), status.pid, json_string(format_rfc3339(status.started_at)), status.draining, listen,
      json_string(status.admin), status.workers, json_or_null(status.config_file), json_or_null(status.store),
      json_or_null(status.jsonl), json_string(status.ca_folder), json_string(status.ca_sha256),
      json_string(format_rfc3339(status.ca_not_after)));
}

}  // namespace borehole::web
