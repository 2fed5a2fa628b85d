#include "calls/captured_call.h"

namespace borehole::calls {

namespace {

std::size_t size_of(const std::vector<std::string>& texts) {
  std::size_t sum = texts.capacity() * sizeof(std::string);
  for (const auto& text : texts) sum += text.capacity();
  return sum;
}

}  // namespace

// What a client or an upstream can make large is counted; the rest is a constant.
std::size_t CapturedCall::cost() const {
  std::size_t sum = sizeof(CapturedCall) + 512;
  sum += record.request.body.capacity() + record.response.body.capacity();
  sum += record.request.target.capacity() + target.capacity() + record.request.method.capacity();
  sum += record.client.user_agent.capacity() + record.router.capacity() + record.upstream.host.capacity();
  sum += record.session_id.capacity();
  sum += record.request.headers.capacity() + record.response.headers.capacity();
  sum += size_of(record.notes) + size_of(record.aws.signed_headers);
  sum += response_marks.memory() + response_end.memory() + request_end.memory() + secrets.memory();
  if (record.error) sum += record.error->detail.capacity();
  return sum;
}

}  // namespace borehole::calls
