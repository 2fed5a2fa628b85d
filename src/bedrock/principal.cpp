#include "bedrock/principal.h"

#include <algorithm>
#include <vector>

#include "bedrock/text.h"

namespace borehole::bedrock {

namespace {

constexpr std::size_t longest_arn = 2048;

// IAM's names and paths: letters, digits and +=,.@_-/ (IAM User Guide, "IAM and AWS STS quotas").
bool stands_in_arn(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(":/+=,.@_-").find(c) != std::string_view::npos;
}

}  // namespace

Principal read_principal(std::string_view message) {
  constexpr std::string_view before = "User: arn:";
  const std::size_t at = message.find(before);
  if (at == std::string_view::npos) return {};
  std::string_view arn = message.substr(at + before.size() - 4);
  arn = arn.substr(0, static_cast<std::size_t>(std::find_if_not(arn.begin(), arn.end(), stands_in_arn) - arn.begin()));
  while (!arn.empty() && (arn.back() == '.' || arn.back() == ',')) arn.remove_suffix(1);  // the sentence's
  // arn:partition:service::account:resource
  const std::vector<std::string_view> parts = split(arn, ':');
  if (arn.size() > longest_arn || parts.size() != 6 || (parts[2] != "sts" && parts[2] != "iam")) return {};
  Principal out{std::string(arn), {}};
  const std::vector<std::string_view> resource = split(parts[5], '/');
  if (resource.size() == 3 && resource[0] == "assumed-role") out.session_name = resource[2];
  return out;
}

}  // namespace borehole::bedrock
