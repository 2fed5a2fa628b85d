#include "tls/digest.h"

#include "catch.h"

using namespace borehole;

TEST_CASE("SHA-256 gives the digests that its standard tells", "[digest]") {
  CHECK(tls::lower_hex(tls::sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(tls::lower_hex(tls::sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 4231 sections 4.2, 4.3, 4.7.
TEST_CASE("HMAC-SHA256 gives the codes that RFC 4231 tells", "[digest]") {
  CHECK(tls::lower_hex(tls::hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(tls::lower_hex(tls::hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(tls::lower_hex(
            tls::hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
