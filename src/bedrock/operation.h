// Which Bedrock operation a request is, from its head alone; never reads a body, never changes a target.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bedrock/hosts.h"

namespace borehole::bedrock {

// How the response of the operation streams, by its model. What a response really is, its Content-Type says: the
// operations marked `sse` answer with one JSON document unless the request's body asks for a stream.
enum class Streaming : std::uint8_t { none, event_stream, sse, bidirectional };

std::string_view streaming_name(Streaming streaming) noexcept;

struct Operation {
  std::string_view service;  // static storage: "bedrock-runtime", …
  std::string_view name;     // static storage: "Converse", …
  std::string model_id;      // percent-decoded once, for display; empty where the path names no model
  std::string resource;      // the path's other labels, decoded, joined with '/': "AGENT1/ALIAS1/session-1"
  Streaming streaming = Streaming::none;
};

// Recognises the operations of all Bedrock services and the OpenAI- and Anthropic-shaped paths. `target` is the request
// target with any gateway prefix already cut; a query is ignored. `amz_target` is the value of X-Amz-Target (AWS JSON
// 1.1), or empty. On hosts that are no Bedrock endpoint (an `endpoint_url` of the user's own) only the operations below
// `/model/` are recognised, as of bedrock-runtime. nullopt where nothing fits.
std::optional<Operation> recognise(std::string_view host, std::string_view method, std::string_view target,
                                   std::string_view amz_target);
// The same for a host whose endpoint was parsed before.
std::optional<Operation> recognise_at(const std::optional<Endpoint>& endpoint, std::string_view method,
                                      std::string_view target, std::string_view amz_target);

// One row of the table: what a test compares with a published model.
struct OperationRow {
  std::string_view service;
  std::string_view name;
  std::string_view method;
  std::string_view
      path;  // a template: `/model/{model}/invoke`, `*` for any other label; "/" where X-Amz-Target chooses
  Streaming streaming = Streaming::none;
};
std::span<const OperationRow> operation_table() noexcept;

}  // namespace borehole::bedrock
