// Judges a whole dialogue with a session by a second reading of both sides' octets: upstream goes what RFC 9112 says
// was received, each request once and in order; to the client goes what upstreams answered, beside borehole's own
// words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flow/recorded_effects.h"
#include "forwarded.h"
#include "invariant.h"

namespace borehole {

class DialogueJudge {
 public:
  explicit DialogueJudge(std::vector<rfc9112::Gateway> gateways) : gateways_(std::move(gateways)) {}

  // `said`: all that the client said. `streams`: the same without what TLS took, cut where TLS was opened. False: an
  // upstream said something that is no response to what it was sent.
  bool judge(const std::string& said, const std::vector<std::string>& streams,
             const std::vector<proxy::test::Carried>& carried, const std::string& to_client) {
    for (const std::string& stream : streams) {
      for (const rfc9112::Message& message : rfc9112::requests(stream)) {
        received_.push_back(message);
        methods_.emplace_back(rfc9112::request_line(message).method);
      }
    }
    bool tunnel = false;
    for (const auto& one : carried) {
      tunnel = tunnel || one.tunnel;
      if (one.tunnel) {
        demand(said.find(one.sent) != std::string::npos, "through a tunnel goes what was said, in one piece");
      } else {
        judge_connection(one);
      }
    }
    if (!tunnel) judge_answers(to_client);
    return !strayed_;
  }

 private:
  // What one connection upstream was used for.
  void judge_connection(const proxy::test::Carried& one) {
    const auto sent = rfc9112::requests(one.sent);
    std::vector<std::string> methods;
    for (const auto& message : sent) methods.emplace_back(rfc9112::request_line(message).method);
    const auto answers = rfc9112::responses(one.received, methods);
    answers_.insert(answers_.end(), answers.begin(), answers.end());
    const std::size_t answered =
        answers.empty()
            ? 0
            : static_cast<std::size_t>(answers.back().rest.data() - one.received.data()) + answers.back().body.size();
    const bool switched = !answers.empty() && rfc9112::status_of(answers.back()) == 101;
    std::size_t finals = 0;
    for (const auto& answer : answers) finals += rfc9112::status_of(answer) >= 200 || rfc9112::status_of(answer) == 101;
    strayed_ = strayed_ || finals > sent.size() || (!switched && answered < one.received.size());

    std::size_t covered = 0;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      const rfc9112::Message& original = find_original(sent[i]);
      covered = static_cast<std::size_t>(sent[i].rest.data() - one.sent.data()) + sent[i].body.size();
      if (!switched || i + 1 != finals) continue;
      const std::string_view opaque = std::string_view(one.sent).substr(covered);
      demand(original.rest.substr(original.body.size()).starts_with(opaque), "behind a 101 goes what was said");
      return;
    }
    demand(covered == one.sent.size(), "nothing goes upstream but requests");
  }

  // The request that `sent` is a copy of; none is that twice, nor one that came before another's.
  const rfc9112::Message& find_original(const rfc9112::Message& sent) {
    const char* fault = "each request upstream is one that was received, once and in order";
    for (; next_ < received_.size(); ++next_) {
      const rfc9112::Message& was = received_[next_];
      if (const char* why = rfc9112::head_fault(was, sent, gateways_); why != nullptr) {
        if (rfc9112::request_line(was).method == rfc9112::request_line(sent).method) fault = why;
        continue;
      }
      const bool same = sent.complete
                            ? was.complete && was.body == sent.body
                            : was.rest.starts_with(sent.rest) && (!was.complete || sent.rest.size() < was.body.size());
      if (same) return received_[next_++];
      fault = "a body goes upstream as it was received, to its end or cut";
    }
    demand(false, fault);
    return sent;
  }

  bool is_own(const rfc9112::Message& answer, std::size_t number) const {
    if (rfc9112::find(answer, "borehole-error") != nullptr) return true;
    if (number >= received_.size()) return false;
    const auto asked = rfc9112::request_line(received_[number]);
    return asked.method == "CONNECT" || rfc9112::lower(asked.target).find("borehole.test") != std::string::npos;
  }

  void judge_answers(const std::string& to_client) const {
    std::size_t number = 0, from = 0;
    for (const rfc9112::Message& answer : rfc9112::responses(to_client, methods_)) {
      const int status = rfc9112::status_of(answer);
      const bool own = is_own(answer, number);
      if (status >= 200 || status == 101) ++number;
      if (own) continue;
      bool found = false;
      for (; from < answers_.size() && !found; ++from) {
        const rfc9112::Message& was = answers_[from];
        found = was.head == answer.head && (answer.body == was.body || was.rest.starts_with(answer.body));
      }
      demand(found, "the client is answered what an upstream said, in order, or by borehole itself");
    }
  }

  std::vector<rfc9112::Gateway> gateways_;
  std::vector<rfc9112::Message> received_, answers_;
  std::vector<std::string> methods_;
  std::size_t next_ = 0;
  bool strayed_ = false;
};

}  // namespace borehole
