#include "h2_peers.h"

#include "hello.h"

namespace borehole::proxy::test {

namespace {

const calls::UpstreamFacts& h2_facts() {
  static const calls::UpstreamFacts known{"192.0.2.7:443", false, "TLSv1.3", "h2", {}, {}};
  return known;
}

}  // namespace

H2Peers::H2Peers(config::Config config, std::optional<Error> refusal) : d(std::move(config), std::move(refusal)) {}

H2Peers::~H2Peers() { forget(); }

H2Peers& H2Peers::direct() {
  d.session->received(client, client_hello(bedrock_host, {"h2", "http/1.1"}), d.now);
  REQUIRE(d.world.negotiating);
  d.world.negotiating = false;
  d.world.legs[1].there = true;
  d.session->negotiated("h2", h2_facts(), d.now);
  forget();
  settle();
  return *this;
}

H2Peers& H2Peers::prior_knowledge() {
  settle();
  return *this;
}

H2Peers::Upstream& H2Peers::upstream(LegId leg) {
  auto& found = upstreams_[leg];
  if (!found) found = std::make_unique<Upstream>();
  return *found;
}

void H2Peers::settle() {
  for (bool more = true; more && !d.session->over();) {
    more = false;
    if (const std::string said = http::test::all_of(client_codec); !said.empty()) {
      more = true;
      d.session->received(client, said, d.now);
    }
    std::vector<LegId> there;
    for (const auto& [id, leg] : d.world.legs) {
      if (leg.there) there.push_back(id);
    }
    for (const LegId id : there) {
      Upstream& up = upstream(id);
      if (!d.world.legs.contains(id)) continue;
      const std::string heard = d.world.legs[id].sent.substr(up.heard);
      up.heard += heard.size();
      up.codec.feed(heard);
      const std::string said = http::test::all_of(up.codec);
      more = more || !heard.empty() || !said.empty();
      if (!said.empty() && !d.world.legs[id].held) d.session->leg_received(id, said, d.now);
    }
    if (d.world.to_client.size() > heard_) {
      more = true;
      const std::string heard = d.world.to_client.substr(heard_);
      heard_ = d.world.to_client.size();
      client_codec.feed(heard);
    }
  }
  if (d.world.to_client.size() > heard_) {  // the last words
    client_codec.feed(d.world.to_client.substr(heard_));
    heard_ = d.world.to_client.size();
  }
}

void H2Peers::leg_opens(LegId leg) {
  REQUIRE(d.world.legs.contains(leg));
  d.world.legs[leg].there = true;
  d.session->leg_opened(leg, h2_facts(), d.now);
  settle();
}

void H2Peers::leg_fails(LegId leg, ErrorCode code) {
  d.session->leg_failed(leg, {code, Fault::upstream, "it could not be reached"}, d.now);
  settle();
}

void H2Peers::leg_ends(LegId leg) {
  d.session->leg_gone(leg, {ErrorCode::upstream_closed, Fault::upstream, "it closed the connection"}, d.now);
  settle();
}

void H2Peers::congested(bool is) {
  is ? d.session->congested(client, d.now) : d.session->drained(client, d.now);
  settle();
}

void H2Peers::time_passes(Duration how_long) {
  test::time_passes(how_long).run(d);
  settle();
}

std::string H2Peers::asked() const {
  std::string out;
  for (const Asked& one : d.world.asked) {
    if (one.what != "to client") out += one.what + "\n";
  }
  return out;
}

}  // namespace borehole::proxy::test
