#include "bedrock/api_key.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/ignoring_case.h"
#include "bedrock/fields.h"
#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

constexpr std::string_view short_term = "bedrock-api-key-";
constexpr std::string_view long_term = "ABSK";

bool holds_blank(std::string_view key) {
  return std::any_of(key.begin(), key.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

// AKIA or ASIA and 16 more, as access key ids are.
bool is_access_key_id(std::string_view key) {
  return key.size() == 20 && (key.starts_with("AKIA") || key.starts_with("ASIA")) &&
         std::all_of(key.begin(), key.end(),
                     [](unsigned char c) { return std::isupper(c) != 0 || std::isdigit(c) != 0; });
}

std::string parameter(std::string_view query, std::string_view name) {
  for (const std::string_view pair : split(query, '&')) {
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name)
      return percent_decode(pair.substr(equals + 1));
  }
  return {};
}

void read_short_term(std::string_view coded, ApiKeyShape& shape) {
  const auto url = base64_decode(coded);
  if (!url) {
    shape.fault = "not_base64";
    return;
  }
  const std::size_t question = url->find('?');
  const std::string_view query =
      question == std::string::npos ? std::string_view() : std::string_view(*url).substr(question + 1);
  if (parameter(query, "X-Amz-Signature").empty() || parameter(query, "X-Amz-Credential").empty()) {
    shape.fault = "not_a_key";
    return;
  }
  const auto made = parse_amz_date(parameter(query, "X-Amz-Date"));
  const auto lives = parse_decimal(parameter(query, "X-Amz-Expires"));
  constexpr std::uint64_t week = 604'800;  // the longest that a presigned URL may live
  if (made && lives && *lives <= week) shape.expires_at = *made + std::chrono::seconds(*lives);
}

void read_long_term(std::string_view coded, ApiKeyShape& shape) {
  const auto decoded = base64_decode(coded);
  if (!decoded) {
    shape.fault = "not_base64";
  } else if (!decoded->starts_with("BedrockAPIKey-") || decoded->find(':') == std::string::npos) {
    shape.fault = "not_a_key";
  }
}

}  // namespace

ApiKeyShape read_api_key_shape(std::string_view key) {
  ApiKeyShape shape{.kind = "other", .fault = {}, .expires_at = {}};
  const bool is_short = key.starts_with(short_term);
  if (is_short || key.starts_with(long_term)) shape.kind = is_short ? "short_term" : "long_term";
  if (key.empty()) {
    shape.fault = "empty";
  } else if (key.front() == '"' || key.front() == '\'' || key.back() == '"' || key.back() == '\'') {
    shape.fault = "quoted";
  } else if (key.size() > 7 && equals_ignoring_case(key.substr(0, 7), "bearer ")) {
    shape.fault = "bearer_twice";
  } else if (key.front() == '$' || key.front() == '%' || key.starts_with("AWS_BEARER_TOKEN")) {
    shape.fault = "not_expanded";
  } else if (holds_blank(key)) {
    shape.fault = "blank";
  } else if (is_access_key_id(key)) {
    shape.fault = "access_key";
  } else if (is_short) {
    read_short_term(key.substr(short_term.size()), shape);
  } else if (shape.kind == "long_term") {
    read_long_term(key.substr(long_term.size()), shape);
  } else {
    shape.fault = "unknown_prefix";
  }
  return shape;
}

std::string_view api_key_fault_text(std::string_view fault) noexcept {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> texts{{
      {"empty", "is empty"},
      {"quoted", "stands in quotes"},
      {"blank", "holds a blank or a line's end"},
      {"bearer_twice", "begins with `Bearer` itself, so that the word stands there twice"},
      {"not_expanded", "is a variable's name instead of its value"},
      {"access_key", "is an access key id, which signs requests (SigV4) and is no bearer key"},
      {"unknown_prefix", "begins with neither `ABSK` nor `bedrock-api-key-`"},
      {"not_base64", "is not base64 behind its prefix: most often it was cut off, or copied with something around it"},
      {"not_a_key", "holds no key behind its prefix: most often it was cut off"},
  }};
  for (const auto& [name, text] : texts) {
    if (name == fault) return text;
  }
  return {};
}

}  // namespace borehole::bedrock
