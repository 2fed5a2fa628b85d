// A recorded call as a program for boto3, which signs it anew. Never runs it, never holds a secret.
#pragma once

#include <string>
#include <string_view>

#include "bedrock/json_value.h"

namespace borehole::exporting {

// Python 3; whole in itself, ends in a newline. An operation whose parameters are not known becomes a request that
// botocore signs and sends as it was; what cannot be sent again is named in a comment.
std::string boto3_snippet(const bedrock::JsonValue& record);

// As botocore names the method of an operation: "InvokeModelWithResponseStream" is invoke_model_with_response_stream.
std::string method_name(std::string_view operation);

}  // namespace borehole::exporting
