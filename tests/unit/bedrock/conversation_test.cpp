#include "bedrock/conversation.h"

#include <string>

#include "catch.h"

using namespace borehole::bedrock;

namespace {

// A conversation as a text: `role: part | part`, a line a turn; then the tools.
std::string told(const std::optional<Conversation>& conversation) {
  if (!conversation) return "nothing";
  std::string out;
  for (const Turn& turn : conversation->turns) {
    out += turn.role + ":";
    for (const Part& part : turn.parts) {
      switch (part.kind) {
        case Part::Kind::text: out += " " + part.text; break;
        case Part::Kind::thinking: out += " thinks(" + part.text + ")"; break;
        case Part::Kind::tool_call: out += " calls(" + part.id + " " + part.name + " " + part.text + ")"; break;
        case Part::Kind::tool_result:
          out += " result(" + part.id + (part.failed ? " failed " : " ") + part.text + ")";
          break;
        case Part::Kind::attachment: out += " [" + part.text + "]"; break;
        case Part::Kind::other: out += " other(" + part.text + ")"; break;
      }
      out += " |";
    }
    if (!turn.parts.empty()) out.resize(out.size() - 2);
    out += '\n';
  }
  for (const auto& tool : conversation->tools) out += "tool " + tool + '\n';
  return out;
}

std::string prompt(std::string_view body) { return told(read_prompt(body)); }
std::string reply(std::string_view body) { return told(read_reply(body)); }

}  // namespace

TEST_CASE("Converse and Nova prompts", "[conversation]") {
  CHECK(prompt(R"({"system":[{"text":"be brief"},{"cachePoint":{"type":"default"}}],
    "messages":[
      {"role":"user","content":[{"text":"what is in it?"},
        {"image":{"format":"png","source":{"bytes":"aGVsbG8gd29ybGQ="}}},
        {"document":{"format":"pdf","name":"report","source":{"s3Location":{"uri":"s3://b/k"}}}},
        {"guardContent":{"text":{"text":"guarded"}}}]},
      {"role":"assistant","content":[
        {"reasoningContent":{"reasoningText":{"text":"hm","signature":"x"}}},
        {"toolUse":{"toolUseId":"t1","name":"weather","input":{"city":"Graz"}}}]},
      {"role":"user","content":[
        {"toolResult":{"toolUseId":"t1","status":"error","content":[{"text":"no net"},{"json":{"code":7}}]}}]}],
    "toolConfig":{"tools":[{"toolSpec":{"name":"weather"}},{"toolSpec":{"name":"time"}}]},
    "inferenceConfig":{"maxTokens":5}})") ==
        "system: be brief | [cache point]\n"
        "user: what is in it? | [image png 11 B] | [document pdf report at s3://b/k] | guarded\n"
        "assistant: thinks(hm) | calls(t1 weather {\"city\":\"Graz\"})\n"
        "user: result(t1 failed no net\n{\"code\":7})\n"
        "tool weather\ntool time\n");
}

TEST_CASE("Converse and Nova replies", "[conversation]") {
  CHECK(reply(R"({"output":{"message":{"role":"assistant","content":[{"text":"Hello"},
    {"reasoningContent":{"redactedContent":"AAAA"}},
    {"citationsContent":{"content":[{"text":"cited"}],"citations":[]}},
    {"brandNew":{"x":1}}]}},"stopReason":"end_turn"})") ==
        "assistant: Hello | thinks([encrypted]) | cited | other({\"brandNew\":{\"x\":1}})\n");
}

TEST_CASE("Anthropic messages", "[conversation]") {
  CHECK(prompt(R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"system":"be kind",
    "messages":[{"role":"user","content":"hi"},
      {"role":"assistant","content":[{"type":"thinking","thinking":"let me see","signature":"s"},
        {"type":"tool_use","id":"tu_1","name":"calc","input":{"a":1}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"tu_1","is_error":true,
         "content":[{"type":"text","text":"boom"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}}]},
        {"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"QUJDRA=="}},
        {"type":"image","source":{"type":"url","url":"https://example.com/x.png"}},
        {"type":"document","title":"notes","source":{"type":"text","media_type":"text/plain","data":"abc"}}]}],
    "tools":[{"name":"calc","input_schema":{}},{"type":"web_search_20250305","name":"web_search"}]})") ==
        "system: be kind\nuser: hi\nassistant: thinks(let me see) | calls(tu_1 calc {\"a\":1})\n"
        "user: result(tu_1 failed boom\n[image png 3 B]) | [image jpeg 4 B] | [image at https://example.com/x.png] | "
        "[document plain notes 3 B]\ntool calc\ntool web_search\n");
  CHECK(reply(R"({"type":"message","role":"assistant","content":[{"type":"text","text":"Yes."},
    {"type":"redacted_thinking","data":"zz"},{"type":"tool_use","id":"a","name":"b","input":{}}],"usage":{}})") ==
        "assistant: Yes. | thinks([encrypted]) | calls(a b {})\n");
  CHECK(prompt(R"({"prompt":"\n\nHuman: hi\n\nAssistant:","max_tokens_to_sample":5})") ==
        "user: \n\nHuman: hi\n\nAssistant:\n");
  CHECK(reply(R"({"completion":" Hello","stop_reason":"stop_sequence"})") == "assistant:  Hello\n");
}

TEST_CASE("OpenAI-shaped chats, Mistral and DeepSeek among them", "[conversation]") {
  CHECK(prompt(R"({"model":"m","messages":[{"role":"developer","content":"rules"},
    {"role":"user","content":[{"type":"text","text":"see"},
      {"type":"image_url","image_url":{"url":"data:image/webp;base64,QUJD"}},
      {"type":"image_url","image_url":"https://example.com/a.png"},
      {"type":"input_audio","input_audio":{"format":"wav","data":"QUJD"}}]},
    {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",
      "function":{"name":"f","arguments":"{\"x\":1}"}}]},
    {"role":"tool","tool_call_id":"c1","content":"42"}],
    "tools":[{"type":"function","function":{"name":"f"}}]})") ==
        "developer: rules\nuser: see | [image webp 3 B] | [image at https://example.com/a.png] | [audio wav 3 B]\n"
        "assistant: calls(c1 f {\"x\":1})\ntool: result(c1 42)\ntool f\n");
  CHECK(reply(R"({"choices":[{"message":{"role":"assistant","content":"A","reasoning_content":"why"}},
    {"message":{"content":null,"refusal":"no","tool_calls":[{"id":"1","function":{"name":"g","arguments":"{}"}}]}},
    {"text":"B","stop_reason":"stop"}]})") ==
        "assistant: thinks(why) | A\nassistant: no | calls(1 g {})\nassistant: B\n");
}

TEST_CASE("OpenAI Responses", "[conversation]") {
  CHECK(prompt(R"({"instructions":"be","input":"hello"})") == "system: be\nuser: hello\n");
  CHECK(prompt(R"({"input":[{"role":"user","content":[{"type":"input_text","text":"hi"},
    {"type":"input_image","image_url":"data:image/png;base64,QUJD"}]},
    {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
    {"type":"function_call_output","call_id":"c","output":"7"}],"tools":[{"type":"function","name":"f"}]})") ==
        "user: hi | [image png 3 B]\nassistant: calls(c f {})\ntool: result(c 7)\ntool f\n");
  CHECK(reply(R"({"object":"response","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"so"}]},
    {"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi"},
      {"type":"refusal","refusal":"but no"}]}]})") == "assistant: thinks(so)\nassistant: Hi | but no\n");
}

TEST_CASE("families that complete a text", "[conversation]") {
  SECTION("Titan") {
    CHECK(prompt(R"({"inputText":"hi","textGenerationConfig":{}})") == "user: hi\n");
    CHECK(reply(R"({"inputTextTokenCount":1,"results":[{"outputText":"a","tokenCount":1},{"outputText":"b"}]})") ==
          "assistant: a\nassistant: b\n");
  }
  SECTION("Llama") {
    CHECK(prompt(R"({"prompt":"hi","max_gen_len":9})") == "user: hi\n");
    CHECK(reply(R"({"generation":"yo","prompt_token_count":1})") == "assistant: yo\n");
  }
  SECTION("Mistral") {
    CHECK(prompt(R"({"prompt":"<s>[INST] hi [/INST]"})") == "user: <s>[INST] hi [/INST]\n");
    CHECK(reply(R"({"outputs":[{"text":"yo","stop_reason":"stop"}]})") == "assistant: yo\n");
  }
  SECTION("Cohere") {
    CHECK(prompt(R"({"message":"and now?","preamble":"be","chat_history":[{"role":"USER","message":"a"},
      {"role":"CHATBOT","message":"b"}],"tools":[{"name":"t"}]})") ==
          "system: be\nUSER: a\nCHATBOT: b\nuser: and now?\ntool t\n");
    CHECK(reply(R"({"text":"so","generation_id":"g","tool_calls":[{"name":"t","parameters":{"q":1}}]})") ==
          "assistant: so | calls( t {\"q\":1})\n");
    CHECK(reply(R"({"generations":[{"text":"x","finish_reason":"COMPLETE"}],"prompt":"p"})") == "assistant: x\n");
    CHECK(prompt(R"({"texts":["a","b"],"input_type":"search_query"})") == "user: a | b\n");
    CHECK(prompt(R"({"query":"q","documents":["a","b","c"],"api_version":2})") == "user: q | [3 documents]\n");
  }
  SECTION("Jurassic-2") { CHECK(reply(R"({"completions":[{"data":{"text":"j"}}]})") == "assistant: j\n"); }
}

TEST_CASE("images and embeddings are told, not shown", "[conversation]") {
  CHECK(prompt(R"({"taskType":"TEXT_IMAGE","textToImageParams":{"text":"a cat"}})") == "user: a cat\n");
  CHECK(prompt(R"({"text_prompts":[{"text":"a dog","weight":1}]})") == "user: a dog\n");
  CHECK(prompt(R"({"inputText":"x","inputImage":"QUJD"})") == "user: x\nuser: [image 3 B]\n");
  CHECK(reply(R"({"images":["QUJD","QUJDRA=="]})") == "assistant: [image 3 B] | [image 4 B]\n");
  CHECK(reply(R"({"artifacts":[{"base64":"QUJD"}]})") == "assistant: [image 3 B]\n");
  CHECK(reply(R"({"embedding":[0.1,0.2,0.3],"inputTextTokenCount":2})") == "assistant: [1 embedding of 3 numbers]\n");
  CHECK(reply(R"({"embeddings":[[1,2],[3,4]]})") == "assistant: [2 embeddings of 2 numbers]\n");
  CHECK(reply(R"({"embeddings":{"float":[[1,2]]}})") == "assistant: [1 embedding of 2 numbers]\n");
  const std::string large(40'000, 'A');
  CHECK(reply(R"({"images":[")" + large + R"("]})") == "assistant: [image 30 kB]\n");
}

TEST_CASE("what tokens are counted of is a prompt", "[conversation]") {
  CHECK(prompt(R"({"input":{"converse":{"messages":[{"role":"user","content":[{"text":"hi"}]}]}}})") == "user: hi\n");
  CHECK(prompt(R"({"input":{"invokeModel":{"body":"eyJwcm9tcHQiOiJoaSJ9"}}})") == "user: hi\n");
  CHECK(prompt(R"({"input":{"invokeModel":{"body":"!"}}})") == "nothing");
}

TEST_CASE("what is no conversation is none", "[conversation]") {
  for (const auto* body :
       {"", "{", "[]", "7", "null", "\"text\"", "{}", R"({"messages":[]})", R"({"messages":7})", R"({"prompt":{}})",
        R"({"embeddings":[]})", R"({"results":[]})", R"({"choices":[]})", R"({"message":"error"} trailing)"}) {
    CAPTURE(body);
    CHECK_FALSE(read_prompt(body));
    CHECK_FALSE(read_reply(body));
  }
  CHECK_FALSE(read_reply(R"({"message":"Too many requests"})"));
  CHECK(prompt(R"({"messages":[7,"text",{"content":[7,null,{"type":"text"}]}]})") ==
        "user:\nuser:\nuser: other(7) | other({\"type\":\"text\"})\n");
}
