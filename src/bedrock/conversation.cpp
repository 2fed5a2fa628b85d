#include "bedrock/conversation.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "bedrock/json_view.h"
#include "bedrock/message_parts.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

namespace dom = simdjson::dom;

void add_text(Conversation& to, std::string_view role, std::string_view text) {
  to.turns.push_back(Turn{std::string(role), {text_part(text)}});
}

// A turn of its own, if there is content.
void add_content(Conversation& to, std::string_view role, dom::element content) {
  Turn turn{std::string(role), {}};
  append_content(turn.parts, content);
  if (!turn.parts.empty()) to.turns.push_back(std::move(turn));
}

void add_tools(Conversation& to, dom::element body) {
  auto tools = json_array(body, "tools");
  if (!tools) tools = json_array(body, "toolConfig/tools");
  if (!tools) return;
  for (const dom::element tool : *tools) {
    for (const std::string_view path : {"toolSpec/name", "function/name", "systemTool/name", "name", "type"}) {
      if (const auto name = json_string(tool, path)) {
        to.tools.emplace_back(*name);
        break;
      }
    }
  }
}

// {"messages": […]} with the system prompt inside or beside: Converse, Nova, Anthropic, OpenAI-shaped, Mistral chat,
// Jamba.
void read_messages(Conversation& to, dom::element body, const dom::array& messages) {
  if (const auto system = json_at(body, "system")) add_content(to, "system", *system);
  for (const dom::element message : messages) to.turns.push_back(read_message(message, "user"));
}

// OpenAI Responses: items that are messages, tool calls and their results.
void read_items(Conversation& to, const dom::array& items, std::string_view role) {
  for (const dom::element item : items) {
    const auto type = json_string(item, "type");
    if (!type || type == "message") {
      to.turns.push_back(read_message(item, role));
    } else {
      add_content(to, type == "function_call_output" ? "tool" : "assistant", item);
    }
  }
}

// Cohere Command R: {"message", "chat_history": [{"role", "message"}], "preamble"}
void read_cohere_chat(Conversation& to, dom::element body, std::string_view message) {
  if (const auto preamble = json_string(body, "preamble")) add_text(to, "system", *preamble);
  if (const auto history = json_array(body, "chat_history")) {
    for (const dom::element turn : *history) {
      add_text(to, json_string(turn, "role").value_or("user"), json_string(turn, "message").value_or(""));
    }
  }
  add_text(to, "user", message);
}

void read_texts(Conversation& to, const dom::array& texts, std::string_view path) {
  Turn turn{"user", {}};
  for (const dom::element text : texts) {
    if (const auto found = json_string(text, path)) turn.parts.push_back(text_part(*found));
  }
  if (!turn.parts.empty()) to.turns.push_back(std::move(turn));
}

// Images that stand beside the texts of image and embedding models, as base64.
void add_images(Conversation& to, dom::element body, std::string_view role) {
  Turn turn{std::string(role), {}};
  for (const std::string_view path : {"inputImage", "image", "imageVariationParams/images", "images"}) {
    const auto found = json_at(body, path);
    if (!found) continue;
    std::string_view one;
    dom::array several;
    if (found->get(one) == simdjson::SUCCESS) {
      turn.parts.push_back(attachment_part("image " + base64_size(one)));
    } else if (found->get(several) == simdjson::SUCCESS) {
      for (const dom::element image : several) {
        if (image.get(one) == simdjson::SUCCESS) turn.parts.push_back(attachment_part("image " + base64_size(one)));
      }
    }
  }
  if (!turn.parts.empty()) to.turns.push_back(std::move(turn));
}

void read_prompt_body(Conversation& to, dom::element body, int depth);

// CountTokens: what another operation would be asked.
bool read_counted(Conversation& to, dom::element body, int depth) {
  if (depth > 0) return false;
  if (const auto converse = json_at(body, "input/converse")) {
    read_prompt_body(to, *converse, depth + 1);
    return true;
  }
  const auto invoke = json_string(body, "input/invokeModel/body");
  if (!invoke) return false;
  const auto decoded = base64_decode(*invoke);
  if (!decoded) return false;
  const JsonDocument inner(*decoded);
  if (inner.root()) read_prompt_body(to, *inner.root(), depth + 1);
  return true;
}

void read_prompt_body(Conversation& to, dom::element body, int depth) {
  static constexpr std::array<std::string_view, 6> only_texts{
      "prompt",                  // Llama, Mistral, Anthropic and Cohere completions, DeepSeek-R1, Stability
      "inputText",               // Titan, and agents
      "textToImageParams/text",  // Titan Image, Nova Canvas
      "textToVideoParams/text",  // Nova Reel
      "input/text",              // RetrieveAndGenerate
      "retrievalQuery/text",     // Retrieve
  };
  if (const auto messages = json_array(body, "messages")) {
    read_messages(to, body, *messages);
  } else if (read_counted(to, body, depth)) {
    return;
  } else if (const auto message = json_string(body, "message")) {
    read_cohere_chat(to, body, *message);
  } else if (const auto input = json_at(body, "input"); input && (input->is_string() || input->is_array())) {
    if (const auto instructions = json_string(body, "instructions")) add_text(to, "system", *instructions);
    dom::array items;
    if (input->get(items) == simdjson::SUCCESS) {
      read_items(to, items, "user");
    } else {
      add_content(to, "user", *input);
    }
  } else if (const auto texts = json_array(body, "texts")) {  // Cohere embeddings
    read_texts(to, *texts, {});
  } else if (const auto prompts = json_array(body, "text_prompts")) {  // Stability
    read_texts(to, *prompts, "text");
  } else if (const auto query = json_string(body, "query")) {  // rerankers
    add_text(to, "user", *query);
    if (const auto documents = json_array(body, "documents")) {
      to.turns.back().parts.push_back(attachment_part(fmt::format("{} documents", documents->size())));
    }
  } else {
    for (const std::string_view path : only_texts) {
      if (const auto text = json_string(body, path)) {
        add_text(to, "user", *text);
        break;
      }
    }
    add_images(to, body, "user");
  }
  add_tools(to, body);
}

// {"choices": [{"message"} | {"text"}]}: OpenAI-shaped, Mistral chat, DeepSeek, Jamba.
void read_choices(Conversation& to, const dom::array& choices) {
  for (const dom::element choice : choices) {
    if (const auto message = json_at(choice, "message")) {
      to.turns.push_back(read_message(*message, "assistant"));
    } else if (const auto text = json_string(choice, "text")) {
      add_text(to, "assistant", *text);
    }
  }
}

// Lists of alternatives that hold nothing but a text.
bool read_alternatives(Conversation& to, dom::element body) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> lists{{
      {"results", "outputText"},    // Titan
      {"outputs", "text"},          // Mistral text
      {"generations", "text"},      // Cohere Command
      {"completions", "data/text"}  // Jurassic-2
  }};
  for (const auto& [list, path] : lists) {
    const auto found = json_array(body, list);
    if (!found || found->size() == 0) continue;
    const std::size_t before = to.turns.size();
    for (const dom::element one : *found) {
      if (const auto text = json_string(one, path)) add_text(to, "assistant", *text);
    }
    if (to.turns.size() > before) return true;
  }
  return false;
}

// Vectors: told, not shown.
bool read_embeddings(Conversation& to, dom::element body) {
  const auto tell = [&](std::size_t count, std::size_t numbers) {
    const std::string_view noun = count == 1 ? "embedding" : "embeddings";
    to.turns.push_back(Turn{"assistant", {attachment_part(fmt::format("{} {} of {} numbers", count, noun, numbers))}});
    return true;
  };
  if (const auto one = json_array(body, "embedding")) return tell(1, one->size());
  auto several = json_array(body, "embeddings");
  if (!several) several = json_array(body, "embeddings/float");
  if (!several || several->size() == 0) return false;
  const auto first = json_array(*json_at(several->at(0).value_unsafe(), {}), {});
  return tell(several->size(), first ? first->size() : 0);
}

// Cohere Command R: {"text", "tool_calls"}
bool read_cohere_reply(Conversation& to, dom::element body) {
  const auto text = json_string(body, "text");
  if (!text) return false;
  Turn turn = read_message(body, "assistant");
  turn.role = "assistant";
  if (!text->empty()) turn.parts.insert(turn.parts.begin(), text_part(*text));
  to.turns.push_back(std::move(turn));
  return true;
}

void read_reply_body(Conversation& to, dom::element body) {
  static constexpr std::array<std::string_view, 3> only_texts{
      "generation",   // Llama
      "completion",   // Anthropic completions
      "output/text",  // RetrieveAndGenerate
  };
  for (const std::string_view path : only_texts) {
    if (const auto text = json_string(body, path)) return add_text(to, "assistant", *text);
  }
  if (const auto message = json_at(body, "output/message")) {  // Converse, Nova
    to.turns.push_back(read_message(*message, "assistant"));
  } else if (const auto choices = json_array(body, "choices")) {
    read_choices(to, *choices);
  } else if (json_array(body, "content")) {  // Anthropic
    to.turns.push_back(read_message(body, "assistant"));
  } else if (const auto items = json_array(body, "output")) {  // OpenAI Responses
    read_items(to, *items, "assistant");
  } else if (const auto artifacts = json_array(body, "artifacts")) {  // Stability
    Turn turn{"assistant", {}};
    for (const dom::element one : *artifacts) {
      if (const auto image = json_string(one, "base64")) {
        turn.parts.push_back(attachment_part("image " + base64_size(*image)));
      }
    }
    if (!turn.parts.empty()) to.turns.push_back(std::move(turn));
  } else if (!read_alternatives(to, body) && !read_embeddings(to, body) && !read_cohere_reply(to, body)) {
    add_images(to, body, "assistant");
  }
}

}  // namespace

std::optional<Conversation> read_prompt(Bytes body) {
  const JsonDocument document(body);
  if (!document.root()) return std::nullopt;
  Conversation out;
  read_prompt_body(out, *document.root(), 0);
  if (out.turns.empty()) return std::nullopt;
  return out;
}

std::optional<Conversation> read_reply(Bytes body) {
  const JsonDocument document(body);
  if (!document.root()) return std::nullopt;
  Conversation out;
  read_reply_body(out, *document.root());
  if (out.turns.empty()) return std::nullopt;
  return out;
}

}  // namespace borehole::bedrock
