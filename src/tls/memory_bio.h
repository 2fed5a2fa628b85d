// The two ends of a TLS connection's ciphertext as one BIO over memory. Never keeps an octet.
#pragma once

#include <openssl/base.h>
#include <openssl/bio.h>

#include "base/buffer.h"
#include "base/bytes.h"

namespace borehole::tls {

// What the BIO reads from and writes to at the moment; set for the duration of one call.
struct Wire {
  Bytes incoming;              // shrinks from the front as it is read; when empty, reading asks to be retried
  Buffer* outgoing = nullptr;  // nullptr: writing fails
};

// `wire` must outlive the BIO. nullptr if memory is out.
bssl::UniquePtr<BIO> make_memory_bio(Wire& wire);

}  // namespace borehole::tls
