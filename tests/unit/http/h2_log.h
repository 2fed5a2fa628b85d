// Writes down what an HTTP/2 codec tells, a line each; pieces of a body are put together. Never asks anything of it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "catch.h"
#include "http/h2_codec.h"

namespace borehole::http::test {

// Writes down what happens, a line each.
class H2Log final : public H2Events {
 public:
  std::string text;
  std::size_t left = 0;
  int idle_frames = 0;
  bool extended_connect = false;
  std::string take() { return std::exchange(text, {}); }

  static std::string list(const H2Fields& fields) {
    std::string out;
    for (const H2Field& f : fields)
      out += fmt::format("{}{}={}{}", out.empty() ? "" : "|", f.name, f.value, f.never_indexed ? "!" : "");
    return out;
  }
  void on_head(StreamId stream, H2Fields fields, bool ended, bool too_large) override {
    text += fmt::format("{} head {}{}{}\n", stream, list(fields), ended ? " end" : "", too_large ? " too large" : "");
  }
  void on_body(StreamId stream, Bytes content) override {
    const std::string same = fmt::format("{} body ", stream);
    const auto last = text.size() < 2 ? std::string::npos : text.rfind('\n', text.size() - 2);
    const auto line = last == std::string::npos ? 0 : last + 1;
    if (content.size() < 100 && std::string_view(text).substr(line).starts_with(same)) {  // pieces are put together
      text.pop_back();
      text += fmt::format("{}\n", content);
      return;
    }
    text += content.size() < 100 ? fmt::format("{} body {}\n", stream, content)
                                 : fmt::format("{} body of {}\n", stream, content.size());
  }
  void on_trailers(StreamId stream, H2Fields fields, bool too_large) override {
    text += fmt::format("{} trailers {}{}\n", stream, list(fields), too_large ? " too large" : "");
  }
  void on_refused(StreamId stream, bool too_many) override {
    text += fmt::format("{} refused{}\n", stream, too_many ? ", too many" : "");
  }
  void on_end(StreamId stream) override { text += fmt::format("{} end\n", stream); }
  void on_malformed(StreamId stream, std::string why) override {
    CHECK(!why.empty());
    text += fmt::format("{} malformed\n", stream);
  }
  void on_reset(StreamId stream, std::uint32_t code) override {
    text += fmt::format("{} reset {}\n", stream, h2_error_name(code));
  }
  void on_left(StreamId, std::size_t octets) override { left += octets; }
  void on_all_left(StreamId) override {}
  void on_settings(bool allowed) override { extended_connect = allowed; }
  void on_goaway(StreamId last, std::uint32_t code, std::string debug) override {
    text += fmt::format("goaway {} {} {}\n", last, h2_error_name(code), debug);
  }
  void on_priority_update(StreamId stream, Bytes value) override {
    text += fmt::format("{} priority {}\n", stream, value);
  }
  void on_idle_frame() override { ++idle_frames; }
  void on_failed(std::uint32_t code, std::string why) override {
    CHECK(!why.empty());
    text += fmt::format("failed {}\n", h2_error_name(code));
  }
};

inline std::string all_of(H2Codec& codec) {
  std::string out;
  for (Bytes piece = codec.pull(); !piece.empty(); piece = codec.pull()) out += piece;
  return out;
}

}  // namespace borehole::http::test
