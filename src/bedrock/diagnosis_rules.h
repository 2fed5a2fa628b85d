// The rules of a diagnosis, by what they are about; each adds what it finds, and none knows the others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bedrock/call_evidence.h"
#include "bedrock/diagnosis.h"

namespace borehole::bedrock {

// How sure a finding is. Among equals the one that was added first comes first.
namespace weight {
inline constexpr int proved = 100;   // a recomputed signature shows it
inline constexpr int seen = 80;      // the request contradicts itself, the host or a clock
inline constexpr int told = 60;      // Amazon or borehole says it in so many words
inline constexpr int likely = 40;    // what remains, mostly
inline constexpr int possible = 20;  // what also leads to this
}  // namespace weight

class Findings {
 public:
  void add(int weight, std::string code, std::string sentence, std::string remedy,
           std::vector<std::string> evidence = {});
  // The most sure first.
  std::vector<Finding> take();
  bool empty() const noexcept { return findings_.empty(); }
  // The highest weight so far; 0 where there is none.
  int highest() const noexcept;
  void drop_below(int weight);

 private:
  std::vector<Finding> findings_;
};

// A signature that Amazon refused.
void explain_signature(const CallEvidence& call, const std::optional<CanonicalComparison>& canonical, Findings& out);
// What a clock that is off does; nothing where none is.
void explain_clock(const CallEvidence& call, Findings& out);
// Credentials that Amazon does not know, or that are missing, malformed or expired.
void explain_credentials(const CallEvidence& call, Findings& out);
void explain_api_key(const CallEvidence& call, Findings& out);
void explain_denial(const CallEvidence& call, Findings& out);
void explain_quota(const CallEvidence& call, Findings& out);
void explain_validation(const CallEvidence& call, Findings& out);
void explain_path(const CallEvidence& call, Findings& out);
// Of the model, of Amazon, of a status without a type.
void explain_service(const CallEvidence& call, Findings& out);
// What never came to Amazon, or back from there whole.
void explain_way(const CallEvidence& call, Findings& out);

// For a client whose endpoint URL is borehole's: how to sign.
std::string remedy_for_endpoint_url(std::string_view upstream_host);

// What Amazon's answer says, in its own words, as a line of evidence; nothing where it says nothing.
std::vector<std::string> told_by_amazon(const CallEvidence& call);

// Amazon's canonical request in the answer beside ours. nullopt where the answer holds none.
std::optional<CanonicalComparison> compare_canonical(const CallEvidence& call);

// Recomputes the signature, for the request as it was sent on and for what clients sign by mistake. What it proves is
// added to `out`.
SignatureProof prove_signature(const CallEvidence& call, const SigningSecret& secret, Findings& out);

}  // namespace borehole::bedrock
