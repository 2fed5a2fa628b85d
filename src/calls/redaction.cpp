#include "calls/redaction.h"

#include <algorithm>
#include <array>

#include "bedrock/text.h"
#include "http/head.h"

namespace borehole::calls {

namespace {

constexpr std::string_view mask = "***";
constexpr std::array<std::string_view, 2> masked_parameters{"x-amz-signature", "x-amz-security-token"};
constexpr std::array<std::string_view, 6> schemes{
    "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "Bearer", "Basic", "Digest", "Negotiate"};
// Shorter ones would be found in any text, and are no secrets that protect anything.
constexpr std::size_t shortest_secret = 6;

bool always_masked(Bytes name) noexcept {
  switch (name.size()) {  // of each other name the size alone is looked at
    case 13: return http::same_name(name, "authorization");
    case 19: return http::same_name(name, "proxy-authorization");
    case 20: return http::same_name(name, "x-amz-security-token");
    default: return false;
  }
}

bool is_authorization(Bytes name) {
  return http::same_name(name, "authorization") || http::same_name(name, "proxy-authorization");
}

void replace_all(std::string& text, std::string_view what) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + mask.size())) {
    text.replace(at, what.size(), mask);
  }
}

// Base64 holds '/', which some JSON writers escape.
std::string with_escaped_slashes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '/') out += '\\';
    out += c;
  }
  return out;
}

void cleanse_of(std::string& text, std::string_view secret, bool cut) {
  replace_all(text, secret);
  if (!cut) return;
  for (std::size_t n = std::min(secret.size() - 1, text.size()); n >= shortest_secret; --n) {
    if (!text.ends_with(secret.substr(0, n))) continue;
    text.replace(text.size() - n, n, mask);
    break;
  }
}

// What ends a part of an Authorization field.
std::size_t end_of_part(Bytes rest) noexcept {
  const auto* const end =
      std::find_if(rest.begin(), rest.end(), [](char c) { return c == ',' || c == ' ' || c == '\t'; });
  return static_cast<std::size_t>(end - rest.begin());
}

}  // namespace

bool Redaction::masked(Bytes name) const {
  const auto same = [name](std::string_view other) {
    return name.size() == other.size() && http::same_name(name, other);
  };
  return always_masked(name) || std::any_of(names_->begin(), names_->end(), same);
}

void Secrets::remember(Bytes secret) {
  if (secret.size() < shortest_secret) return;
  if (sizes_.empty()) {  // room for a session token, an authorization and their parts
    all_.reserve(std::max<std::size_t>(1024, 2 * secret.size()));
    sizes_.reserve(8);
  }
  all_ += secret;
  sizes_.push_back(secret.size());
}

// `a=b; c=d`, as cookies are: what stands behind each equals sign is a secret of its own.
void Redaction::remember_parts(Bytes value) {
  for (Bytes part : bedrock::split(value, ';')) {
    if (const auto equals = part.find('='); equals != Bytes::npos)
      secrets_.remember(bedrock::trimmed(part.substr(equals + 1)));
  }
}

Bytes Redaction::header_value(Bytes name, Bytes value) {
  if (!masked(name)) return value;
  secrets_.remember(value);
  if (!is_authorization(name)) {
    // Behind a Set-Cookie's first semicolon stand attributes: Path=/model is no secret.
    remember_parts(http::same_name(name, "set-cookie") ? value.substr(0, value.find(';')) : value);
    return mask;
  }
  constexpr std::string_view signature = "Signature=";
  if (const auto at = value.find(signature); at != Bytes::npos) {
    const Bytes rest = value.substr(at + signature.size());
    secrets_.remember(rest.substr(0, end_of_part(rest)));
  }
  const auto blank = value.find(' ');
  if (blank == Bytes::npos) return mask;
  const Bytes scheme = value.substr(0, blank);
  secrets_.remember(bedrock::trimmed(value.substr(blank)));
  const bool known = std::any_of(schemes.begin(), schemes.end(),
                                 [scheme](std::string_view other) { return http::same_name(scheme, other); });
  if (!known) return mask;
  shown_ = scheme;
  shown_ += ' ';
  return shown_ += mask;
}

std::string Redaction::target(Bytes target) {
  std::string out;
  const auto question = target.find('?');
  Bytes path = target.substr(0, question);
  if (const auto scheme = path.find("://"); scheme != Bytes::npos && path.front() != '/') {
    const Bytes authority = path.substr(scheme + 3, path.find('/', scheme + 3) - (scheme + 3));
    if (const auto at = authority.rfind('@'); at != Bytes::npos) {
      secrets_.remember(authority.substr(0, at));
      if (const auto colon = authority.find(':'); colon < at) {
        secrets_.remember(authority.substr(colon + 1, at - colon - 1));
      }
      out.append(path.substr(0, scheme + 3)).append(mask);
      path.remove_prefix(scheme + 3 + at);
    }
  }
  out.append(path);
  if (question == Bytes::npos) return out;
  char before = '?';
  Bytes query = target.substr(question + 1);
  for (;;) {
    const auto end = query.find('&');
    const Bytes parameter = query.substr(0, end);
    const auto equals = parameter.find('=');
    out += before;
    const std::string name = bedrock::percent_decode(parameter.substr(0, equals));
    const bool hide =
        equals != Bytes::npos &&
        (masked(name) || std::any_of(masked_parameters.begin(), masked_parameters.end(),
                                     [&](std::string_view other) { return http::same_name(name, other); }));
    if (hide) {
      const Bytes value = parameter.substr(equals + 1);
      secrets_.remember(value);
      secrets_.remember(bedrock::percent_decode(value));
      out.append(parameter.substr(0, equals + 1)).append(mask);
    } else {
      out.append(parameter);
    }
    if (end == Bytes::npos) return out;
    query.remove_prefix(end + 1);
    before = '&';
  }
}

void Secrets::cleanse(std::string& text, bool cut) const {
  std::size_t begin = 0;
  for (const std::size_t size : sizes_) {
    const Bytes secret = Bytes(all_).substr(begin, size);
    begin += size;
    cleanse_of(text, secret, cut);
    if (secret.find('/') != Bytes::npos) cleanse_of(text, with_escaped_slashes(secret), cut);
  }
}

}  // namespace borehole::calls
