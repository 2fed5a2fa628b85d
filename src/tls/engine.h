// One TLS connection over memory: ciphertext in, plaintext out, and back. Never touches a socket, never blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/result.h"

namespace borehole::tls {

// What the handshake agreed on.
struct Handshake {
  std::string version;  // "TLSv1.3", "TLSv1.2"
  std::string cipher;
  std::string alpn;  // empty if none
  bool resumed = false;
};

// Owned by one thread. Made by ServerContext::accept or ClientContext::connect, which it must not outlive.
class Engine {
 public:
  struct Progress {
    bool handshake_done = false;  // became done with this feed
    bool closed = false;          // the other side has sent close_notify; no plaintext follows
  };

  virtual ~Engine() = default;

  // A client writes its first flight; a server does nothing.
  virtual Result<void> start(Buffer& to_peer) = 0;
  // Takes all of `ciphertext` (it keeps an incomplete record itself), appends what became readable to `plaintext` and
  // what must be sent (handshake, alerts, key updates) to `to_peer`, also on error: an alert may be in it. Errors:
  // client_tls_failed for servers; tls_failed or certificate_rejected for clients. The detail names the cause in words
  // ("certificate has expired", "unknown CA alert", …).
  virtual Result<Progress> feed(Bytes ciphertext, Buffer& plaintext, Buffer& to_peer) = 0;
  // Encrypts. Before the handshake is done nothing may be written: precondition `established()`.
  virtual Result<void> write(Bytes plaintext, Buffer& to_peer) = 0;
  // close_notify (RFC 8446 section 6.1). Reading goes on until the other side closes.
  virtual void close(Buffer& to_peer) = 0;

  virtual bool established() const noexcept = 0;
  virtual const Handshake& handshake() const noexcept = 0;  // once established
};

}  // namespace borehole::tls
