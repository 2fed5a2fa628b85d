// A client and upstreams that speak HTTP/2 with a session, by codecs of their own. Octets pass as they would between
// sockets; what was said is written down.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "dialogue.h"
#include "h2_log.h"

namespace borehole::proxy::test {

inline const http::H2Fields h2_get{
    {":method", "GET"}, {":scheme", "https"}, {":authority", bedrock_host}, {":path", "/models"}};
inline const http::H2Fields h2_post{
    {":method", "POST"}, {":scheme", "https"}, {":authority", bedrock_host}, {":path", "/model/m/invoke"}};
inline const http::H2Fields h2_ok{{":status", "200"}, {"x", "1"}};

class H2Peers {
 public:
  explicit H2Peers(config::Config config = gateway_config(), std::optional<Error> refusal = {});
  ~H2Peers();
  H2Peers(const H2Peers&) = delete;
  H2Peers& operator=(const H2Peers&) = delete;

  H2Peers& direct();           // ClientHello; the upstream agrees on h2
  H2Peers& prior_knowledge();  // on the plain port
  void settle();               // until nobody has anything to say
  void leg_opens(LegId leg);   // what was asked for is there
  void leg_fails(LegId leg, ErrorCode code);
  void leg_ends(LegId leg);
  void congested(bool is);  // the way to the client
  void time_passes(Duration how_long);

  struct Upstream {
    http::test::H2Log log;
    http::H2Codec codec{http::H2Codec::Role::server, {}, log};
    std::size_t heard = 0;
  };
  Upstream& upstream(LegId leg = 1);
  http::H2Codec& codec() { return client_codec; }
  std::string asked() const;  // what was asked besides octets, a line each, since the last call of `forget`
  void forget() { d.world.asked.clear(); }

  Dialogue d;
  http::test::H2Log log;  // at the client
  http::H2Codec client_codec{http::H2Codec::Role::client, {}, log};

 private:
  std::map<LegId, std::unique_ptr<Upstream>> upstreams_;
  std::size_t heard_ = 0;
};

}  // namespace borehole::proxy::test
