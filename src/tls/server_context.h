// Makes the server side of TLS connections towards clients; the certificate is chosen per connection. TLS 1.2 and 1.3
// only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tls/engine.h"

namespace borehole::tls {

// A certificate chain (DER, leaf first, without the root) and its key. Opaque outside tls/ and ca/.
class Leaf;  // defined in tls/leaf.h, which includes openssl headers

// Chosen in the certificate callback. `name` is a lower-case host name or an IP literal. nullptr: no certificate can be
// had; the handshake fails with an alert. The returned leaf is kept alive by the connection.
class LeafSource {
 public:
  virtual ~LeafSource() = default;
  virtual std::shared_ptr<const Leaf> leaf_for(const std::string& name) noexcept = 0;
};

// What session tickets are sealed with; it may be shared by the contexts of several threads, so that a client resumes
// at whichever of them its next connection comes to.
class TicketKeys;  // defined in tls/ticket_keys.h, which includes openssl headers
std::shared_ptr<TicketKeys> make_ticket_keys(const Clock& clock);  // `clock` must outlive them

struct Resumption {
  std::shared_ptr<TicketKeys> keys;  // null: the context's own
  std::string issuer;                // of the leaves; a session is resumed only under the same one
};

// One SSL_CTX. Per worker; not thread-safe. `leaves` must outlive it.
class ServerContext {
 public:
  explicit ServerContext(LeafSource& leaves, Resumption resumption = {});
  ~ServerContext();
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;

  struct Options {
    std::string leaf_name;                         // the name asked of the LeafSource, whatever SNI says
    std::vector<std::string> alpn = {"http/1.1"};  // what may be chosen, in our order of preference
    // A client that offers ALPN, but none of these, is refused with no_application_protocol (RFC 7301 section 3.2).
  };
  std::unique_ptr<Engine> accept(Options options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::tls
