#include "export/boto3.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "base/ignoring_case.h"
#include "bedrock/fields.h"
#include "bedrock/hosts.h"
#include "bedrock/text.h"
#include "calls/record_reading.h"
#include "calls/utf8.h"
#include "export/boto3_table.h"
#include "export/python.h"
#include "export/request_view.h"

namespace borehole::exporting {

namespace {

using bedrock::JsonValue;
using calls::BodySide;

constexpr std::size_t argument_indent = 4;

// The places in which the services' models have octets. Documents of a free form hold none.
bool is_blob(const std::vector<std::string_view>& names) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> places{
      {{"source", "bytes"},
       {"reasoningContent", "redactedContent"},
       {"byteContent", "data"},
       {"image", "inlineContent"},
       {"invokeModel", "body"}}};
  if (names.size() < 2) return false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool in_tool = i > 0 && names[i] == "input" && names[i - 1] == "toolUse";
    if (in_tool || names[i] == "json" || names[i] == "additionalModelRequestFields") return false;
  }
  const std::pair last(names[names.size() - 2], names.back());
  return std::find(places.begin(), places.end(), last) != places.end();
}

struct Script {
  std::string comments, code;
  std::set<std::string> imports;  // of the standard library

  void comment(std::string_view text) { comments += fmt::format("# {}\n", one_line(text)); }
  std::string text() const {
    std::string out = comments;
    for (const auto& name : imports) out += fmt::format("import {}\n", name);
    return out + (imports.empty() ? "" : "\n") + code;
  }
};

struct Argument {
  std::string name, value;  // `value` is Python
};

// The parameters in the path; nullopt where it does not fit the template.
std::optional<std::vector<Argument>> path_arguments(const BotoOperation& operation, const RequestView& request,
                                                    std::string_view model_id) {
  const auto parts_of = [](std::string_view path) {
    auto parts = bedrock::split(path, '/');
    std::erase_if(parts, [](std::string_view part) { return part.empty(); });
    return parts;
  };
  const auto wanted = parts_of(operation.path);
  const auto there = parts_of(request.path());
  std::vector<Argument> out;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].starts_with('{')) continue;
    const auto name = std::string(wanted[i].substr(1, wanted[i].size() - 2));
    // A model's ARN may stand in the path with its slashes.
    if (name == "modelId" && !model_id.empty()) {
      out.push_back({name, python_string(model_id)});
    } else if (wanted.size() == there.size()) {
      const std::string value = bedrock::percent_decode(there[i]);
      if (!calls::is_utf8(value)) return std::nullopt;
      out.push_back({name, python_string(value)});
    } else {
      return std::nullopt;
    }
  }
  return out;
}

bool add_query(std::vector<Argument>& arguments, const RequestView& request) {
  for (std::string_view rest = request.query(); !rest.empty();) {
    std::string_view value = bedrock::take_part(rest, '&');
    const std::string name = bedrock::percent_decode(bedrock::take_part(value, '='));
    if (bedrock::lower_case(name).starts_with("x-amz-")) continue;  // a signature in the query
    std::string decoded(value);
    std::replace(decoded.begin(), decoded.end(), '+', ' ');
    decoded = bedrock::percent_decode(decoded);
    if (!python_name(name) || !calls::is_utf8(decoded)) return false;
    const bool number = name.starts_with("max") && bedrock::parse_decimal(decoded);
    arguments.push_back({name, number ? decoded : python_string(decoded)});
  }
  return true;
}

void add_headers(std::vector<Argument>& arguments, const JsonValue& record, const BotoOperation& operation) {
  const std::string_view accept = operation.operation == "InvokeModel" ? "accept" : "x-amzn-bedrock-accept";
  const std::array<std::pair<std::string_view, std::string_view>, 7> names{
      {{"contentType", "content-type"},
       {"accept", accept},
       {"trace", "x-amzn-bedrock-trace"},
       {"guardrailIdentifier", "x-amzn-bedrock-guardrailidentifier"},
       {"guardrailVersion", "x-amzn-bedrock-guardrailversion"},
       {"performanceConfigLatency", "x-amzn-bedrock-performanceconfig-latency"},
       {"serviceTier", "x-amzn-bedrock-service-tier"}}};
  for (const auto& [name, field] : names) {
    const std::string_view value = calls::header_of(record, BodySide::request, field);
    if (!value.empty() && calls::is_utf8(value)) arguments.push_back({std::string(name), python_string(value)});
  }
}

// The `body` of InvokeModel: as a document where json.dumps gives the very octets that were sent.
std::string payload(Script& script, const std::string& body) {
  if (const auto document = JsonValue::parse(body)) {
    const auto dumps = dumps_arguments(*document, body);
    const auto literal = dumps ? python_literal(*document, argument_indent) : std::nullopt;
    if (literal) {
      script.imports.insert("json");
      return fmt::format("json.dumps({}{})", *literal, *dumps);
    }
  }
  return calls::is_utf8(body) ? python_string(body) + ".encode()" : python_bytes(body);
}

bool add_body(Script& script, std::vector<Argument>& arguments, const BotoOperation& operation,
              const std::string& body) {
  if (operation.payload) {
    arguments.push_back({"body", payload(script, body)});
    return true;
  }
  if (bedrock::trimmed(body).empty()) return true;
  const auto document = JsonValue::parse(body);
  if (!document || !std::holds_alternative<JsonValue::Object>(document->content())) return false;
  // All at once tells whether it can be written at all, and whether a name stands twice.
  if (!python_literal(*document, 0)) return false;
  for (const auto& [name, member] : document->object("")) {
    if (!python_name(name)) return false;
    const IsBlob blobs = operation.blobs ? is_blob : nullptr;
    // With its own name above it, as is_blob looks for pairs of names.
    const auto literal = python_literal(member, argument_indent, blobs, name);
    if (!literal) return false;
    if (literal->find("base64.b64decode(") != std::string::npos) script.imports.insert("base64");
    arguments.push_back({name, *literal});
  }
  return true;
}

bool usual_endpoint(const RequestView& request, const JsonValue& record) {
  const auto endpoint = bedrock::parse_endpoint(request.host);
  return endpoint && endpoint->service == record.text("aws/service") && !endpoint->fips && !endpoint->dual_stack &&
         !endpoint->vpc && endpoint->region == request.region && request.scheme == "https" &&
         request.authority == request.host;
}

// The call of a client's method. False: its parameters are not known.
bool add_method_call(Script& script, const JsonValue& record, const RequestView& request) {
  const auto* const operation = find_boto_operation(record.text("aws/service"), record.text("aws/operation"));
  // How boto3 writes request metadata into the header is not known, so nothing else than the header gives it.
  const bool metadata = operation != nullptr && operation->payload &&
                        !calls::header_of(record, BodySide::request, "x-amzn-bedrock-request-metadata").empty();
  if (operation == nullptr || metadata || request.coded || !request.body || (request.truncated && !operation->payload))
    return false;
  auto arguments = path_arguments(*operation, request, record.text("aws/model_id"));
  if (!arguments || !add_query(*arguments, request)) return false;
  if (operation->payload) add_headers(*arguments, record, *operation);
  if (!add_body(script, *arguments, *operation, *request.body)) return false;

  std::string client =
      fmt::format("{}, region_name={}", python_string(operation->service), python_string(request.region));
  if (!usual_endpoint(request, record)) {
    client += fmt::format(", endpoint_url={}", python_string(request.scheme + "://" + request.authority));
  }
  script.code = fmt::format("import boto3\n\nclient = boto3.client({})\nresponse = client.{}(\n", client,
                            method_name(operation->operation));
  for (const auto& [name, value] : *arguments) script.code += fmt::format("    {}={},\n", name, value);
  script.code += ")\n";
  if (operation->operation == "InvokeModel") {
    script.code += "print(response['body'].read().decode())\n";
  } else if (!operation->answer.empty()) {
    script.code += fmt::format("for event in response['{}']:\n    print(event)\n", operation->answer);
  } else {
    script.code += "print(response)\n";
  }
  return true;
}

bool for_a_signer(std::string_view name, std::string_view value) {
  static constexpr std::array<std::string_view, 9> names{
      "authorization",     "x-amz-security-token", "x-amz-date", "x-amz-content-sha256", "host", "content-length",
      "transfer-encoding", "connection",           "expect"};
  return value.find("***") == std::string_view::npos && calls::is_utf8(value) &&
         std::none_of(names.begin(), names.end(),
                      [name](std::string_view one) { return equals_ignoring_case(one, name); });
}

void add_raw_request(Script& script, const RequestView& request) {
  script.imports.insert("os");
  const bool bearer = request.signing == Signing::bearer;
  script.code = "import boto3\n";
  if (!bearer) script.code += "from botocore.auth import SigV4Auth\n";
  script.code += fmt::format(
      "from botocore.awsrequest import AWSRequest\nfrom botocore.httpsession import URLLib3Session\n"
      "from botocore.utils import get_environ_proxies\n\nurl = {}\nrequest = AWSRequest(\n    method={},\n    "
      "url=url,\n"
      "    headers={{\n",
      python_string(request.url()), python_string(request.method));
  for (const auto& [name, value] : request.headers) {
    if (for_a_signer(name, value)) {
      script.code += fmt::format("        {}: {},\n", python_string(name), python_string(value));
    }
  }
  script.code += fmt::format("    }},\n    data={},\n)\n", python_bytes(request.body.value_or("")));
  if (bearer) {
    script.code += "request.headers['Authorization'] = 'Bearer ' + os.environ['AWS_BEARER_TOKEN_BEDROCK']\n";
  } else {
    script.code += fmt::format("SigV4Auth(boto3.Session().get_credentials(), {}, {}).add_auth(request)\n",
                               python_string(request.signing_name), python_string(request.region));
  }
  script.code +=
      "http = URLLib3Session(verify=os.environ.get('AWS_CA_BUNDLE') or True, proxies=get_environ_proxies(url))\n"
      "response = http.send(request.prepare())\nprint(response.status_code, response.text)\n";
}

}  // namespace

std::string method_name(std::string_view operation) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto lower = [](char c) { return (c >= 'a' && c <= 'z'); };
  std::string out;
  for (std::size_t i = 0; i < operation.size(); ++i) {
    const char c = operation[i];
    if (i > 0 && upper(c)) {
      const char before = operation[i - 1];
      // Of "…ARNs" the s belongs to the capitals.
      const bool plural = i + 2 == operation.size() && operation[i + 1] == 's' && upper(before);
      const bool begins = i + 1 < operation.size() && lower(operation[i + 1]) && !plural;
      if (begins || lower(before) || (before >= '0' && before <= '9')) out += '_';
    }
    out += upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::string boto3_snippet(const JsonValue& record) {
  Script script;
  script.comment(title_of(record));
  const auto request = view_request(record);
  if (!request || request->method == "CONNECT") {
    script.comment("This call has no request that could be sent again.");
    return script.text();
  }
  if (request->signing == Signing::bearer) script.comment("It was sent with an API key: set AWS_BEARER_TOKEN_BEDROCK.");
  if (!request->body) {
    script.comment(fmt::format("Its body of {} octets was not kept (record.bodies.max_bytes).", request->body_bytes));
  } else if (request->truncated) {
    script.comment(fmt::format("Only the first {} of the body's {} octets were kept (record.bodies.max_bytes).",
                               request->body->size(), request->body_bytes));
  }
  Script called = script;
  if (add_method_call(called, record, *request)) return called.text();
  script.comment("For want of a method of boto3 that fits, the request is signed and sent as it was.");
  add_raw_request(script, *request);
  return script.text();
}

}  // namespace borehole::exporting
