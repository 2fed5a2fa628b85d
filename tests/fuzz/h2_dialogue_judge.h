// Judges a whole dialogue with an HTTP/2 session by a second reading of its octets: each request upstream is one that
// the client sent, on a stream of its own, with the same fields, and its body to its end or cut.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "invariant.h"
#include "rfc9113.h"

namespace borehole {

class H2DialogueJudge {
 public:
  // A path under which requests are taken for an upstream, and that upstream's authority.
  struct Gateway {
    std::string prefix;  // "/s/"
    std::string host;
    // By prior knowledge, requests may name their own upstream, too: it is spoken to in its own scheme.
    bool any_host = false;
  };
  explicit H2DialogueJudge(Gateway gateway) : gateway_(std::move(gateway)) {}

  // `legs`: all that was said on each connection upstream.
  void judge(std::string_view said, const std::vector<std::string>& legs) {
    for (auto& [stream, request] : rfc9113::Reader::requests(said)) received_.push_back(std::move(request));
    std::vector<rfc9113::Request> sent;
    for (const std::string& leg : legs) {
      for (auto& [stream, request] : rfc9113::Reader::requests(leg)) sent.push_back(std::move(request));
    }
    origin_.assign(received_.size(), nullptr);
    for (const rfc9113::Request& request : sent) {
      fault_ = "each request upstream is one that was received";
      std::set<std::size_t> tried;
      demand(find_origin(request, tried), fault_);
    }
  }

 private:
  // One that no other is a copy of; others may have to take another one (of equal requests one may have been refused).
  bool find_origin(const rfc9113::Request& sent, std::set<std::size_t>& tried) {
    for (std::size_t i = 0; i < received_.size(); ++i) {
      if (tried.contains(i) || !is_copy(received_[i], sent)) continue;
      tried.insert(i);
      if (origin_[i] == nullptr || find_origin(*origin_[i], tried)) {
        origin_[i] = &sent;
        return true;
      }
      fault_ = "no request goes upstream twice";
    }
    return false;
  }

  bool is_copy(const rfc9113::Request& was, const rfc9113::Request& is) {
    if (!same_head(was.head, is.head)) return false;
    fault_ = "a body goes upstream as it was received, to its end or cut, with its trailers";
    if (is.ended) return was.ended && was.body == is.body && was.trailers == is.trailers;
    return is.trailers.empty() && was.body.starts_with(is.body);
  }

  bool same_head(const rfc9113::Fields& was, const rfc9113::Fields& is) const {
    const bool cut = find(was, ":path").starts_with(gateway_.prefix) && find(is, ":path") != find(was, ":path");
    const std::string_view authority = find(was, ":authority");
    std::size_t at = 0;
    for (const auto& [name, value] : was) {
      if (at < is.size() && is[at].first == name &&
          is[at].second == expected(name, value, authority, cut, is[at].second)) {
        ++at;
      } else if (name != "proxy-authorization") {
        return false;
      }
    }
    return at == is.size();
  }

  // What may stand there in place of `value`; `stands` does, which counts where there is a choice.
  std::string expected(const std::string& name, const std::string& value, std::string_view authority, bool cut,
                       const std::string& stands) const {
    if (!cut) return name == ":scheme" && gateway_.any_host && stands == "https" ? stands : value;
    if (name == ":path") return value.substr(gateway_.prefix.size() - 1);
    if (name == ":scheme") return "https";
    const bool host = name == ":authority" || (name == "host" && (authority.empty() || value == authority));
    return host && stands == gateway_.host ? stands : value;
  }

  static std::string_view find(const rfc9113::Fields& fields, std::string_view name) {
    for (const auto& [known, value] : fields) {
      if (known == name) return value;
    }
    return {};
  }

  Gateway gateway_;
  std::vector<rfc9113::Request> received_;
  std::vector<const rfc9113::Request*> origin_;  // what went upstream of each
  const char* fault_ = "";
};

}  // namespace borehole
