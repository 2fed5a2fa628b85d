// A tap source that keeps what its taps saw, and in what order. Never forgets, unlike a real one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "calls/tap.h"

namespace borehole::proxy::test {

// One exchange as its tap saw it.
struct Seen {
  std::string id;  // CALL1, CALL2, …
  calls::ExchangeStart start;
  std::string received_head, sent_head, request_body, response_heads, response_body;
  std::vector<std::string> notes;
  std::vector<Duration> request_held;  // not part of the text: it depends on how octets come
  std::optional<Duration> response_held;
  bool upstream = false;
  bool request_complete = false;
  std::optional<calls::Outcome> outcome;
  std::optional<Error> error;
  int status = -1;
  std::string broken_rule;  // the first call that came out of order; empty: none

  std::string text() const;  // on one line each, to compare
};

class Witness final : public calls::TapSource {
 public:
  std::vector<std::shared_ptr<Seen>> seen;

  std::unique_ptr<calls::Tap> begin(const calls::ExchangeStart& start, TimePoint now) noexcept override;

  // Those that were finished: the tap of a CONNECT that succeeds is let go without a word.
  std::vector<std::shared_ptr<Seen>> finished() const;
  std::string text() const;
  std::string broken_rule() const;
};

}  // namespace borehole::proxy::test
