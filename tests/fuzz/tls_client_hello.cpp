// Fuzzes the reading of ClientHellos. Input: the first octets of a connection.
#include "tls/client_hello.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/invariant.h"

using namespace borehole;
using tls::HelloStatus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const char*>(octets), size);
  const auto result = tls::read_client_hello(bytes);
  demand(size > 0 || result.status == HelloStatus::need_more, "nothing is not enough");
  demand(size == 0 || octets[0] == 0x16 || result.status == HelloStatus::not_tls, "only TLS begins as TLS does");

  // What is known stays known when more arrives; what is complete was wanting more before.
  const auto longer = tls::read_client_hello(std::string(bytes) + "more");
  if (result.status != HelloStatus::need_more) {
    demand(longer.status == result.status, "more octets change no verdict");
    demand(longer.hello.server_name == result.hello.server_name, "more octets change no name");
  }
  if (result.status == HelloStatus::complete) {
    const auto half = tls::read_client_hello(bytes.substr(0, size / 2));
    demand(half.status == HelloStatus::need_more || half.status == HelloStatus::complete,
           "half of a hello is no error");
    demand(result.hello.server_name.size() <= 255, "a name has a bound");
    for (const char c : result.hello.server_name) {
      demand(c > ' ' && c < 0x7f && (c < 'A' || c > 'Z'), "a name is ASCII in lower case");
    }
    for (const auto& protocol : result.hello.alpn) demand(result.hello.offers(protocol), "what is listed is offered");
  }
  return 0;
}
