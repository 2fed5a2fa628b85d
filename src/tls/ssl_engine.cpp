#include "tls/ssl_engine.h"

#include <openssl/err.h>

#include <algorithm>
#include <cassert>
#include <cctype>
#include <new>
#include <utility>

#include "tls/error_queue.h"

namespace borehole::tls {
namespace {

constexpr std::size_t max_record = 16 * 1024;
// Header, tag and inner content type of a record (RFC 8446 section 5.2), rounded up; TLS 1.2's explicit nonce fits too.
constexpr std::size_t record_overhead = 32;
constexpr std::size_t least_room = 1024;  // to read into

// BoringSSL names its reasons "WRONG_VERSION_NUMBER"; people read "wrong version number".
std::string in_words(std::uint32_t packed) {
  const char* name = ERR_reason_error_string(packed);
  std::string words = name == nullptr ? "unknown error" : name;
  for (char& c : words) c = c == '_' ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return words;
}

}  // namespace

const char* received_alert(int reason) noexcept {
  return reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255
             ? SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET)
             : nullptr;
}

// Lends the caller's octets to the BIO for one call, and leaves the thread's error queue empty. That it is empty before
// is seen to by each SSL function itself. Emptying it costs hundreds of instructions, looking a few.
class SslEngine::WireUse {
 public:
  WireUse(Wire& wire, Bytes incoming, Buffer& outgoing) : wire_(wire) { wire_ = {incoming, &outgoing}; }
  ~WireUse() {
    wire_ = {};
    if (ERR_peek_error() != 0) ERR_clear_error();
  }
  WireUse(const WireUse&) = delete;
  WireUse& operator=(const WireUse&) = delete;

 private:
  Wire& wire_;
};

SslEngine::SslEngine(bssl::UniquePtr<SSL> ssl) : ssl_(std::move(ssl)) {
  if (!ssl_) throw std::bad_alloc();
  bssl::UniquePtr<BIO> bio = make_memory_bio(wire_);
  if (!bio) throw std::bad_alloc();
  BIO_up_ref(bio.get());
  SSL_set0_rbio(ssl_.get(), bio.get());
  SSL_set0_wbio(ssl_.get(), bio.release());
  if (SSL_set_app_data(ssl_.get(), this) != 1) throw std::bad_alloc();
  SSL_set_shed_handshake_config(ssl_.get(), 1);
}

Result<void> SslEngine::start(Buffer&) {
  if (failed_) return unexpected(*failed_);
  return {};
}

Result<Engine::Progress> SslEngine::feed(Bytes ciphertext, Buffer& plaintext, Buffer& to_peer) {
  if (failed_) return unexpected(*failed_);
  Progress progress;
  progress.closed = close_received_;
  if (close_received_) return progress;

  const WireUse use(wire_, ciphertext, to_peer);
  if (!established_) {
    if (auto done = run_handshake(progress); !done) return unexpected(std::move(done).error());
    if (!established_) return progress;
  }
  if (auto read = read_all(plaintext, progress); !read) return unexpected(std::move(read).error());
  assert(wire_.incoming.empty() || progress.closed);
  return progress;
}

Result<void> SslEngine::begin_handshake(Buffer& to_peer) {
  const WireUse use(wire_, {}, to_peer);
  Progress progress;
  return run_handshake(progress);
}

Result<void> SslEngine::run_handshake(Progress& progress) {
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    note_handshake();
    progress.handshake_done = true;
    return {};
  }
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return {};
  return unexpected(failure());
}

Result<void> SslEngine::read_all(Buffer& plaintext, Progress& progress) {
  // Room for all at once: plaintext is shorter than the records that it comes in. More is needed only where an earlier
  // feed brought the beginning of a record.
  plaintext.prepare(std::max(wire_.incoming.size(), least_room));
  for (;;) {
    if (plaintext.room() == 0) plaintext.prepare(least_room);
    const int n = SSL_read(ssl_.get(), plaintext.prepare(0), static_cast<int>(plaintext.room()));
    if (n > 0) {
      plaintext.commit(static_cast<std::size_t>(n));
      continue;
    }
    switch (SSL_get_error(ssl_.get(), n)) {
      case SSL_ERROR_WANT_READ: return {};
      case SSL_ERROR_ZERO_RETURN:
        close_received_ = true;
        progress.closed = true;
        return {};
      default: return unexpected(failure());
    }
  }
}

Result<void> SslEngine::write(Bytes plaintext, Buffer& to_peer) {
  assert(established_);
  if (failed_) return unexpected(*failed_);
  if (!established_ || close_sent_) {
    return unexpected(Error{ErrorCode::internal, Fault::proxy,
                            close_sent_ ? "TLS: written after close_notify" : "TLS: written before the handshake"});
  }
  const WireUse use(wire_, {}, to_peer);
  to_peer.prepare(plaintext.size() + (plaintext.size() / max_record + 1) * record_overhead);
  while (!plaintext.empty()) {
    const auto piece = static_cast<int>(std::min<std::size_t>(plaintext.size(), std::size_t{1} << 30U));
    const int n = SSL_write(ssl_.get(), plaintext.data(), piece);
    if (n <= 0) return unexpected(failure());
    plaintext.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

void SslEngine::close(Buffer& to_peer) {
  // Before the handshake is done there is nothing to close: the connection simply ends (RFC 8446 section 6.1).
  if (!established_ || failed_ || close_sent_) return;
  const WireUse use(wire_, {}, to_peer);
  SSL_shutdown(ssl_.get());
  close_sent_ = true;
}

void SslEngine::note_handshake() {
  established_ = true;
  handshake_.version = SSL_get_version(ssl_.get());
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get())) {
    handshake_.cipher = SSL_CIPHER_standard_name(cipher);
  }
  const std::uint8_t* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &alpn, &alpn_size);
  handshake_.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  handshake_.resumed = SSL_session_reused(ssl_.get()) == 1;
}

Error SslEngine::failure() {
  const std::uint32_t packed = ERR_peek_error();
  // Nothing is queued where the BIO fails, which it does in one case only, and where there is no memory for the queue.
  if (out_of_memory_ || packed == 0 || memory_ran_out()) throw std::bad_alloc();
  failed_ = explain(ERR_GET_LIB(packed) == ERR_LIB_SSL ? ERR_GET_REASON(packed) : 0, in_words(packed));
  return *failed_;
}

}  // namespace borehole::tls
