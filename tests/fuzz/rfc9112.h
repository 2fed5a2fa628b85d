// HTTP/1 messages as RFC 9112 states them, read a second time and in another way than the proxy does, to judge it by.
// Never looks at how octets came: a stream is read whole.
#pragma once

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace borehole::rfc9112 {

struct Field {
  std::string_view line;  // with its CRLF
  std::string_view name, value;
};

struct Message {
  std::string_view start_line;  // without its CRLF
  std::vector<Field> fields;
  std::string_view head;  // up to the empty line, which is part of it
  std::string_view body;  // framing included, as far as it is there
  std::string_view rest;  // of the stream, from the body's beginning
  bool complete = false;
};

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// The comma-separated members of all fields of that name, in lower case.
inline std::vector<std::string> members(const Message& message, std::string_view name) {
  std::vector<std::string> out;
  for (const Field& field : message.fields) {
    if (lower(field.name) != name) continue;
    std::string_view left = field.value;
    while (true) {
      const auto comma = left.find(',');
      std::string_view one = left.substr(0, comma);
      while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
      while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
      if (!one.empty()) out.push_back(lower(one));
      if (comma == std::string_view::npos) break;
      left.remove_prefix(comma + 1);
    }
  }
  return out;
}

inline const Field* find(const Message& message, std::string_view name) {
  const auto found = std::find_if(message.fields.begin(), message.fields.end(),
                                  [name](const Field& field) { return lower(field.name) == name; });
  return found == message.fields.end() ? nullptr : &*found;
}

// A start line, fields and an empty line (sections 2.1 and 5), each ended by CRLF; nullopt: not, or not whole.
inline std::optional<Message> read_head(std::string_view stream) {
  Message message;
  std::size_t at = 0;
  while (true) {
    const auto end = stream.find('\n', at);
    if (end == std::string_view::npos || end == at || stream[end - 1] != '\r') return std::nullopt;
    const std::string_view line = stream.substr(at, end - 1 - at);
    if (line.find('\r') != std::string_view::npos) return std::nullopt;
    if (at == 0) {
      message.start_line = line;
    } else if (line.empty()) {
      message.head = stream.substr(0, end + 1);
      message.rest = stream.substr(end + 1);
      return message;
    } else {
      const auto colon = line.find(':');
      if (colon == 0 || colon == std::string_view::npos) return std::nullopt;
      std::string_view value = line.substr(colon + 1);
      while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
      while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
      message.fields.push_back({stream.substr(at, end + 1 - at), line.substr(0, colon), value});
    }
    at = end + 1;
  }
}

// How many octets a chunked body takes (section 7.1), its trailer section included; nullopt: it has no end in there.
inline std::optional<std::size_t> chunked_size(std::string_view text) {
  std::size_t at = 0;
  const auto line_end = [&] {
    const auto end = text.find("\r\n", at);
    return end == std::string_view::npos ? text.size() : end;
  };
  while (true) {
    std::size_t size = 0, digits = 0;
    for (; at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0; ++at, ++digits) {
      const char c = text[at];
      size = size * 16 + static_cast<std::size_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
      if (size > text.size()) return std::nullopt;
    }
    if (digits == 0) return std::nullopt;
    if (at = line_end() + 2; at > text.size()) return std::nullopt;
    if (size == 0) break;
    if (size > text.size() - at || text.substr(at + size, 2) != "\r\n") return std::nullopt;
    at += size + 2;
  }
  while (true) {  // trailer fields, and the empty line
    const std::size_t end = line_end();
    if (end == text.size()) return std::nullopt;
    const bool last = end == at;
    at = end + 2;
    if (last) return at;
  }
}

enum class Body { none, framed, until_close };

// Section 6.3, for what is no answer to CONNECT. What is framed in two ways has no length at all.
inline void read_body(Message& message, Body kind) {
  const auto take = [&message](std::optional<std::size_t> size) {
    message.complete = size && *size <= message.rest.size();
    message.body = message.complete ? message.rest.substr(0, *size) : message.rest;
  };
  if (kind == Body::none) return take(0);
  const auto codings = members(message, "transfer-encoding");
  const auto lengths = members(message, "content-length");
  if (!codings.empty()) {
    return take(codings.size() == 1 && codings[0] == "chunked" && lengths.empty() ? chunked_size(message.rest)
                                                                                  : std::nullopt);
  }
  if (lengths.empty()) return take(kind == Body::until_close ? message.rest.size() : 0);
  if (lengths.size() != 1 || lengths[0].size() > 18 ||
      !std::all_of(lengths[0].begin(), lengths[0].end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return take(std::nullopt);
  }
  take(std::stoull(lengths[0]));
}

// The requests of a stream, up to what is none; the last may be incomplete. Empty lines before one are no part of it
// (section 2.2).
inline std::vector<Message> requests(std::string_view stream) {
  std::vector<Message> out;
  while (true) {
    while (stream.starts_with("\r\n")) stream.remove_prefix(2);
    auto message = read_head(stream);
    if (!message) return out;
    read_body(*message, message->start_line.starts_with("CONNECT ") ? Body::none : Body::framed);
    stream = message->rest.substr(message->body.size());
    out.push_back(*std::move(message));
    if (!out.back().complete) return out;
  }
}

inline int status_of(const Message& response) {
  const std::string_view code = response.start_line.substr(std::min<std::size_t>(9, response.start_line.size()), 3);
  return code.size() == 3 && std::all_of(code.begin(), code.end(), [](char c) { return c >= '0' && c <= '9'; })
             ? (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0')
             : 0;
}

// The responses of a stream to requests of these methods, interim ones among them, up to what is none.
inline std::vector<Message> responses(std::string_view stream, const std::vector<std::string>& methods) {
  std::vector<Message> out;
  std::size_t answered = 0;
  while (true) {
    auto message = read_head(stream);
    if (!message) return out;
    const int status = status_of(*message);
    const std::string method = answered < methods.size() ? methods[answered] : "GET";
    const bool interim = status >= 100 && status < 200 && status != 101;
    const bool bare = interim || status == 204 || status == 304 || method == "HEAD" ||
                      (method == "CONNECT" && status >= 200 && status < 300);
    read_body(*message, bare ? Body::none : Body::until_close);
    if (!interim) ++answered;
    stream = message->rest.substr(message->body.size());
    out.push_back(*std::move(message));
    if (!out.back().complete || status == 101) return out;
  }
}

}  // namespace borehole::rfc9112
