// The development CA on disk: a root to trust whose key is destroyed, and the issuing CA it signed. Never leaves the
// machine, never logs a key.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace borehole::ca {

// What the CA may vouch for (RFC 5280 section 4.2.1.10).
struct NameConstraints {
  std::vector<std::string> dns;  // a domain permits itself and all below it: "amazonaws.com", "localhost"
  std::vector<std::string> ip;   // "127.0.0.0/8", "::1/128"
};

// Does `name` (host name or IP literal) lie inside the constraints?
bool permits(const NameConstraints& constraints, const std::string& name);

struct AuthorityFacts {
  std::string root_subject, issuing_subject;
  std::string root_sha256, issuing_sha256;  // fingerprints, lower hex
  std::string root_sha1;                    // as browsers show it too
  WallTime not_before{}, not_after{};       // the earlier end of the two
  NameConstraints constraints;              // as found in the issuing certificate
};

// Whole days until it ends; below `soon_days` users are to be told.
int days_left(const AuthorityFacts& facts, WallTime now);
inline constexpr int soon_days = 30;

class CertificateAuthority {
 public:
  // Opens what `folder` holds, or makes it: ca.pem (root), ca.der, issuing.pem, issuing.key (0600); the folder is 0700.
  // bundle.pem and trust.p12 beside them follow the system's roots. The root's key exists in memory only while it
  // signs, and is cleansed. Two processes that start at once end up with the same CA (a lock file). An existing CA is
  // never changed: where it is damaged, expired, readable by others, or its key does not fit, the error says which file
  // and what to do.
  static Result<std::shared_ptr<const CertificateAuthority>> open_or_create(const std::string& folder,
                                                                            const NameConstraints& constraints,
                                                                            WallTime now);
  // Makes a new CA in place of what the folder holds, whole or damaged; the old issuing key is gone afterwards, and the
  // old root is on the list of retired ones. A running proxy goes on with the old one until it reloads.
  static Result<std::shared_ptr<const CertificateAuthority>> rotate(const std::string& folder,
                                                                    const NameConstraints& constraints, WallTime now);
  // The same without making one: not_found if there is none.
  static Result<std::shared_ptr<const CertificateAuthority>> open(const std::string& folder, WallTime now);
  ~CertificateAuthority();

  const AuthorityFacts& facts() const noexcept;
  std::string root_pem() const;
  const std::string& folder() const noexcept;

  struct State;
  const State& state() const noexcept { return *state_; }

 private:
  explicit CertificateAuthority(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::ca
