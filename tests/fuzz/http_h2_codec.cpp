// Feeds octets to an HTTP/2 codec, whole and octet by octet, in either role. Never lets the pieces change what is told,
// keep more of a head than its limit, or be told of a stream that has no head.
//
// The first octet chooses the role; the rest is what comes, behind the preface where that is due.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "http/h2_codec.h"
#include "invariant.h"

using namespace borehole;
using namespace borehole::http;

namespace {

constexpr std::size_t limit = 4096;

class Told final : public H2Events {
 public:
  std::string text;
  std::set<StreamId> known;
  H2Codec* codec = nullptr;

  void on_head(StreamId stream, H2Fields fields, bool ended, bool too_large) override {
    known.insert(stream);
    std::size_t size = 0;
    text += "\nhead " + std::to_string(stream) + (ended ? " ended" : "") + (too_large ? " large" : "");
    for (const H2Field& field : fields) {
      size += field.name.size() + field.value.size();
      text += "|" + field.name + "=" + field.value;
    }
    demand(size <= limit, "a head is kept to its limit");
  }
  void on_body(StreamId stream, Bytes content) override {
    demand(known.contains(stream), "a body has a head");
    const std::string start = "\nbody " + std::to_string(stream) + " ";
    if (last_body_ != stream || text.size() != body_end_) text += start;
    text += content;
    last_body_ = stream;
    body_end_ = text.size();
    if (codec != nullptr) codec->consumed(stream, content.size());
  }
  void on_refused(StreamId stream, bool too_many) override {
    text += "\nrefused " + std::to_string(stream) + (too_many ? ", too many" : "");
  }
  void on_trailers(StreamId stream, H2Fields fields, bool too_large) override {
    demand(known.contains(stream), "trailers have a head");
    text += "\ntrailers " + std::to_string(stream) + " " + std::to_string(fields.size()) + (too_large ? " large" : "");
  }
  void on_end(StreamId stream) override { text += "\nend " + std::to_string(stream); }
  void on_malformed(StreamId stream, std::string) override { text += "\nmalformed " + std::to_string(stream); }
  void on_reset(StreamId stream, std::uint32_t code) override {
    text += "\nreset " + std::to_string(stream) + " " + h2_error_name(code);
  }
  void on_left(StreamId, std::size_t) override {}
  void on_all_left(StreamId) override {}
  void on_settings(bool extended_connect) override { text += extended_connect ? "\nextended" : "\nsettings"; }
  void on_goaway(StreamId last, std::uint32_t code, std::string debug) override {
    text += "\ngoaway " + std::to_string(last) + " " + h2_error_name(code) + " " + debug;
  }
  void on_priority_update(StreamId stream, Bytes value) override {
    text += "\npriority " + std::to_string(stream) + " " + std::string(value);
  }
  void on_idle_frame() override { text += "\nidle"; }
  void on_failed(std::uint32_t code, std::string) override { text += "\nfailed " + h2_error_name(code); }

 private:
  StreamId last_body_ = 0;
  std::size_t body_end_ = 0;
};

std::string play(bool server, Bytes octets, std::size_t piece) {
  Told told;
  H2Codec codec(server ? H2Codec::Role::server : H2Codec::Role::client, {.header_list_bytes = limit, .max_streams = 8},
                told);
  told.codec = &codec;
  if (server) {
    codec.feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  } else {
    const H2Fields get{{":method", "GET"}, {":scheme", "https"}, {":authority", "h"}, {":path", "/"}};
    told.known.insert(codec.request(get, true));
    told.known.insert(codec.request(get, false));
    while (!codec.pull().empty()) {
    }
  }
  while (!octets.empty()) {
    codec.feed(octets.substr(0, piece));
    octets.remove_prefix(std::min(piece, octets.size()));
  }
  std::size_t said = 0;
  for (Bytes next = codec.pull(); !next.empty(); next = codec.pull()) said += next.size();
  demand(said < std::size_t{4} << 20U, "little is answered");
  return told.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool server = (data[0] & 1U) == 0;
  const Bytes octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = play(server, octets, octets.size() + 1);
  if (size > 4096) return 0;
  demand(play(server, octets, 1) == whole, "the same is told, whatever the pieces");
  return 0;
}
