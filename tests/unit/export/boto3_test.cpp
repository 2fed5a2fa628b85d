#include "export/boto3.h"

#include <string>

#include "bedrock/operation.h"
#include "export/boto3_table.h"
#include "export/python.h"
#include "unit/export/records.h"

using namespace borehole;
using namespace borehole::exporting;
using exporting::test::contains;
using exporting::test::read;
using exporting::test::record_of;

namespace {

bedrock::JsonValue json(std::string_view text) {
  const auto value = bedrock::JsonValue::parse(text);
  REQUIRE(value);
  return *value;
}

}  // namespace

TEST_CASE("methods are named as botocore names them") {
  CHECK(method_name("Converse") == "converse");
  CHECK(method_name("InvokeModelWithResponseStream") == "invoke_model_with_response_stream");
  CHECK(method_name("GetWorkloadAccessTokenForJWT") == "get_workload_access_token_for_jwt");
  CHECK(method_name("CreateABTest") == "create_ab_test");
  CHECK(method_name("GetResourceOauth2Token") == "get_resource_oauth2_token");
  CHECK(method_name("ListTagsForResource") == "list_tags_for_resource");
  CHECK(method_name("ListARNs") == "list_arns");
}

TEST_CASE("texts, octets and values are Python's literals") {
  CHECK(python_string("it's") == R"('it\'s')");
  CHECK(python_string("a\\b\n\t\r\x01") == R"('a\\b\n\t\x0d\x01')");
  CHECK(python_string("gr\u00fc\u00df \U0001F600") == "'gr\u00fc\u00df \U0001F600'");
  CHECK(python_string("\u202e\u0085") == R"('\u202e\x85')");
  CHECK(python_bytes(std::string("\x00'\\a\xff", 5)) == R"(b'\x00\'\\a\xff')");
  CHECK(python_name("modelId"));
  CHECK_FALSE(python_name("class"));
  CHECK_FALSE(python_name("a-b"));
  CHECK_FALSE(python_name("1a"));
  CHECK(python_literal(json(R"({"a":true,"b":null,"c":[1,-2,1.0,1e-5,1e16,0.1],"d":false,"e":{}})"), 0) ==
        "{'a': True, 'b': None, 'c': [1, -2, 1.0, 1e-05, 1e+16, 0.1], 'd': False, 'e': {}}");
  CHECK(python_literal(json(R"({"a":1,"a":2})"), 0) == std::nullopt);
  const std::string text(90, 'x');
  CHECK(python_literal(json("[\"" + text + "\",{\"k\":\"" + text + "\"}]"), 4) ==
        "[\n        '" + text + "',\n        {\n            'k': '" + text + "',\n        },\n    ]");
}

TEST_CASE("json.dumps is called so that it gives the octets that were sent") {
  const auto arguments = [](std::string_view text) { return dumps_arguments(json(text), text); };
  CHECK(arguments(R"({"a": 1, "b": [1.5, "\u00fc"]})") == "");
  CHECK(arguments(R"({"a":1,"b":["\ud83d\ude00"]})") == ", separators=(',', ':')");
  CHECK(arguments("{\"a\": \"\u00fc\"}") == ", ensure_ascii=False");
  CHECK(arguments("{\"a\":\"\u00fc\",\"b\":2}") == ", ensure_ascii=False, separators=(',', ':')");
  CHECK(arguments("{\n  \"a\": 1\n}") == std::nullopt);
  CHECK(arguments(R"({"a": 1.50})") == std::nullopt);
  CHECK(arguments(R"({"a": 1E5})") == std::nullopt);
  CHECK(arguments(R"({"a": "\/"})") == std::nullopt);
}

TEST_CASE("Converse: a method with its parameters; octets where the model has some") {
  auto record = record_of(
      "Converse", "/model/amazon.nova-lite-v1%3A0/converse",
      R"({"messages":[{"role":"user","content":[{"text":"it's"},{"image":{"format":"png","source":{"bytes":"QUJD"}}},)"
      R"({"toolUse":{"toolUseId":"1","name":"n","input":{"source":{"bytes":"QUJD"}}}}]}],)"
      R"("inferenceConfig":{"temperature":0.5,"stopSequences":[]},"additionalModelRequestFields":{"source":{"bytes":"x"}}})");
  record.aws.model_id = "amazon.nova-lite-v1:0";
  const std::string text = boto3_snippet(read(record));
  CAPTURE(text);
  CHECK(contains(text, "import base64\n\nimport boto3\n"));
  CHECK(contains(text, "client = boto3.client('bedrock-runtime', region_name='us-east-1')\n"));
  CHECK(contains(text, "response = client.converse(\n    modelId='amazon.nova-lite-v1:0',\n    messages=["));
  CHECK(contains(text, "{'bytes': base64.b64decode('QUJD')}"));
  CHECK(contains(text, "'input': {'source': {'bytes': 'QUJD'}}"));
  CHECK(contains(text, "additionalModelRequestFields={'source': {'bytes': 'x'}},"));
  CHECK(contains(text, "inferenceConfig={'temperature': 0.5, 'stopSequences': []},"));
  CHECK_FALSE(contains(text, "endpoint_url"));
  CHECK_FALSE(contains(text, "***"));
}

TEST_CASE("InvokeModel: the body as a document, or as its octets") {
  auto record = record_of("InvokeModel", "/model/m/invoke", R"({"inputText": "hi", "x": true})");
  record.aws.model_id = "m";
  record.upstream.port = 8443;
  const std::string text = boto3_snippet(read(record));
  CHECK(contains(text, "endpoint_url='https://bedrock-runtime.us-east-1.amazonaws.com:8443'"));
  CHECK(contains(text, "contentType='application/json',"));
  CHECK(contains(text, "body=json.dumps({'inputText': 'hi', 'x': True}),"));
  record.request.body = "{ \"inputText\": 1 }";
  CHECK(contains(boto3_snippet(read(record)), "body='{ \"inputText\": 1 }'.encode(),"));
  record.request.body = std::string("\xff\x00", 2);
  CHECK(contains(boto3_snippet(read(record)), R"(body=b'\xff\x00',)"));
}

TEST_CASE("agents: labels of the path and a query are parameters") {
  auto record = record_of("InvokeAgent", "/agents/A1/agentAliases/B%201/sessions/s-1/text", R"({"inputText":"hi"})");
  record.aws.service = "bedrock-agent-runtime";
  record.upstream.host = "bedrock-agent-runtime.us-east-1.amazonaws.com";
  const std::string text = boto3_snippet(read(record));
  CAPTURE(text);
  CHECK(contains(text,
                 "client.invoke_agent(\n    agentId='A1',\n    agentAliasId='B 1',\n    sessionId='s-1',\n    "
                 "inputText='hi',\n)"));
  CHECK(contains(text, "for event in response['completion']:"));
  record = record_of("ListAsyncInvokes", "/async-invoke?maxResults=5&statusEquals=Failed", "");
  record.request.method = "GET";
  CHECK(contains(boto3_snippet(read(record)),
                 "client.list_async_invokes(\n    maxResults=5,\n    statusEquals='Failed',\n)"));
}

TEST_CASE("an operation without a method that fits is signed as it was") {
  auto record = record_of("CreateABTest", "/ab-tests?a='b'", "{\"a\": 'broken");
  record.aws.service = "bedrock-agentcore";
  record.upstream.host = "bedrock-agentcore.us-east-1.amazonaws.com";
  const std::string text = boto3_snippet(read(record));
  CAPTURE(text);
  CHECK(contains(text, "the request is signed and sent as it was"));
  CHECK(contains(text, R"(url = 'https://bedrock-agentcore.us-east-1.amazonaws.com/ab-tests?a=\'b\'')"));
  CHECK(contains(text, R"(data=b'{"a": \'broken',)"));
  CHECK(contains(text, "SigV4Auth(boto3.Session().get_credentials(), 'bedrock-agentcore', 'us-east-1')"));
  CHECK_FALSE(contains(text, "AWS4-HMAC-SHA256 ***"));
}

TEST_CASE("a header that no parameter is known to give keeps the request as it was") {
  auto record = record_of("InvokeModel", "/model/m/invoke", "{}");
  record.aws.model_id = "m";
  CHECK(contains(boto3_snippet(read(record)), "client.invoke_model("));
  record.request.headers.emplace_back("X-Amzn-Bedrock-Request-Metadata", "{\"team\":\"a\"}");
  const std::string text = boto3_snippet(read(record));
  CHECK(contains(text, "the request is signed and sent as it was"));
  CHECK(contains(text, "'X-Amzn-Bedrock-Request-Metadata': '{\"team\":\"a\"}',"));
}

TEST_CASE("every operation of boto3's table is one that is recognised") {
  for (const auto& row : boto_operations()) {
    CAPTURE(std::string(row.operation));
    bool known = false;
    for (const auto& operation : bedrock::operation_table()) {
      known = known || (operation.service == row.service && operation.name == row.operation);
    }
    CHECK(known);
  }
}
