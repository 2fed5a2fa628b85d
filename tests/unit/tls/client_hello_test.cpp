#include "tls/client_hello.h"

#include <string>
#include <vector>

#include "catch.h"
#include "tls_fixture.h"

using namespace borehole;
using tls::HelloStatus;

namespace {

std::string u16(std::size_t n) { return {static_cast<char>(n >> 8U), static_cast<char>(n & 0xffU)}; }
std::string vec8(const std::string& s) { return static_cast<char>(s.size()) + s; }
std::string vec16(const std::string& s) { return u16(s.size()) + s; }
std::string extension(unsigned type, const std::string& body) { return u16(type) + vec16(body); }
std::string sni(const std::string& name) { return extension(0, vec16(std::string(1, '\0') + vec16(name))); }

std::string body(const std::string& extensions) {
  return std::string("\x03\x03") + std::string(32, 'r') + vec8("session") + vec16("\x13\x01") +
         vec8(std::string(1, '\0')) + (extensions.empty() ? "" : vec16(extensions));
}

std::string message(const std::string& content) {
  return std::string("\x01") + static_cast<char>(content.size() >> 16U) + u16(content.size() & 0xffffU) + content;
}

std::string records(const std::string& text, std::size_t fragment = 16384) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += fragment) {
    out += std::string("\x16\x03\x01", 3) + vec16(text.substr(at, fragment));
  }
  return out;
}

HelloStatus status_of(const std::string& bytes) { return tls::read_client_hello(bytes).status; }

const std::string full = sni("Bedrock-Runtime.US-east-1.amazonaws.com.") +
                         extension(16, vec16(vec8("h2") + vec8("http/1.1"))) + extension(43, vec8("\x03\x04\x03\x03"));

void check_full(const tls::HelloResult& result) {
  REQUIRE(result.status == HelloStatus::complete);
  CHECK(result.hello.server_name == "bedrock-runtime.us-east-1.amazonaws.com");
  CHECK(result.hello.alpn == std::vector<std::string>{"h2", "http/1.1"});
  CHECK(result.hello.offers("h2"));
  CHECK_FALSE(result.hello.offers("h3"));
  CHECK(result.hello.legacy_version == 0x0303);
  CHECK(result.hello.versions == std::vector<std::uint16_t>{0x0304, 0x0303});
}

}  // namespace

TEST_CASE("a ClientHello is read at every split point, however it is cut into records") {
  const std::size_t fragment = GENERATE(16384u, 100u, 7u, 3u, 1u);
  const std::string bytes = records(message(body(full)), fragment);
  for (std::size_t n = 0; n < bytes.size(); ++n) REQUIRE(status_of(bytes.substr(0, n)) == HelloStatus::need_more);
  check_full(tls::read_client_hello(bytes));
  check_full(tls::read_client_hello(bytes + records("more")));
}

TEST_CASE("a ClientHello over 16 KiB is read, one over 64 KiB is not") {
  const std::string large = message(body(full + extension(21, std::string(40000, '\0'))));
  check_full(tls::read_client_hello(records(large)));
  CHECK(status_of(records(large.substr(0, 20000))) == HelloStatus::need_more);
  // Said as soon as the length is there.
  CHECK(status_of(records(std::string("\x01\x01\x00\x00", 4))) == HelloStatus::malformed);
}

TEST_CASE("what BoringSSL sends is read") {
  tls::ClientContext context(tls::TrustStore::load({}).value());
  Buffer out;
  REQUIRE(context.connect({"Example.COM.", 443, {"h2", "http/1.1"}})->start(out));
  const auto result = tls::read_client_hello(out.view());
  REQUIRE(result.status == HelloStatus::complete);
  CHECK(result.hello.server_name == "example.com");
  CHECK(result.hello.offers("h2"));
  CHECK(result.hello.versions == std::vector<std::uint16_t>{0x0304, 0x0303});
  out.clear();
  REQUIRE(context.connect({"10.0.0.1", 443, {}})->start(out));
  const auto address = tls::read_client_hello(out.view());
  REQUIRE(address.status == HelloStatus::complete);
  CHECK(address.hello.server_name.empty());
  CHECK(address.hello.alpn.empty());
}

TEST_CASE("a ClientHello without extensions is complete") {
  const auto result = tls::read_client_hello(records(message(body(""))));
  REQUIRE(result.status == HelloStatus::complete);
  CHECK(result.hello.server_name.empty());
  CHECK(result.hello.versions.empty());
}

TEST_CASE("one octet is enough to see that it is no TLS") {
  CHECK(status_of("") == HelloStatus::need_more);
  CHECK(status_of("\x16") == HelloStatus::need_more);
  for (int octet = 0; octet < 256; ++octet) {
    if (octet != 0x16) CHECK(status_of(std::string(1, static_cast<char>(octet))) == HelloStatus::not_tls);
  }
  CHECK(status_of("\x80\x2e\x01\x03\x01") == HelloStatus::not_tls);  // SSLv2
  CHECK(status_of("\x16 no") == HelloStatus::not_tls);
}

TEST_CASE("a broken ClientHello is malformed") {
  const auto with = [](const std::string& extensions) { return status_of(records(message(body(extensions)))); };
  CHECK(status_of(records("\x02")) == HelloStatus::malformed);                            // another message
  CHECK(status_of(std::string("\x16\x03\x01\x00\x00", 5)) == HelloStatus::malformed);     // an empty record
  CHECK(status_of("\x16\x03\x01\x40\x01") == HelloStatus::malformed);                     // too long a record
  CHECK(status_of(records("\x01") + "\x17\x03\x03") == HelloStatus::malformed);           // another kind
  CHECK(with(sni("a") + sni("b")) == HelloStatus::malformed);                             // twice
  CHECK(with(extension(5, "") + sni("a") + extension(5, "")) == HelloStatus::malformed);  // twice
  CHECK(with(sni("")) == HelloStatus::malformed);
  CHECK(with(sni(std::string("a\0b", 3))) == HelloStatus::malformed);
  CHECK(with(sni("a b")) == HelloStatus::malformed);
  CHECK(with(sni("b\xc3\xbc")) == HelloStatus::malformed);
  CHECK(with(sni(std::string(256, 'a'))) == HelloStatus::malformed);
  CHECK(with(extension(0, "")) == HelloStatus::malformed);
  CHECK(with(extension(0, vec16(""))) == HelloStatus::malformed);
  CHECK(with(extension(16, vec16(vec8("")))) == HelloStatus::malformed);
  CHECK(with(extension(16, vec16(vec8("h2")) + "x")) == HelloStatus::malformed);
  CHECK(with(extension(43, vec8("\x03"))) == HelloStatus::malformed);
  CHECK(with(sni("a") + "x") == HelloStatus::malformed);
  const std::string whole = body(full);
  CHECK(status_of(records(message(whole + "x"))) == HelloStatus::malformed);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    if (n == body("").size()) continue;  // complete, without extensions
    REQUIRE(status_of(records(message(whole.substr(0, n)))) == HelloStatus::malformed);
  }
}
