// The development CA as the doctor sees it: files, modes, dates, and what it may vouch for. Never changes a file.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/doctor/finding.h"
#include "base/clock.h"
#include "base/result.h"
#include "ca/certificate_authority.h"
#include "proxy/policy.h"

namespace borehole::app::doctor {

// What was seen; judge_ca says what it means.
struct CaView {
  std::string folder;
  std::optional<unsigned> folder_mode;  // permission bits; nothing: there is no folder
  std::optional<unsigned> key_mode;     // … no issuing.key
  std::optional<Error> error;           // why the CA cannot be opened; not_found: there is none yet
  WallTime not_after{};                 // of an opened one
  std::string outside;                  // the first intercept pattern that it may not vouch for, as a sentence
  std::optional<bool> bundle_has_root;  // nothing: bundle.pem cannot be read
};

CaView view_ca(const proxy::Policy& policy, const Result<std::shared_ptr<const ca::CertificateAuthority>>& authority);
Findings judge_ca(const CaView& view, WallTime now);

}  // namespace borehole::app::doctor
