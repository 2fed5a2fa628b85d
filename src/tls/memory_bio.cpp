#include "tls/memory_bio.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace borehole::tls {
namespace {

Wire& wire_of(BIO* bio) noexcept { return *static_cast<Wire*>(BIO_get_data(bio)); }

int read_wire(BIO* bio, char* out, int wanted) noexcept {
  BIO_clear_retry_flags(bio);
  Wire& wire = wire_of(bio);
  if (wanted <= 0) return 0;
  const std::size_t n = std::min(wire.incoming.size(), static_cast<std::size_t>(wanted));
  if (n == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(out, wire.incoming.data(), n);
  wire.incoming.remove_prefix(n);
  return static_cast<int>(n);
}

int write_wire(BIO* bio, const char* in, int size) noexcept {
  BIO_clear_retry_flags(bio);
  const Wire& wire = wire_of(bio);
  if (wire.outgoing == nullptr || size < 0) return -1;
  try {
    wire.outgoing->append({in, static_cast<std::size_t>(size)});
  } catch (const std::bad_alloc&) {
    return -1;
  }
  return size;
}

long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int create(BIO* bio) noexcept {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* memory_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "borehole wire");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_create(made, create);
    BIO_meth_set_read(made, read_wire);
    BIO_meth_set_write(made, write_wire);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return method;
}

}  // namespace

bssl::UniquePtr<BIO> make_memory_bio(Wire& wire) {
  bssl::UniquePtr<BIO> bio(BIO_new(memory_method()));
  if (bio) BIO_set_data(bio.get(), &wire);
  return bio;
}

}  // namespace borehole::tls
