// Fuzzes the HTTP/1 reader: a stream gives one transcript, whole, cut in two and octet by octet. Never accepts a crash,
// nor octets consumed that were not fed.
//
// The first octet of the input chooses role, methods and limits, the second where the stream is cut.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../unit/http/feed_all.h"

using namespace borehole::http;
using namespace borehole::http::test;

namespace {

void demand_equal(const std::string& whole, const std::string& split) {
  if (whole == split) return;
  std::fprintf(stderr, "whole:\n%s\nsplit:\n%s\n", whole.c_str(), split.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned choice = data[0];
  Stream stream;
  stream.role = (choice & 1U) != 0 ? Role::response : Role::request;
  if ((choice & 2U) != 0) stream.methods = {"HEAD", "CONNECT"};
  if ((choice & 4U) != 0) stream.limits = {64, 32, 8};
  stream.ends = (choice & 8U) != 0;
  stream.octets.assign(reinterpret_cast<const char*>(data) + 2, size - 2);

  const Transcript whole = feed_all(stream, {});
  if (!whole.broken.empty()) demand_equal("", whole.broken);
  if (whole.consumed > stream.octets.size()) std::abort();
  const std::string text = whole.text();
  demand_equal(text, feed_all(stream, {stream.octets.size() * data[1] / 255}).text());
  if (stream.octets.size() < 4096) demand_equal(text, feed_all(stream, every_octet(stream.octets.size())).text());
  return 0;
}
