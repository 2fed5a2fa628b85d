#include "tls/ticket_keys.h"

#include <openssl/cipher.h>
#include <openssl/digest.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <algorithm>

namespace borehole::tls {

namespace {

template <class Key>
void fill(Key& key) noexcept {
  static_assert(sizeof(Key) == 64);
  RAND_bytes(reinterpret_cast<std::uint8_t*>(&key), sizeof key);
}

}  // namespace

TicketKeys::TicketKeys(const Clock& clock) : clock_(clock), since_(clock.now()) {
  fill(now_);
  fill(before_);
}

TicketKeys::~TicketKeys() {
  OPENSSL_cleanse(&now_, sizeof now_);
  OPENSSL_cleanse(&before_, sizeof before_);
}

void TicketKeys::renew() noexcept {
  const TimePoint now = clock_.now();
  if (now - since_ < used_for) return;
  const bool both = now - since_ >= 2 * used_for;
  before_ = now_;
  if (both) fill(before_);
  fill(now_);
  since_ = both ? now : since_ + used_for;  // though nobody came just then
}

bool TicketKeys::seal(std::uint8_t* name, std::uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* hmac) noexcept {
  const std::lock_guard lock(mutex_);
  renew();
  std::copy(now_.name.begin(), now_.name.end(), name);
  RAND_bytes(iv, EVP_CIPHER_iv_length(EVP_aes_128_cbc()));
  return EVP_EncryptInit_ex(cipher, EVP_aes_128_cbc(), nullptr, now_.encryption.data(), iv) == 1 &&
         HMAC_Init_ex(hmac, now_.mac.data(), now_.mac.size(), EVP_sha256(), nullptr) == 1;
}

TicketKeys::Opened TicketKeys::open(const std::uint8_t* name, const std::uint8_t* iv, EVP_CIPHER_CTX* cipher,
                                    HMAC_CTX* hmac) noexcept {
  const std::lock_guard lock(mutex_);
  renew();
  const auto is = [name](const Key& key) { return std::equal(key.name.begin(), key.name.end(), name); };
  const bool old = !is(now_);
  if (old && !is(before_)) return Opened::no;
  const Key& key = old ? before_ : now_;
  if (EVP_DecryptInit_ex(cipher, EVP_aes_128_cbc(), nullptr, key.encryption.data(), iv) != 1 ||
      HMAC_Init_ex(hmac, key.mac.data(), key.mac.size(), EVP_sha256(), nullptr) != 1) {
    return Opened::no;
  }
  return old ? Opened::with_an_old_key : Opened::yes;
}

}  // namespace borehole::tls
