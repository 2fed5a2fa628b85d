// The places on this machine in which programs look for roots they trust (the system's store, the NSS databases of
// Chromium and Firefox): is the CA in them, put it in, take it out. Never asks the network, never touches another's
// certificate.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
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
  std::string java_home;      // JAVA_HOME; may be empty
  bool is_root = false;       // else the system's store is written through sudo

  // HOME (or the user's entry), XDG_DATA_HOME, PATH and the sbin folders, JAVA_HOME; BOREHOLE_STORES_ROOT is `root`.
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
  std::string pem_file;              // where `pem` is, for commands that a person is to copy
  std::vector<std::string> retired;  // SHA-256 of the roots that were rotated away
};
WantedRoot wanted_root(const ca::CertificateAuthority& authority);
// The same for a CA that may have expired or lost its key; not_found if there is no ca.pem.
Result<WantedRoot> wanted_root_in(const std::string& folder);

// One entry per store that exists. Takes some 10 ms per NSS database.
std::vector<TrustStoreState> inspect_trust_stores(const WantedRoot& root, const TrustEnvironment& environment);
std::vector<TrustStoreState> inspect_trust_stores(const ca::CertificateAuthority& authority,
                                                  const TrustEnvironment& environment);

enum class TrustChange : std::uint8_t { trust, untrust };

struct ChangeOptions {
  std::optional<StoreKind> only;
  bool all_of_borehole = false;                           // untrust: whoever made them
  std::function<void(const std::string& line)> announce;  // told what will run as root, before it does
};

struct StoreOutcome {
  std::string name, path;
  bool succeeded = false;
  std::string text;    // "trusted", "was trusted already", or why it failed
  std::string remedy;  // after a failure
};

// One outcome per store that exists and is selected. Both ways take out the roots that were rotated away.
std::vector<StoreOutcome> change_trust(const WantedRoot& root, const TrustEnvironment& environment, TrustChange change,
                                       const ChangeOptions& options);

// Programs that use none of the stores (Java, Node, Python): a line each on how they come to trust the CA.
std::vector<std::string> hints_for_others(const WantedRoot& root, const TrustEnvironment& environment);

}  // namespace borehole::app
