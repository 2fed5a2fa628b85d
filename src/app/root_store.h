// One place in which programs look for roots, as the code behind app/trust_stores.h sees it. Never used beyond it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/trust_stores.h"
#include "ca/certificate_list.h"

namespace borehole::app {

class RootStore {
 public:
  RootStore() = default;
  RootStore(const RootStore&) = delete;
  RootStore& operator=(const RootStore&) = delete;
  virtual ~RootStore() = default;

  virtual StoreKind kind() const noexcept = 0;
  virtual TrustStoreState inspect(const WantedRoot& root) = 0;
  virtual StoreOutcome trust(const WantedRoot& root, const ChangeOptions& options) = 0;
  virtual StoreOutcome untrust(const WantedRoot& root, const ChangeOptions& options) = 0;
};

// Null where the machine has none that is known.
std::unique_ptr<RootStore> find_system_store(const TrustEnvironment& environment);
// Chromium's databases, and one per profile of Firefox.
std::vector<std::unique_ptr<RootStore>> find_nss_stores(const TrustEnvironment& environment);

// What an unwanted root is: ours (where `ours_too`), one rotated away, or any of borehole's (where they are asked for).
bool is_unwanted(const ca::ListedCertificate& certificate, const WantedRoot& root, bool ours_too,
                 const ChangeOptions& options);
// A clause on roots of borehole's that are not ours; empty if none of `found` is one.
std::string others_clause(const std::vector<ca::ListedCertificate>& found, const WantedRoot& root);
// "borehole-0123456789abcdef": what ours is called in stores.
std::string store_label(const WantedRoot& root);
// The last line of a program's stderr (or stdout) that says something, for a sentence.
std::string last_words(const std::string& error, const std::string& out);

}  // namespace borehole::app
