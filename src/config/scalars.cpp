#include "config/scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "config/hosts.h"

namespace borehole::config {
namespace {

Unexpected<std::string> wants(std::string_view reason) { return unexpected(std::string(reason)); }

// Digits alone; nothing where the number does not fit.
std::optional<std::uint64_t> whole_number(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// NUMBER UNIT, the product within `most`.
template <std::size_t N>
std::optional<std::uint64_t> with_unit(std::string_view text, const std::array<Unit, N>& units, std::uint64_t most) {
  const auto digits = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
  const auto number = whole_number(text.substr(0, digits));
  const auto unit = std::ranges::find(units, text.substr(digits), &Unit::name);
  if (!number || unit == units.end() || *number > most / unit->factor) return std::nullopt;
  return *number * unit->factor;
}

constexpr std::array<Unit, 11> size_units{{{"", 1},
                                           {"B", 1},
                                           {"kB", 1000},
                                           {"KB", 1000},
                                           {"MB", 1'000'000},
                                           {"GB", 1'000'000'000},
                                           {"TB", 1'000'000'000'000},
                                           {"KiB", kibi},
                                           {"MiB", kibi* kibi},
                                           {"GiB", kibi* kibi* kibi},
                                           {"TiB", kibi* kibi* kibi* kibi}}};
constexpr std::array<Unit, 4> duration_units{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};

}  // namespace

Parsed<std::size_t> parse_size(std::string_view text) {
  const auto size = with_unit(text, size_units, std::numeric_limits<std::int64_t>::max());
  if (!size) return wants("must be a size, such as 64KiB, 1MiB, 10MB or a number of bytes");
  return static_cast<std::size_t>(*size);
}

Parsed<Millis> parse_duration(std::string_view text) {
  if (whole_number(text)) return wants("lacks its unit: write a duration such as 500ms, 10s, 5m or 1h");
  const auto duration = with_unit(text, duration_units, std::numeric_limits<std::int64_t>::max());
  if (!duration) return wants("must be a duration, such as 500ms, 10s, 5m or 1h");
  return Millis{static_cast<Millis::rep>(*duration)};
}

Parsed<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto number = whole_number(text);
  if (!number || *number < least || *number > most)
    return wants(fmt::format("must be a whole number from {} to {}", least, most));
  return *number;
}

Parsed<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return wants("must be true or false");
}

Parsed<PortRange> parse_port_range(std::string_view text) {
  constexpr std::string_view reason = "must be a port or a range of ports within 1 to 65535, such as 443 or 1024-65535";
  const auto dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last || *first == 0) return wants(reason);
  if (*first > *last) return wants("ends before it begins: write the lower port first, such as 1024-65535");
  return PortRange{*first, *last};
}

Parsed<std::string> parse_router_path(std::string_view text) {
  if (!text.starts_with('/')) return wants("must begin with \"/\", such as /service/standard/");
  constexpr std::string_view allowed = "-._~!$&'()*+,;=:@%/";  // RFC 3986 section 3.3
  if (!std::ranges::all_of(text, [&](char c) { return is_alnum(c) || allowed.find(c) != allowed.npos; }))
    return wants("must be a path as it stands in a request line, without query, blanks or unencoded characters");
  if (!text.ends_with('/')) return wants("must end with \"/\": add the final slash, such as /service/standard/");
  return std::string(text);
}

Parsed<Origin> parse_origin(std::string_view text) {
  constexpr std::string_view example = "such as https://bedrock-runtime.us-east-1.amazonaws.com";
  Origin origin;
  const auto colon = text.find("://");
  if (colon != text.npos) origin.scheme = lower_case(text.substr(0, colon));
  if (origin.scheme != "https" && origin.scheme != "http")
    return wants(fmt::format("must be an https:// or http:// URL, {}", example));
  auto authority = text.substr(colon + 3);
  if (authority.find('@') != authority.npos) return wants("must not hold a user or password: remove all before the @");
  if (authority.find_first_of("/?#") != authority.npos)
    return wants("must not have a path or query: end it behind the host or port, without a slash");
  const std::uint16_t usual = origin.scheme == "https" ? 443 : 80;
  auto address = split_host_port(authority, usual);
  if (!address || address->port == 0) return wants(fmt::format("must name a host and perhaps a port, {}", example));
  origin.address = *std::move(address);
  return origin;
}

Parsed<UpstreamProxy> parse_proxy_url(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  constexpr std::string_view reason = "must look like http://host:port or http://user:password@host:port";
  if (lower_case(text.substr(0, scheme.size())) != scheme) return wants(reason);
  text.remove_prefix(scheme.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  UpstreamProxy proxy;
  if (const auto at = text.rfind('@'); at != text.npos) {
    const auto credentials = text.substr(0, at);
    const auto colon = credentials.find(':');
    const auto user = percent_decoded(credentials.substr(0, colon));
    const auto password =
        colon == credentials.npos ? std::optional<std::string>("") : percent_decoded(credentials.substr(colon + 1));
    if (!user || !password)
      return wants(
          "has a user or password that is not percent-encoded: write %40 for @, %3A for :, %2F for / and so on");
    // RFC 7617 section 2: a colon in the user name would move the border to the password.
    if (user->empty() || user->find(':') != user->npos) return wants("has a user name that is empty or holds a colon");
    proxy.user = *user;
    proxy.password = *password;
    text.remove_prefix(at + 1);
  }
  auto address = parse_host_port(text, PortZero::refused);
  if (!address) return wants(reason);
  proxy.address = *std::move(address);
  return proxy;
}

Parsed<std::string> parse_header_name(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  if (text.empty() || !std::ranges::all_of(text, [&](char c) { return is_alnum(c) || marks.find(c) != marks.npos; }))
    return wants("must be the name of a header, such as content-type");
  return lower_case(text);
}

Parsed<std::string> parse_answer_header(std::string_view text) {
  const auto name = parse_header_name(text);
  if (!name) return wants("must be the name of a header, such as Borehole-Call-Id");
  // RFC 9110 sections 6.6, 7.6 and 8, RFC 9112 sections 6 and 7: a second one of these would change what the answer is.
  constexpr std::array<std::string_view, 14> taken{"connection",
                                                   "content-encoding",
                                                   "content-length",
                                                   "content-type",
                                                   "date",
                                                   "keep-alive",
                                                   "location",
                                                   "te",
                                                   "trailer",
                                                   "transfer-encoding",
                                                   "upgrade",
                                                   "set-cookie",
                                                   "content-location",
                                                   "content-range"};
  if (std::ranges::find(taken, *name) != taken.end() || name->starts_with("proxy-") || name->starts_with("x-amz"))
    return wants("has a meaning of its own in answers: choose another name, such as Borehole-Call-Id");
  return std::string(text);
}

Parsed<std::string> parse_header_value(std::string_view text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || std::ranges::any_of(text, control))
    return wants("must be the value of a header: not empty, no control characters, no blanks around it");
  return std::string(text);
}

Parsed<std::string> parse_key_identity(std::string_view text) {
  if (text.starts_with("ABSK") || text.starts_with("bedrock-api-key-"))
    return wants("is a secret: name the key by its access key id or by the name that IAM shows for it");
  const auto capital = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  const bool access_key_id = text.size() >= 16 && text.size() <= 128 && std::ranges::all_of(text, capital);
  const bool api_key_name = text.starts_with("BedrockAPIKey-") && text.size() <= 128 &&
                            std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
  if (access_key_id || api_key_name) return std::string(text);
  return wants(
      "must be an access key id, such as AKIAIOSFODNN7EXAMPLE, or the name of an API key, such as "
      "BedrockAPIKey-a1b2-at-123456789012");
}

Parsed<std::string> parse_key_alias(std::string_view text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (text.empty() || text.size() > 64 || text.front() == ' ' || text.back() == ' ' ||
      std::ranges::any_of(text, control))
    return wants("must be a name of up to 64 characters, with no blanks around it, such as ci");
  if (parse_key_identity(text)) return wants("is itself an access key id: give a name such as ci");
  return std::string(text);
}

}  // namespace borehole::config
