#include "export/curl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/ignoring_case.h"
#include "base/shell_word.h"
#include "bedrock/fields.h"
#include "bedrock/text.h"
#include "calls/utf8.h"
#include "export/request_view.h"

namespace borehole::exporting {

namespace {

// Linux takes 128 KiB for one argument (MAX_ARG_STRLEN, binfmts.h); quoting may make a text longer.
constexpr std::size_t most_in_argument = std::size_t{64} * 1024;

// What a signature brings, what curl says itself, and what is between a client and its proxy.
bool left_out(std::string_view name) {
  static constexpr std::array<std::string_view, 14> names{"authorization",
                                                          "x-amz-security-token",
                                                          "x-amz-date",
                                                          "x-amz-content-sha256",
                                                          "host",
                                                          "content-length",
                                                          "transfer-encoding",
                                                          "connection",
                                                          "keep-alive",
                                                          "proxy-connection",
                                                          "expect",
                                                          "proxy-authorization",
                                                          "te",
                                                          "trailer"};
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view one) { return equals_ignoring_case(one, name); });
}

bool masked(std::string_view value) { return value.find("***") != std::string_view::npos; }

// For a terminal and for an argument: no control characters but the ends of lines and tabs.
bool plain_text(std::string_view text) {
  if (!calls::is_utf8(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if ((octet < 0x20 && octet != '\n' && octet != '\t') || octet == 0x7f) return false;
    if (octet == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

struct Command {
  std::string comments, before;  // `before`: what is piped into curl
  std::vector<std::string> arguments;
  bool has_body = false;

  void comment(std::string_view text) { comments += fmt::format("# {}\n", one_line(text)); }
};

// curl resolves such segments (RFC 3986 section 5.2.4) unless told not to.
bool has_dot_segments(std::string_view path) {
  const std::string lower = bedrock::lower_case(path);
  return lower.find("/.") != std::string::npos || lower.find("/%2e") != std::string::npos;
}

void add_signing(Command& command, const RequestView& request) {
  if (request.signing == Signing::bearer) {
    command.comment(R"(Unsigned. To send it add: -H "Authorization: Bearer $AWS_BEARER_TOKEN_BEDROCK")");
    return;
  }
  command.comment(fmt::format(
      R"(Unsigned. To sign it add: --aws-sigv4 "aws:amz:{}:{}" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY")",
      request.region, request.signing_name));
  command.comment(R"(and for temporary credentials: -H "x-amz-security-token: $AWS_SESSION_TOKEN")");
  if (request.path().find('%') != std::string_view::npos) {
    command.comment(
        "A path with % in it (a model's `:`) older versions of curl sign wrongly (403); --format boto3 signs it "
        "right.");
  }
  if (has_dot_segments(request.path())) {
    command.comment("A path with dots in it newer versions of curl do not sign; --format boto3 does.");
  }
}

void add_headers(Command& command, const RequestView& request) {
  bool content_type = false;
  bool accept = false;
  for (const auto& [name, value] : request.headers) {
    if (left_out(name)) continue;
    if (masked(value)) {
      command.comment(fmt::format("Left out, because it is masked in the record: {}", name));
      continue;
    }
    if (!plain_text(name) || !plain_text(value)) {
      command.comment(fmt::format("Left out, because it is no plain text: {}", name));
      continue;
    }
    content_type = content_type || equals_ignoring_case(name, "content-type");
    accept = accept || equals_ignoring_case(name, "accept");
    if (equals_ignoring_case(name, "accept-encoding") && !equals_ignoring_case(value, "identity")) {
      command.arguments.emplace_back("--compressed");  // the codings that curl can undo
      continue;
    }
    command.arguments.push_back(fmt::format(
        "-H {}", shell_quoted(value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value))));
  }
  // What curl would add of its own.
  if (!accept) command.arguments.emplace_back("-H 'accept:'");
  if (!content_type && request.body && !request.body->empty()) command.arguments.emplace_back("-H 'content-type:'");
}

void add_body(Command& command, const RequestView& request) {
  if (!request.body) {
    command.comment(fmt::format("Its body of {} octets was not kept (record.bodies.max_bytes).", request.body_bytes));
    return;
  }
  const std::string& body = *request.body;
  if (request.truncated) {
    command.comment(fmt::format("Only the first {} of the body's {} octets were kept (record.bodies.max_bytes).",
                                body.size(), request.body_bytes));
  }
  command.has_body = !body.empty() || request.method == "POST";  // of which curl then tells the length
  if (!command.has_body) return;
  const bool text = plain_text(body);
  if (text && body.size() <= most_in_argument) {
    // With an @ in front curl would read a file.
    command.arguments.push_back((body.starts_with('@') ? "--data-raw " : "--data-binary ") + shell_quoted(body));
    return;
  }
  if (!text) command.comment(fmt::format("The body is binary ({} octets); base64 decodes it.", body.size()));
  // `printf` is part of the shell, so no limit on arguments holds.
  command.before = text ? fmt::format("printf '%s' {} |\n", shell_quoted(body))
                        : fmt::format("printf '%s' {} | base64 -d |\n", shell_quoted(bedrock::base64_encode(body)));
  command.arguments.emplace_back("--data-binary @-");
}

}  // namespace

std::string curl_command(const bedrock::JsonValue& record) {
  const auto request = view_request(record);
  Command command;
  command.comment(title_of(record));
  if (!request || request->method == "CONNECT") {
    command.comment("This call has no request that could be sent again.");
    return command.comments;
  }
  add_signing(command, *request);
  if (masked(request->target)) command.comment("The URL holds *** where the record masks it.");
  add_headers(command, *request);
  add_body(command, *request);
  if (request->body_bytes > std::size_t{1024} * 1024) command.arguments.emplace_back("-H 'expect:'");

  std::string out = command.comments + command.before + "curl --globoff";
  // Not where it changes nothing: newer versions of curl do not sign with it.
  if (has_dot_segments(request->path())) out += " --path-as-is";
  if (request->method == "HEAD") {
    out += " --head";
  } else if (request->method != (command.has_body ? "POST" : "GET")) {
    out += " --request " + shell_quoted(request->method);
  }
  out += " " + shell_quoted(request->url());
  for (const std::string& argument : command.arguments) out += " \\\n  " + argument;
  return out + "\n";
}

}  // namespace borehole::exporting
