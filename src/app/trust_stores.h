// The places on this machine in which programs look for roots they trust (the system's store, the NSS databases of
// Chromium and Firefox), and whether the CA is in them. Never asks the network, never touches another's certificate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ca/certificate_authority.h"

namespace borehole::app {

enum class StoreKind : std::uint8_t { system, nss };
enum class TrustState : std::uint8_t {
  trusted,
  not_trusted,
  other_borehole_ca,  // not ours, but one of borehole's: rotated away, or made by another copy of borehole
  unknown,            // it cannot be looked into
};

std::string_view store_kind_name(StoreKind kind) noexcept;
std::string_view trust_state_name(TrustState state) noexcept;

// What surrounds the stores; tests have their own.
struct TrustEnvironment {
  std::string root;           // put before /usr/local/share/ca-certificates and its like; usually empty
  std::string home;           // whose browsers; empty: nobody's
  std::string xdg_data_home;  // where Chromium's database may be too
  std::string path;           // where programs are looked for, as PATH has it
  bool is_root = false;       // else the system's store is written through sudo

  // HOME (or the user's entry), XDG_DATA_HOME, PATH; BOREHOLE_STORES_ROOT is `root`.
  static TrustEnvironment of_process();
};

struct TrustStoreState {
  std::string name;  // for people: "system store", "Chromium", "Firefox (a1b2c3.default)"
  StoreKind kind = StoreKind::system;
  std::string path;  // its folder
  TrustState state = TrustState::unknown;
  std::string detail;  // one clause on the state where its name does not say it all; may be empty
  std::string remedy;  // what makes it trusted; empty if it is
};

// The root that is looked for, and those that stood in its place before.
struct WantedRoot {
  std::string pem;
  std::string sha256;  // lower hex
  std::string subject;
  std::vector<std::string> retired;  // SHA-256 of the roots that were rotated away
};
WantedRoot wanted_root(const ca::CertificateAuthority& authority);

// One entry per store that exists. Takes some 10 ms per NSS database.
std::vector<TrustStoreState> inspect_trust_stores(const WantedRoot& root, const TrustEnvironment& environment);
std::vector<TrustStoreState> inspect_trust_stores(const ca::CertificateAuthority& authority,
                                                  const TrustEnvironment& environment);

}  // namespace borehole::app
