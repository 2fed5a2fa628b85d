#include "witness.h"

#include <fmt/format.h>

#include <utility>

namespace borehole::proxy::test {

namespace {

class WitnessTap final : public calls::Tap {
 public:
  WitnessTap(std::shared_ptr<Seen> seen, std::shared_ptr<calls::Receipt> receipt)
      : seen_(std::move(seen)), receipt_(std::move(receipt)) {}

  std::string_view id() const noexcept override { return seen_->id; }

  void on_request_head(const http::RequestHead& received, TimePoint) noexcept override {
    rule(seen_->received_head.empty() && !seen_->upstream, "one request head, first");
    seen_->received_head = received.raw();
  }
  void on_upstream(const calls::UpstreamFacts&, TimePoint) noexcept override {
    rule(!seen_->upstream && !seen_->received_head.empty(), "one upstream, behind the head");
    seen_->upstream = true;
  }
  void on_sent_head(Bytes sent, TimePoint) noexcept override {
    rule(seen_->upstream && seen_->sent_head.empty(), "one sent head, behind the upstream");
    seen_->sent_head = sent;
  }
  void on_request_body(Bytes content, TimePoint) noexcept override {
    rule(!seen_->received_head.empty(), "the body follows the head");
    seen_->request_body += content;
  }
  void on_request_complete(TimePoint) noexcept override {
    rule(!seen_->sent_head.empty() && !seen_->request_complete, "a request completes once");
    seen_->request_complete = true;
  }
  void on_request_passed(Duration held) noexcept override {
    rule(!seen_->received_head.empty() && seen_->request_held.size() < 2, "a request passes behind its head");
    seen_->request_held.push_back(held);
  }
  void on_response_head(const http::ResponseHead& head, TimePoint) noexcept override {
    rule(!seen_->sent_head.empty(), "a response follows a request");
    seen_->response_heads += head.raw();
  }
  void on_response_body(Bytes content, TimePoint) noexcept override {
    rule(!seen_->response_heads.empty(), "a response's body follows its head");
    seen_->response_body += content;
  }
  void on_response_passed(Duration held, TimePoint) noexcept override {
    rule(!seen_->response_heads.empty() && !seen_->response_held, "a response passes once, behind its head");
    seen_->response_held = held;
  }
  void on_note(std::string note) noexcept override {
    rule(true, "");
    seen_->notes.push_back(std::move(note));
  }
  void on_finished(calls::Outcome outcome, const Error* error, int status, TimePoint) noexcept override {
    rule(true, "");
    rule((error == nullptr) == (outcome == calls::Outcome::complete), "an error stands beside every other outcome");
    seen_->outcome = outcome;
    if (error != nullptr) seen_->error = *error;
    seen_->status = status;
    receipt_.reset();
  }

 private:
  void rule(bool holds, const char* what) noexcept {
    if (seen_->outcome) {
      holds = false;
      what = "nothing comes behind on_finished";
    }
    if (!holds && seen_->broken_rule.empty()) seen_->broken_rule = what;
  }

  std::shared_ptr<Seen> seen_;
  std::shared_ptr<calls::Receipt> receipt_;
};

}  // namespace

std::string Seen::text() const {
  std::string text =
      fmt::format("{} router={} upstream={}:{}\nreceived {}sent {}body {}\ncomplete {}\nresponse {}body {}\n",
                  calls::way_in_name(start.way_in), start.router, start.upstream_host, start.upstream_port,
                  received_head, sent_head, request_body, request_complete, response_heads, response_body);
  for (const auto& note : notes) text += "note " + note + "\n";
  text += fmt::format("outcome {} {} status {}\n", outcome ? calls::outcome_name(*outcome) : "none",
                      error ? error_code_name(error->code) : "no error", status);
  return text;
}

std::unique_ptr<calls::Tap> Witness::begin(const calls::ExchangeStart& start, TimePoint) noexcept {
  seen.push_back(std::make_shared<Seen>());
  seen.back()->start = start;
  auto receipt = std::exchange(seen.back()->start.receipt, nullptr);
  seen.back()->id = fmt::format("CALL{}", seen.size());
  return std::make_unique<WitnessTap>(seen.back(), std::move(receipt));
}

std::vector<std::shared_ptr<Seen>> Witness::finished() const {
  std::vector<std::shared_ptr<Seen>> ended;
  for (const auto& one : seen) {
    if (one->outcome) ended.push_back(one);
  }
  return ended;
}

std::string Witness::text() const {
  std::string text;
  for (const auto& one : finished()) text += one->text();
  return text;
}

std::string Witness::broken_rule() const {
  for (const auto& one : seen) {
    if (!one->broken_rule.empty()) return one->broken_rule;
  }
  return {};
}

}  // namespace borehole::proxy::test
