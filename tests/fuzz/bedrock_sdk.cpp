// Fuzzes what is read out of user agents and refusals. Input: a user agent, a line end, an error message.
#include "bedrock/sdk.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bedrock/principal.h"
#include "fuzz/invariant.h"

using namespace borehole;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(octets), size);
  const auto agent = take_until(text, '\n');
  const std::vector<bedrock::Field> fields{
      {"User-Agent", agent}, {"X-Amz-User-Agent", text}, {"amz-sdk-request", agent}};
  const auto within = [](std::string_view part, std::string_view whole) { return whole.find(part) != whole.npos; };
  const bedrock::Application application = bedrock::read_application(fields);
  demand(within(application.id, agent) || within(application.id, text), "an id is read as it stands");
  demand(within(application.framework, agent) || within(application.framework, text), "and so is a framework");
  demand(bedrock::read_sdk(fields).version.size() <= size, "nothing is read that was not there");
  bedrock::read_attempt(fields);
  const bedrock::Principal principal = bedrock::read_principal(text);
  demand(within(principal.arn, text), "an ARN is read as it stands");
  demand(within(principal.session_name, principal.arn), "a session stands in its ARN");
  return 0;
}
