#include "http/content_coding.h"

#include "catch.h"
#include "unit/http/compressed.h"

namespace borehole::http {

namespace {

using tests::brotli;
using tests::gzip;
using tests::zlib_compressed;
using tests::zstd;

const std::string text =
    R"({"output":{"message":{"role":"assistant","content":[{"text":"Chalk holds water. Chalk holds water. ☂"}]}},)"
    R"("usage":{"inputTokens":11,"outputTokens":23}})";

struct Decoded {
  std::string content;
  std::optional<CodingFault> fault;
  bool operator==(const Decoded&) const = default;
};

// Catch2 prints it where a comparison fails.
[[maybe_unused]] std::ostream& operator<<(std::ostream& out, const Decoded& decoded) {
  return out << decoded.content.size() << " octets, fault "
             << (decoded.fault ? coding_fault_name(*decoded.fault) : std::string_view("none"));
}

Decoded decode(std::string_view body, const std::vector<Coding>& codings, std::size_t portion = 0,
               const DecodingLimits& limits = {}) {
  Decoded out;
  ContentDecoder decoder(codings, limits, [&](Bytes octets) {
    out.content += octets;
    return true;
  });
  if (portion == 0) portion = body.size() + 1;
  for (; !body.empty(); body.remove_prefix(std::min(portion, body.size()))) decoder.feed(body.substr(0, portion));
  decoder.finish();
  out.fault = decoder.fault();
  return out;
}

std::string zeros(std::size_t size) { return std::string(size, '\0'); }

struct Sample {
  const char* name;
  std::string body;
  std::vector<Coding> codings;
  Decoded wanted;
};

std::vector<Sample> samples() {
  const std::string skippable = std::string("\x53\x2a\x4d\x18\x03\x00\x00\x00", 8) + "abc";
  std::string wrong_checksum = gzip(text);
  wrong_checksum[wrong_checksum.size() - 6] ^= 1;
  std::string wrong_zstd = zstd(text);
  wrong_zstd.back() = static_cast<char>(wrong_zstd.back() ^ 1);
  // A frame of 6477 octets whose header, but for its first four octets, is that of a skippable one.
  std::string like_skippable("\x28\xb5\x2f\xfd\x50\x2a\x4d\x18\x02\x01\0\0\x6b\xc9\0A", 16);
  like_skippable += std::string("\x50\x2a\x4d\x18\x2c\x01\0\0", 8) + zeros(300);
  const auto cut = [](const std::string& body) { return body.substr(0, body.size() - 5); };
  const Decoded whole{text, {}};
  return {
      {"gzip", gzip(text), {Coding::gzip}, whole},
      {"gzip with flushes", gzip(text, 10), {Coding::gzip}, whole},
      {"gzip in members", gzip(text.substr(0, 20)) + gzip("") + gzip(text.substr(20)), {Coding::gzip}, whole},
      {"gzip of nothing", gzip(""), {Coding::gzip}, {"", {}}},
      {"deflate", zlib_compressed(text, 15), {Coding::deflate}, whole},
      {"deflate without wrapping", zlib_compressed(text, -15), {Coding::deflate}, whole},
      {"deflate of nothing, without wrapping", zlib_compressed("", -15), {Coding::deflate}, {"", {}}},
      {"br", brotli(text), {Coding::br}, whole},
      {"zstd", zstd(text), {Coding::zstd}, whole},
      {"zstd in frames", zstd(text.substr(0, 9)) + skippable + zstd(text.substr(9)), {Coding::zstd}, whole},
      {"zstd, a header like that of a skippable frame",
       like_skippable,
       {Coding::zstd},
       {zeros(32) + std::string(6445, 'A'), {}}},
      {"gzip, then br", brotli(gzip(text)), {Coding::gzip, Coding::br}, whole},
      {"all four",
       gzip(zstd(brotli(zlib_compressed(text, 15)))),
       {Coding::deflate, Coding::br, Coding::zstd, Coding::gzip},
       whole},
      {"gzip, octets behind", gzip(text) + "garbage", {Coding::gzip}, {text, CodingFault::trailing}},
      {"gzip, zeros behind", gzip(text) + zeros(3), {Coding::gzip}, {text, CodingFault::trailing}},
      {"gzip, half a beginning behind", gzip(text) + "\x1f", {Coding::gzip}, {text, CodingFault::trailing}},
      {"deflate, octets behind", zlib_compressed(text, 15) + "x", {Coding::deflate}, {text, CodingFault::trailing}},
      {"br, octets behind", brotli(text) + "x", {Coding::br}, {text, CodingFault::trailing}},
      {"zstd, octets behind", zstd(text) + "no frame", {Coding::zstd}, {text, CodingFault::trailing}},
      {"zstd, few octets behind", zstd(text) + "xy", {Coding::zstd}, {text, CodingFault::trailing}},
      {"gzip, wrong checksum", wrong_checksum, {Coding::gzip}, {text, CodingFault::corrupt}},
      {"no gzip", text, {Coding::gzip}, {"", CodingFault::corrupt}},
      {"no deflate", "\xff\xff\xff\xff", {Coding::deflate}, {"", CodingFault::corrupt}},
      {"no br", "\xff\xff\xff\xff", {Coding::br}, {"", CodingFault::corrupt}},
      {"no zstd", text, {Coding::zstd}, {"", CodingFault::corrupt}},
      {"gzip, the checksum is missing", cut(gzip(text)), {Coding::gzip}, {text, CodingFault::cut}},
      {"gzip, the second member ends inside",
       gzip(text) + gzip("x").substr(0, 3),
       {Coding::gzip},
       {text, CodingFault::cut}},
      {"nothing", "", {Coding::gzip}, {"", CodingFault::cut}},
      {"half a beginning", "\x1f", {Coding::gzip}, {"", CodingFault::cut}},
  };
}

}  // namespace

TEST_CASE("each coding is undone alike, whole, octet by octet and at every split", "[content_coding]") {
  for (const Sample& sample : samples()) {
    CAPTURE(sample.name);
    CHECK(decode(sample.body, sample.codings) == sample.wanted);
    CHECK(decode(sample.body, sample.codings, 1) == sample.wanted);
    for (std::size_t at = 1; at < sample.body.size(); ++at) {
      CAPTURE(at);
      Decoded out;
      ContentDecoder decoder(sample.codings, {}, [&](Bytes octets) {
        out.content += octets;
        return true;
      });
      decoder.feed(std::string_view(sample.body).substr(0, at));
      decoder.feed(std::string_view(sample.body).substr(at));
      decoder.finish();
      out.fault = decoder.fault();
      REQUIRE(out == sample.wanted);
    }
  }
}

TEST_CASE("of a body that is cut, all is given that came before the cut", "[content_coding]") {
  std::string long_text;
  for (int i = 0; long_text.size() < 100'000; ++i) long_text += std::to_string(i * 7919) + ' ';
  const std::vector<std::pair<Coding, std::string>> bodies{{Coding::gzip, gzip(long_text, 1000)},
                                                           {Coding::deflate, zlib_compressed(long_text, -15, 1000)},
                                                           {Coding::br, brotli(long_text)},
                                                           {Coding::zstd, zstd(long_text)}};
  for (const auto& [coding, body] : bodies) {
    CAPTURE(static_cast<int>(coding));
    for (const std::size_t kept : {body.size() / 10, body.size() / 2, body.size() - 5}) {
      const Decoded got = decode(body.substr(0, kept), {coding});
      CHECK(got.fault == CodingFault::cut);
      CHECK(long_text.starts_with(got.content));
      if (coding != Coding::zstd) CHECK(got.content.size() >= long_text.size() * 8 / 100 * (kept * 10 / body.size()));
    }
  }
}

TEST_CASE("a damaged body gives no more than its limits, and ends", "[content_coding]") {
  for (const Sample& sample : samples()) {
    CAPTURE(sample.name);
    for (std::size_t at = 0; at < sample.body.size(); ++at) {
      std::string damaged = sample.body;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      const Decoded got = decode(damaged, sample.codings, 7, {.octets = 200});
      REQUIRE(got.content.size() <= 200);
    }
  }
}

TEST_CASE("bombs are given up early", "[content_coding]") {
  const std::size_t size = std::size_t{8} << 20;
  const std::vector<std::pair<std::vector<Coding>, std::string>> bombs{
      {{Coding::gzip}, gzip(zeros(size))},
      {{Coding::br}, brotli(zeros(size))},
      {{Coding::zstd}, zstd(zeros(size))},
      {{Coding::gzip, Coding::gzip}, gzip(gzip(zeros(size)))},
  };
  const DecodingLimits limits;
  for (const auto& [codings, body] : bombs) {
    CAPTURE(codings.size(), body.size());
    for (const std::size_t portion : {std::size_t{0}, std::size_t{1}}) {
      const Decoded got = decode(body, codings, portion);
      CHECK(got.fault == CodingFault::ratio);
      CHECK(got.content.size() <= limits.free + limits.ratio * body.size() + (std::size_t{16} << 10));
    }
    const Decoded bounded = decode(body, codings, 0, {.octets = 1000, .ratio = 100'000'000});
    CHECK(bounded.fault == CodingFault::too_large);
    CHECK(bounded.content.size() == 1000);
  }
  // The ratio alone condemns nothing that is small.
  CHECK(decode(gzip(zeros(limits.free)), {Coding::gzip}).fault == std::nullopt);
}

TEST_CASE("a zstd window above 8 MiB is refused, one of 8 MiB is not", "[content_coding]") {
  std::string large;
  for (std::uint32_t i = 0, x = 1; i < (std::uint32_t{9} << 20); ++i, x = x * 1664525U + 1013904223U)
    large += static_cast<char>(x >> 24U);
  CHECK(decode(zstd(large, 24), {Coding::zstd}).fault == CodingFault::window);
  const Decoded got = decode(zstd(large, 23), {Coding::zstd}, 100'000);
  CHECK(got.fault == std::nullopt);
  CHECK(got.content == large);
}

TEST_CASE("a reader that has enough is not given more", "[content_coding]") {
  std::size_t times = 0;
  const std::vector<Coding> codings{Coding::gzip};
  ContentDecoder decoder(codings, {}, [&](Bytes) {
    ++times;
    return false;
  });
  decoder.feed(gzip(std::string(100'000, 'x')));
  decoder.feed("more");
  decoder.finish();
  CHECK(times == 1);
  CHECK_FALSE(decoder.fault());
  CHECK_FALSE(decoder.wants_more());
}

TEST_CASE("Content-Encoding names codings in their order", "[content_coding]") {
  const auto read = [](const std::vector<std::string_view>& values) {
    ContentCodings codings;
    for (const auto value : values) codings.add(value);
    return codings;
  };
  CHECK(read({}).empty());
  CHECK(read({"identity"}).empty());
  CHECK(read({" ", ",,", "Identity , identity"}).empty());
  CHECK(read({"GZip"}).names == "gzip");
  CHECK(read({"GZip"}).codings == std::vector{Coding::gzip});
  CHECK(read({"x-gzip"}).codings == std::vector{Coding::gzip});
  CHECK(read({"deflate,br", " zstd"}).names == "deflate, br, zstd");
  CHECK(read({"deflate,br", " zstd"}).codings == std::vector{Coding::deflate, Coding::br, Coding::zstd});
  CHECK(read({"gzip,gzip,gzip,gzip"}).usable);
  for (const std::string_view unusable :
       {"compress", "aws-chunked", "gzip, exi", "exi, gzip", "gzip,gzip,gzip,gzip,gzip"}) {
    CAPTURE(unusable);
    CHECK_FALSE(read({unusable}).usable);
    CHECK_FALSE(read({unusable}).empty());
  }
  CHECK(read({std::string(100'000, ','), std::string(100'000, 'x')}).names.size() <= 32);
}

}  // namespace borehole::http
