// Keys of session tickets towards clients (RFC 5077; RFC 8446 section 4.6.1), shared by the workers: a client resumes
// at whichever of them its next connection comes to.
#pragma once

#include <openssl/base.h>

#include <array>
#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace borehole::tls {

// Any thread. Whoever has the key of a ticket can read what was said under it in TLS 1.2: so each is used for twelve
// hours, known for as long again, never written anywhere, and overwritten.
class TicketKeys {
 public:
  static constexpr Duration used_for = std::chrono::hours(12);

  explicit TicketKeys(const Clock& clock);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // As SSL_CTX_set_tlsext_ticket_key_cb says, for a new ticket. False: there is no memory.
  bool seal(std::uint8_t* name, std::uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac) noexcept;
  enum class Opened : std::uint8_t { no, yes, with_an_old_key };
  Opened open(const std::uint8_t* name, const std::uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac) noexcept;

 private:
  struct Key {
    std::array<std::uint8_t, 16> name, encryption;  // AES-128-CBC
    std::array<std::uint8_t, 32> mac;               // HMAC-SHA-256
  };
  void renew() noexcept;

  const Clock& clock_;
  std::mutex mutex_;  // guards what follows
  Key now_{}, before_{};
  TimePoint since_;
};

}  // namespace borehole::tls
