// Why a recorded call failed, most likely cause first, and what mends it; judges by the record alone, never asks
// anybody, never stores or prints the secret it may be handed, never signs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bedrock/json_value.h"

namespace borehole::bedrock {

struct Finding {
  std::string code;                   // by which programs tell it: "clock_behind"
  std::string sentence;               // one, without a full stop
  std::string remedy;                 // what to do, without a full stop
  std::vector<std::string> evidence;  // what was seen, a line each
  int weight = 0;                     // how sure it is; see diagnosis_rules.h
};

// Amazon's canonical request, which some answers hold, beside that of the request as it came.
struct CanonicalComparison {
  std::string ours, amazons;
  std::size_t line = 0;  // of the first difference, from 1; 0: they are the same
  std::string our_line, amazons_line;
};

enum class Proof : std::uint8_t {
  impossible,      // something is missing; the sentence says what
  fits,            // the signature is that secret's, for the request as it was sent on
  fits_otherwise,  // it is that secret's, for a request that differs from the one that was sent
  does_not_fit,
};
std::string_view proof_name(Proof proof) noexcept;

struct SignatureProof {
  Proof proof = Proof::impossible;
  std::string sentence;
};

struct Diagnosis {
  bool failed = false;
  std::vector<Finding> findings;  // none where nothing failed, at least one otherwise
  std::optional<CanonicalComparison> canonical;
  std::optional<SignatureProof> signature;  // where a secret was given, and the call was signed with SigV4
};

// For recomputing a signature. Lives only during the call.
struct SigningSecret {
  std::string access_key_id;  // may be empty: then the secret is taken to be that of the call's key
  std::string secret;
  std::string session_token;  // may be empty
};

// `record` as CONTRACT section 8 has it, also one that an older borehole wrote.
Diagnosis diagnose(const JsonValue& record, const SigningSecret* secret = nullptr);

}  // namespace borehole::bedrock
