// Feeds a stream to a MessageReader in given pieces and writes down everything it says. Knows nothing of HTTP itself.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "http/message_reader.h"

namespace borehole::http::test {

struct Stream {
  Role role = Role::request;
  std::string octets;
  bool ends = false;                 // call end() behind the last octet
  std::vector<std::string> methods;  // responses: what each final response answers
  ReaderLimits limits{};
};

struct Message {
  std::string head;
  Framing framing = Framing::none;
  std::uint64_t length = 0;
  bool keep_alive = false;
  bool trailers = false;
  bool complete = false;
  std::string body;     // the octets consumed behind the head, framing included
  std::string content;  // the payload
};

struct Transcript {
  std::vector<Message> messages;
  std::size_t consumed = 0;
  bool ended = false;       // end() was called and succeeded
  bool end_result = false;  // what it gave
  bool idle = true;
  bool failed = false;
  Error error;
  std::string broken;  // the reader broke its contract

  // Everything that must not depend on where the stream was split. Of a message that an error cut short the body
  // octets are left out: they were given out as far as they came in feeds without the error.
  std::string text() const {
    std::string out = broken.empty() ? "" : "BROKEN " + broken + "\n";
    for (const Message& m : messages) {
      out += "message framing=" + std::to_string(static_cast<int>(m.framing)) + " length=" + std::to_string(m.length) +
             " keep_alive=" + std::to_string(m.keep_alive) + " trailers=" + std::to_string(m.trailers) +
             " complete=" + std::to_string(m.complete) + "\n" + m.head + "\n";
      if (m.complete || !failed) out += "body " + m.body + "\ncontent " + m.content + "\n";
    }
    if (failed) {
      out += "error " + std::string(error_code_name(error.code)) + " " + std::string(fault_name(error.fault)) + " " +
             error.detail;
    } else {
      out += "consumed " + std::to_string(consumed) + " idle=" + std::to_string(idle) +
             " ended=" + std::to_string(ended) + " end=" + std::to_string(end_result);
    }
    return out;
  }
};

// `cuts`: ascending offsets at which a feed ends; the last feed ends at the end of the stream.
inline Transcript feed_all(const Stream& stream, const std::vector<std::size_t>& cuts) {
  Transcript t;
  MessageReader reader(stream.role, stream.limits);
  std::size_t final_responses = 0;
  const auto expect_next = [&] {
    if (stream.role == Role::response && final_responses < stream.methods.size()) {
      reader.expect_response_to(stream.methods[final_responses]);
    }
  };
  const auto fail = [&](const Error& error) {
    t.failed = true;
    t.error = error;
    const auto again = reader.feed("GET / HTTP/1.1\r\n");
    if (again || again.error().detail != error.detail) t.broken = "an error was not final";
  };
  expect_next();

  std::size_t begin = 0;
  bool opaque = false;
  for (std::size_t i = 0; i <= cuts.size() && !opaque; ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : stream.octets.size();
    // A copy of exact size, so that a look behind the feed is caught by the sanitizer.
    const std::vector<char> piece(stream.octets.begin() + static_cast<std::ptrdiff_t>(begin),
                                  stream.octets.begin() + static_cast<std::ptrdiff_t>(end));
    begin = end;
    Bytes rest(piece.data(), piece.size());
    while (true) {
      const auto progress = reader.feed(rest);
      if (!progress) {
        fail(progress.error());
        return t;
      }
      if (progress->consumed > rest.size()) {
        t.broken = "consumed more than was fed";
        return t;
      }
      const Bytes taken = rest.substr(0, progress->consumed);
      rest.remove_prefix(progress->consumed);
      t.consumed += taken.size();
      std::string content;
      for (const Bytes view : reader.content()) {
        if (view.data() < taken.data() || view.data() + view.size() > taken.data() + taken.size()) {
          t.broken = "content lies outside of what was consumed";
          return t;
        }
        content += view;
      }
      using Step = MessageReader::Step;
      if (progress->step == Step::head) {
        Message m;
        m.head = stream.role == Role::request ? std::string(reader.request_head().raw())
                                              : std::string(reader.response_head().raw());
        m.framing = reader.framing();
        m.length = reader.content_length();
        m.keep_alive = reader.keep_alive();
        t.messages.push_back(m);
        continue;
      }
      if (progress->step == Step::body || progress->step == Step::complete) {
        if (t.messages.empty() || t.messages.back().complete) {
          t.broken = "a body without a head";
          return t;
        }
        Message& m = t.messages.back();
        m.body += taken;
        m.content += content;
        if (progress->step == Step::complete) {
          m.complete = true;
          m.trailers = reader.trailers();
          opaque = m.framing == Framing::opaque;
          if (opaque) break;
          if (stream.role == Role::response && !reader.response_head().informational()) ++final_responses;
          expect_next();
          if (!rest.empty()) continue;
          break;
        }
        if (taken.empty()) {
          t.broken = "a body step without an octet";
          return t;
        }
      } else if (!rest.empty()) {
        t.broken = "`more` before everything was consumed";
        return t;
      } else if (!content.empty()) {
        t.broken = "`more` with content";
        return t;
      }
      if (rest.empty()) break;
    }
  }
  t.idle = reader.idle();
  if (stream.ends) {
    const auto ended = reader.end();
    if (!ended) {
      fail(ended.error());
      return t;
    }
    t.ended = true;
    t.end_result = ended.value();
    if (t.end_result && !t.messages.empty()) t.messages.back().complete = true;
  }
  return t;
}

inline std::vector<std::size_t> every_octet(std::size_t size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

}  // namespace borehole::http::test
