// What server and client connections share: an SSL object over memory, driven to Engine's contract. Never included
// outside tls/.
#pragma once

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <optional>

#include "tls/engine.h"
#include "tls/memory_bio.h"

namespace borehole::tls {

// The first failure is final: every later feed and write gives the same error. Where memory runs out they throw
// std::bad_alloc, and the engine is of no more use. After the other side's close_notify
// further ciphertext is dropped; writing goes on until `close`.
class SslEngine : public Engine {
 public:
  SslEngine(const SslEngine&) = delete;
  SslEngine& operator=(const SslEngine&) = delete;

  Result<void> start(Buffer& to_peer) override;
  Result<Progress> feed(Bytes ciphertext, Buffer& plaintext, Buffer& to_peer) final;
  Result<void> write(Bytes plaintext, Buffer& to_peer) final;
  void close(Buffer& to_peer) final;
  bool established() const noexcept final { return established_; }
  const Handshake& handshake() const noexcept final { return handshake_; }

 protected:
  // Throws std::bad_alloc if `ssl` is empty. `Derived*` is not stored; the SSL's app data is this SslEngine.
  explicit SslEngine(bssl::UniquePtr<SSL> ssl);

  // The error for a failed call: `reason` is the reason code of the SSL library's first queued error (0: none),
  // `words` the same as text.
  virtual Error explain(int reason, const std::string& words) const = 0;

  SSL* ssl() const noexcept { return ssl_.get(); }
  // Makes start, feed and write fail with `error` from now on.
  void fail_with(Error error) { failed_ = std::move(error); }
  // Memory has run out in a callback, which must not throw: what the SSL library was asked for will fail, and throw.
  void note_lack_of_memory() noexcept { out_of_memory_ = true; }
  // A client's first flight.
  Result<void> begin_handshake(Buffer& to_peer);

 private:
  class WireUse;
  Result<void> run_handshake(Progress& progress);
  Error failure();
  Result<void> read_all(Buffer& plaintext, Progress& progress);
  void note_handshake();

  Wire wire_;
  bssl::UniquePtr<SSL> ssl_;
  Handshake handshake_;
  std::optional<Error> failed_;
  bool out_of_memory_ = false;
  bool established_ = false;
  bool close_received_ = false;
  bool close_sent_ = false;
};

inline SslEngine& engine_of(const SSL* ssl) noexcept { return *static_cast<SslEngine*>(SSL_get_app_data(ssl)); }

// The alert that the other side sent, if `reason` stands for one ("unknown CA"), else nullptr.
const char* received_alert(int reason) noexcept;

}  // namespace borehole::tls
