#include "app/doctor/trust_checks.h"

#include <fmt/format.h>

#include <string>

namespace borehole::app::doctor {

namespace {

const char* meaning_of(TrustState state) noexcept {
  switch (state) {
    case TrustState::trusted: return "the CA is in it";
    case TrustState::not_trusted: return "the CA is not in it; only programs told by variables trust it";
    case TrustState::other_borehole_ca: return "it holds another CA of borehole's, not this one";
    case TrustState::unknown: return "it cannot be looked into";
  }
  return "";
}

// "run `borehole ca trust`": what stands between the marks is what one types.
std::string typed(const std::string& remedy) {
  const auto begin = remedy.find('`');
  const auto end = begin == std::string::npos ? begin : remedy.find('`', begin + 1);
  return end == std::string::npos ? remedy : remedy.substr(begin + 1, end - begin - 1);
}

}  // namespace

Findings judge_trust(const std::vector<TrustStoreState>& stores) {
  Findings out;
  for (const auto& store : stores) {
    const bool trusted = store.state == TrustState::trusted;
    out.push_back({"trust." + store.path, trusted ? State::ok : State::look, store.name,
                   fmt::format("{}{}{}", meaning_of(store.state), store.detail.empty() ? "" : ": ", store.detail),
                   trusted ? "" : typed(store.remedy)});
  }
  return out;
}

}  // namespace borehole::app::doctor
