// Records for tests of the export, in JSON.
#pragma once

#include <string>
#include <string_view>

#include "bedrock/json_value.h"
#include "calls/record_json.h"
#include "catch.h"

namespace borehole::exporting::test {

inline calls::CallRecord record_of(std::string_view operation, std::string target, std::string body) {
  calls::CallRecord record;
  record.id = "01K0000000000000000000000A";
  record.started_at = WallTime(std::chrono::microseconds(1'767'323'045'000'006));  // 2026-01-02T03:04:05.000006Z
  record.router = "/";
  record.client.address = "127.0.0.1:51234";
  record.upstream.host = "bedrock-runtime.us-east-1.amazonaws.com";
  record.upstream.port = 443;
  record.upstream.address = "192.0.2.7:443";
  record.upstream.tls_version = "TLSv1.3";
  record.aws.service = "bedrock-runtime";
  record.aws.operation = operation;
  record.aws.region = "us-east-1";
  record.aws.access_key_id = "AKIAEXAMPLE";
  record.request.method = "POST";
  record.request.target = std::move(target);
  record.request.headers = {{"Host", "bedrock-runtime.us-east-1.amazonaws.com"},
                            {"Content-Type", "application/json"},
                            {"X-Amz-Date", "20260102T030405Z"},
                            {"X-Amz-Security-Token", "***"},
                            {"Authorization", "AWS4-HMAC-SHA256 ***"}};
  record.request.body_bytes = body.size();
  record.request.body = std::move(body);
  record.response.status = 200;
  record.timing_ms.total = 30;
  record.timing_ms.upstream_first_byte = 20.5;
  return record;
}

inline bedrock::JsonValue read(const calls::CallRecord& record) {
  const auto value = bedrock::JsonValue::parse(calls::to_json(record));
  REQUIRE(value);
  return *value;
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace borehole::exporting::test
