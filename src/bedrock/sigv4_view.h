// Reads how a request is signed and builds its canonical form; never computes a signature, never keeps a secret.
// Signature Version 4: AWS, "Create a signed AWS API request".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bedrock/fields.h"

namespace borehole::bedrock {

enum class SignatureScheme : std::uint8_t {
  none,         // no credentials
  sigv4,        // Authorization: AWS4-HMAC-SHA256 …
  sigv4_query,  // X-Amz-Signature in the query
  sigv4a,       // AWS4-ECDSA-P256-SHA256, in the field or the query: its scope has no region
  bearer,       // a Bedrock API key, or another token
  other,        // an Authorization of another kind
};

std::string_view scheme_name(SignatureScheme scheme) noexcept;

// Members are empty where the request does not tell. Of an API key only the access key id or name, the scope and the
// account are read; signature, session token and secret are looked past.
struct SignatureView {
  SignatureScheme scheme = SignatureScheme::none;
  std::string access_key_id;
  std::string account;       // of a long-term API key
  std::string api_key_name;  // of a long-term API key: the IAM user that it is
  std::string scope;         // as written: yyyymmdd/region/service/aws4_request
  std::string date;          // of the scope: yyyymmdd
  std::string region;
  std::string service;                      // the signing name: "bedrock" for most of the services
  std::string time;                         // X-Amz-Date: yyyymmddThhmmssZ
  std::vector<std::string> signed_headers;  // lower case, as listed
  bool signature_present = false;
  bool session_token_present = false;
};

SignatureView read_signature(std::string_view target, Fields fields);

// What proves who sent the request: the signature of SigV4, or the token of a bearer. A secret: whoever takes it must
// not write it anywhere. Empty where there is none.
std::string credential_text(const SignatureView& view, std::string_view target, Fields fields);

// Ignores case.
bool is_signed_header(const SignatureView& view, std::string_view name) noexcept;

// What becomes of the path. Every service but S3 has the first rule; the others are what signers get wrong.
enum class PathRule : std::uint8_t {
  normalized,   // without dot segments and repeated slashes, percent-encoded again
  as_sent,      // with them, percent-encoded again
  not_encoded,  // as it is on the wire: `%3A` stays so
  decoded,      // percent-decoded once: `%3A` becomes `:`
};

// The canonical request: METHOD, path (normalized, then percent-encoded again, so that `%3A` becomes `%253A`), query
// (sorted, without X-Amz-Signature), the signed fields (lower case, sorted, blanks folded, duplicates joined with `,`
// in arrival order) and their names, and `payload_hash` as given. A signed field that is not among `fields` has no
// line; `host` is looked up as `:authority` where there is no Host.
std::string canonical_request(std::string_view method, std::string_view target, Fields fields,
                              std::span<const std::string> signed_headers, std::string_view payload_hash,
                              PathRule rule = PathRule::normalized);

// Whether what was sent has the canonical request of what was received, bodies aside: then the signature still holds.
// True where there is no SigV4 signature to break.
bool signature_intact(const SignatureView& view, const RequestView& received, const RequestView& sent);

}  // namespace borehole::bedrock
