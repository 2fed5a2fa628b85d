#include "ca/leaf_cache.h"

#include <openssl/pool.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <utility>

#include "base/keyed_rate.h"
#include "base/log.h"
#include "base/lru_map.h"
#include "ca/authority_state.h"
#include "ca/certificate_writer.h"
#include "ca/name_constraints.h"
#include "tls/leaf.h"

namespace borehole::ca {
namespace {

constexpr std::chrono::days longest_life{7};
constexpr std::chrono::days renewal_margin{1};
// For the names that `intercept` allows by a `*`, of which there is no end. A signature takes some 20 µs.
constexpr Rate minting{.per_second = 1000, .burst = 5000};
constexpr std::size_t max_common_name = 64;  // RFC 5280 appendix A.1, ub-common-name
constexpr const char* fixed_common_name = "borehole";

struct Minted {
  std::shared_ptr<const tls::Leaf> leaf;
  WallTime not_before{};
  WallTime renew_at{};
};

struct Names {
  std::string common_name = fixed_common_name;
  std::string alt_names;
};

// A subject of an IP literal would be taken for a host name, and measured against the DNS constraints, by OpenSSL.
void add_name(Names& names, const std::string& name) {
  if (const std::string address = address_octets(name); !address.empty()) {
    add_address(names.alt_names, address);
    return;
  }
  const std::string host = canonical_host(name);
  add_dns_name(names.alt_names, host);
  if (names.common_name == fixed_common_name && host.size() <= max_common_name) names.common_name = host;
}

}  // namespace

struct LeafKey::State {
  bssl::UniquePtr<EVP_PKEY> key;
  PublicKey public_key;
};

LeafKey::LeafKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
LeafKey::~LeafKey() = default;

Result<std::shared_ptr<const LeafKey>> LeafKey::make() {
  auto state = std::make_unique<State>();
  state->key = make_p256_key();
  auto public_key = state->key ? public_key_of(*state->key) : std::nullopt;
  if (!public_key) return unexpected(Error{ErrorCode::internal, Fault::proxy, "no key for leaves could be made"});
  state->public_key = std::move(*public_key);
  return std::shared_ptr<const LeafKey>(new LeafKey(std::move(state)));
}

struct LeafCache::State {
  std::shared_ptr<const CertificateAuthority> authority;
  std::shared_ptr<const LeafKey> key;
  LeafCacheOptions options;
  const Clock& clock;
  LruMap<Minted> leaves;
  Minted default_leaf;
  LeafCounters own_counters;
  LeafCounters* counters = &own_counters;
  KeyedRate minting_rate{1};

  bool permitted(const std::string& name) const { return permits(authority->facts().constraints, name); }

  std::shared_ptr<const tls::Leaf> leaf_for(const std::string& name) {
    const WallTime now = clock.wall();
    const std::string address = address_octets(name);
    const std::string key_name = address.empty() ? canonical_host(name) : address;
    if (const Minted* found = leaves.find(key_name); found != nullptr && is_fresh(*found, now)) return found->leaf;
    const bool own =
        std::find(options.default_names.begin(), options.default_names.end(), name) != options.default_names.end();
    if (own || key_name.empty() || !permitted(name)) return fresh_default(now);
    if (!minting_rate.take({}, minting, clock.now())) {
      if (counters->refused.fetch_add(1, std::memory_order_relaxed) == 0) {
        log::warn(
            "clients ask for certificates of new hosts faster than {} a second, which are refused; see "
            "borehole_certificates_refused_total",
            minting.per_second);
      }
      return nullptr;
    }
    Names names;
    add_name(names, name);
    auto made = mint(names, now);
    return made ? leaves.put(key_name, std::move(*made)).leaf : nullptr;
  }

  std::shared_ptr<const tls::Leaf> fresh_default(WallTime now) {
    if (is_fresh(default_leaf, now)) return default_leaf.leaf;
    Names names;
    for (const std::string& name : options.default_names) {
      if (permitted(name)) add_name(names, name);
    }
    if (names.alt_names.empty()) return nullptr;
    auto made = mint(names, now);
    if (!made) return nullptr;
    default_leaf = std::move(*made);
    return default_leaf.leaf;
  }

  static bool is_fresh(const Minted& minted, WallTime now) {
    return minted.leaf && now >= minted.not_before && now < minted.renew_at;
  }

  std::optional<Minted> mint(const Names& names, WallTime now);
};

std::optional<Minted> LeafCache::State::mint(const Names& names, WallTime now) {
  const CertificateAuthority::State& ca = authority->state();
  const auto days = std::chrono::days(std::clamp<int>(options.leaf_days, 1, 7));
  Profile profile;
  profile.issuer = ca.issuing_name;
  profile.subject = encode_name(names.common_name);
  profile.key = key->state().public_key;
  profile.authority_key_id = ca.issuing_key_id;
  profile.alt_names = names.alt_names;
  profile.not_before = std::max<WallTime>(now - backdated, ca.facts.not_before);
  // Both ends count (RFC 5280 section 4.1.2.5): a second less, and the whole is seven days.
  profile.not_after =
      std::min<WallTime>({now + days, profile.not_before + longest_life - std::chrono::seconds(1), ca.facts.not_after});

  const std::string der = sign_certificate(profile, *ca.issuing_key);
  if (der.empty()) {
    log::error("a certificate for {} could not be signed", names.common_name);
    return std::nullopt;
  }
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;
  chain.emplace_back(CRYPTO_BUFFER_new(reinterpret_cast<const std::uint8_t*>(der.data()), der.size(), nullptr));
  chain.push_back(bssl::UpRef(ca.issuing_certificate));
  if (!chain.front()) return std::nullopt;

  counters->minted.fetch_add(1, std::memory_order_relaxed);
  Minted made;
  made.leaf = std::make_shared<const tls::Leaf>(std::move(chain), bssl::UpRef(key->state().key));
  made.not_before = profile.not_before;
  const auto ahead = profile.not_after - now;
  made.renew_at = profile.not_after - std::min<WallTime::duration>(renewal_margin, ahead / 4);
  // At the CA's own end nothing younger can be had: no new leaf for every connection.
  if (profile.not_after == ca.facts.not_after) made.renew_at = WallTime::max();
  return made;
}

LeafCache::LeafCache(std::shared_ptr<const CertificateAuthority> authority, std::shared_ptr<const LeafKey> key,
                     LeafCacheOptions options, const Clock& clock) {
  const std::size_t max_entries = options.max_entries;
  state_.reset(
      new State{std::move(authority), std::move(key), std::move(options), clock, LruMap<Minted>(max_entries), {}});
}

LeafCache::LeafCache(std::shared_ptr<const CertificateAuthority> authority, std::shared_ptr<const LeafKey> key,
                     LeafCacheOptions options, const Clock& clock, LeafCounters& counters)
    : LeafCache(std::move(authority), std::move(key), std::move(options), clock) {
  state_->counters = &counters;
}

LeafCache::~LeafCache() = default;

std::shared_ptr<const tls::Leaf> LeafCache::leaf_for(const std::string& name) noexcept {
  try {
    return state_->leaf_for(name);
  } catch (const std::exception& error) {
    try {
      log::error("no certificate for {}: {}", name, error.what());
    } catch (const std::exception&) {  // no memory for that either
    }
    return nullptr;
  }
}

std::uint64_t LeafCache::refused() const noexcept { return state_->counters->refused.load(std::memory_order_relaxed); }
std::uint64_t LeafCache::minted() const noexcept { return state_->counters->minted.load(std::memory_order_relaxed); }

}  // namespace borehole::ca
