#include "http/validate_head.h"

#include <fmt/format.h>

#include "http/syntax.h"
#include "http/target.h"

namespace borehole::http {

namespace {

Unexpected<Error> refuse(ErrorCode code, Fault fault, std::string detail) {
  return unexpected(Error{code, fault, std::move(detail)});
}
Unexpected<Error> malformed(std::string detail) {
  return refuse(ErrorCode::malformed_request, Fault::client, std::move(detail));
}
Unexpected<Error> ambiguous(std::string detail) {
  return refuse(ErrorCode::ambiguous_request, Fault::client, std::move(detail));
}
Unexpected<Error> bad_response(std::string detail) {
  return refuse(ErrorCode::malformed_response, Fault::upstream, std::move(detail));
}

struct Problem {
  bool ambiguous = false;  // parsers could disagree, as opposed to: no parser should take it
  std::string detail;
  bool found() const noexcept { return !detail.empty(); }
};

// The start line's content if it is one line ended by CRLF.
std::optional<Bytes> start_line(Bytes raw) noexcept {
  const std::size_t lf = raw.find('\n');
  if (lf == Bytes::npos || lf == 0 || raw[lf - 1] != '\r') return std::nullopt;
  const Bytes line = raw.substr(0, lf - 1);
  if (line.find('\r') != Bytes::npos) return std::nullopt;
  return line;
}

Problem line_problem(LineFault fault, std::size_t line) {
  switch (fault) {
    case LineFault::none: return {};
    case LineFault::line_end:
      return {
          true,
          fmt::format("Field line {} is not ended by CRLF alone (a bare LF or CR, or an empty line too early).", line)};
    case LineFault::folded:
      return {true, fmt::format("Field line {} begins with whitespace: line folding is obsolete and not taken.", line)};
    case LineFault::no_colon: return {false, fmt::format("Field line {} is no \"name: value\".", line)};
    case LineFault::space_in_name:
      return {true, fmt::format("Field line {} has whitespace between the field's name and the colon.", line)};
    case LineFault::bad_name:
      return {false, fmt::format("The name in field line {} has a character no name may have.", line)};
    case LineFault::control: return {false, fmt::format("Field line {} has a control character.", line)};
  }
  return {};
}

Problem check_fields(const MessageHead& head) {
  const Bytes raw = head.raw();
  std::size_t line = 0;
  const LineFault fault = check_field_section(raw.substr(raw.find('\n') + 1), line);
  return line_problem(fault, line);
}

// What frames the body: Content-Length and Transfer-Encoding (RFC 9112 section 6).
Problem check_framing(const MessageHead& head) {
  std::size_t lengths = 0;
  std::size_t codings = 0;
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    if (same_name(head.name(i), "content-length")) {
      ++lengths;
      const Bytes value = head.value(i);
      if (!is_all_digits(value)) return {true, "Content-Length is not one decimal number."};
      if (value.size() > 19) return {true, "Content-Length is larger than any body can be."};
    } else if (same_name(head.name(i), "transfer-encoding")) {
      ++codings;
      if (!same_name(head.value(i), "chunked")) {
        return {true, "Transfer-Encoding is something else than one `chunked`; no other transfer coding is taken."};
      }
    }
  }
  if (lengths > 1) return {true, "There is more than one Content-Length."};
  if (codings > 1) return {true, "There is more than one Transfer-Encoding."};
  if (lengths > 0 && codings > 0) {
    return {true,
            "There are both Content-Length and Transfer-Encoding: parsers disagree about where such a body ends."};
  }
  if (codings > 0 && head.minor_version() == 0) return {true, "HTTP/1.0 knows no Transfer-Encoding."};
  return {};
}

bool is_http_1(Bytes version) noexcept { return version == "HTTP/1.1" || version == "HTTP/1.0"; }

Result<void> check_request_line(const RequestHead& head) {
  const auto line = start_line(head.raw());
  if (!line) return ambiguous("The request line is not ended by CRLF alone (a bare LF or CR).");
  if (!is_token(head.method()))
    return malformed("The method is not a token: the request line is no `METHOD target HTTP/1.1`.");
  const std::size_t version = std::size_t{head.target_begin()} + head.target().size() + 1;
  if (version > line->size() || !is_http_1(line->substr(version))) {
    return malformed("The request line does not end with HTTP/1.1 or HTTP/1.0, the only versions taken here.");
  }
  if (!is_target_text(head.target())) {
    return malformed("The request target has a space, a control character or a non-ASCII octet; percent-encode them.");
  }
  if (!split_target(head.method(), head.target())) {
    return malformed(head.method() == "CONNECT"
                         ? "The target of CONNECT is not host:port."
                         : "The request target is neither a path nor an http:// or https:// URL with a plain host.");
  }
  return {};
}

Result<void> check_host(const RequestHead& head) {
  const bool connect = head.method() == "CONNECT";
  const std::size_t hosts = head.count("host");
  if (hosts > 1) return ambiguous("There is more than one Host field.");
  if (hosts == 0) {
    if (head.minor_version() == 0 || connect) return {};
    return malformed("There is no Host field, which HTTP/1.1 demands.");
  }
  const Target target = *split_target(head.method(), head.target());
  const std::uint16_t default_port = same_name(target.scheme, "http") ? 80 : 443;
  const auto host = parse_authority(*head.find("host"), default_port);
  if (!host) return malformed("The Host field is no host or host:port.");
  if (target.form == TargetForm::absolute && *host != *parse_authority(target.authority, default_port)) {
    return ambiguous(
        "The Host field and the URL in the request line name different hosts or ports. The Host is signed, so neither "
        "is "
        "changed: send the same in both.");
  }
  return {};
}

}  // namespace

Result<void> validate_request_head(const RequestHead& head) {
  if (auto checked = check_request_line(head); !checked) return checked;
  if (Problem p = check_fields(head); p.found())
    return p.ambiguous ? ambiguous(std::move(p.detail)) : malformed(std::move(p.detail));
  return validate_request_fields(head);
}

Result<void> validate_request_fields(const RequestHead& head) {
  if (Problem p = check_framing(head); p.found()) return ambiguous(std::move(p.detail));
  if (head.method() == "CONNECT") {
    const auto length = head.find("content-length");
    if (head.count("transfer-encoding") > 0 || (length && length->find_first_not_of('0') != Bytes::npos)) {
      return ambiguous("CONNECT comes with a body; what follows its head is the tunnel.");
    }
  }
  return check_host(head);
}

Result<void> validate_response_head(const ResponseHead& head) {
  const auto line = start_line(head.raw());
  if (!line) return bad_response("The status line is not ended by CRLF alone (a bare LF or CR).");
  // `HTTP/1.1 200` without the space that belongs behind it is common and means one thing only.
  const bool shaped = line->size() >= 12 && is_http_1(line->substr(0, 8)) && (*line)[8] == ' ' &&
                      is_all_digits(line->substr(9, 3)) && (line->size() == 12 || (*line)[12] == ' ');
  if (!shaped)
    return bad_response("The status line is no `HTTP/1.1 200 reason` (only HTTP/1.1 and HTTP/1.0 are taken).");
  if (head.status() < 100) return bad_response("The status code is below 100.");
  if (!is_field_text(*line)) return bad_response("The reason phrase has a control character.");
  if (Problem p = check_fields(head); p.found()) return bad_response(std::move(p.detail));
  return validate_response_fields(head);
}

Result<void> validate_response_fields(const ResponseHead& head) {
  if (Problem p = check_framing(head); p.found()) return bad_response(std::move(p.detail));
  // RFC 9110 section 8.6, RFC 9112 section 6.1: not every reader knows that no body follows.
  if (head.informational() || head.status() == 204) {
    const auto length = head.find("content-length");
    if (head.find("transfer-encoding") || (length && length->find_first_not_of('0') != Bytes::npos))
      return bad_response(fmt::format("A {} response announces a body, which it cannot have.", head.status()));
  }
  return {};
}

}  // namespace borehole::http
