// Who Amazon says has called, where an answer names it; never asks.
#pragma once

#include <string>
#include <string_view>

namespace borehole::bedrock {

// Empty where the text tells nothing.
struct Principal {
  std::string arn;           // "arn:aws:sts::123456789012:assumed-role/Role/session"
  std::string session_name;  // of an assumed role: "session"
};

// Out of an error's message: "User: ARN is not authorized to perform: …". The ARN must be one of IAM or STS.
Principal read_principal(std::string_view message);

}  // namespace borehole::bedrock
