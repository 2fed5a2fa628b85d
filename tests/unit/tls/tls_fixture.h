// What the tests of tls/ and ca/ share: a CA in a folder of its own, clocks that stand still, connections over memory.
#pragma once

#include <openssl/base64.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/clock.h"
#include "ca/authority_state.h"
#include "ca/certificate_authority.h"
#include "ca/certificate_writer.h"
#include "ca/leaf_cache.h"
#include "ca/name_constraints.h"
#include "tls/client_context.h"
#include "tls/leaf.h"
#include "tls/server_context.h"

namespace borehole::fixture {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "borehole-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(const std::string& file) const { return path_ + "/" + file; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime wall) : wall_(wall) {}
  TimePoint now() const noexcept override { return now_; }
  WallTime wall() const noexcept override { return wall_; }
  void advance(WallTime::duration by) {
    wall_ += by;
    now_ += by;
  }

 private:
  WallTime wall_;
  TimePoint now_{};
};

inline std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

inline ca::NameConstraints usual_constraints() {
  return {{"amazonaws.com", "api.aws", "localhost"}, {"127.0.0.0/8", "::1/128"}};
}

// BoringSSL verifies against the real time; only what is minted follows a fake clock.
inline WallTime real_now() { return SystemClock().wall(); }

// A CA, a cache of leaves, and what a client needs to trust them.
struct Authority {
  TempFolder folder;
  std::shared_ptr<const ca::CertificateAuthority> authority;
  FakeClock clock;
  std::unique_ptr<ca::LeafCache> leaves;

  explicit Authority(WallTime now = real_now(), ca::LeafCacheOptions options = default_options()) : clock(now) {
    authority = ca::CertificateAuthority::open_or_create(folder / "ca", usual_constraints(), now).value();
    leaves = std::make_unique<ca::LeafCache>(authority, ca::LeafKey::make().value(), std::move(options), clock);
  }
  std::shared_ptr<const tls::TrustStore> trust() const { return tls::TrustStore::load({folder / "ca/ca.pem"}).value(); }
  static ca::LeafCacheOptions default_options() {
    ca::LeafCacheOptions options;
    options.default_names = {"localhost", "127.0.0.1", "::1", "not-ours.example"};
    return options;
  }
};

// Serves whatever leaf it is given.
struct FixedLeaf final : tls::LeafSource {
  std::shared_ptr<const tls::Leaf> leaf;
  std::shared_ptr<const tls::Leaf> leaf_for(const std::string&) noexcept override { return leaf; }
};

using Change = std::function<void(ca::Profile&)>;

inline bssl::UniquePtr<CRYPTO_BUFFER> buffer_of(const std::string& der) {
  return bssl::UniquePtr<CRYPTO_BUFFER>(
      CRYPTO_BUFFER_new(reinterpret_cast<const std::uint8_t*>(der.data()), der.size(), nullptr));
}

inline std::string pem_of(const CRYPTO_BUFFER* der) {
  std::string base64((CRYPTO_BUFFER_len(der) + 2) / 3 * 4 + 1, '\0');
  base64.resize(
      EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(base64.data()), CRYPTO_BUFFER_data(der), CRYPTO_BUFFER_len(der)));
  for (std::size_t at = 64; at < base64.size(); at += 65) base64.insert(at, "\n");
  return "-----BEGIN CERTIFICATE-----\n" + base64 + "\n-----END CERTIFICATE-----\n";
}

// A server's profile, valid for an hour each way, with the subject CN=odd and no names.
inline ca::Profile plain_profile(const EVP_PKEY& key) {
  ca::Profile profile;
  profile.subject = ca::encode_name("odd");
  profile.not_before = real_now() - std::chrono::hours(1);
  profile.not_after = real_now() + std::chrono::hours(1);
  profile.key = ca::public_key_of(key).value();
  return profile;
}

// A leaf that LeafCache would never mint: `change` bends the profile before the issuing CA signs it.
inline std::shared_ptr<const tls::Leaf> odd_leaf(const ca::CertificateAuthority& authority, const Change& change) {
  const auto& ca = authority.state();
  auto key = ca::make_p256_key();
  ca::Profile profile = plain_profile(*key);
  profile.issuer = ca.issuing_name;
  profile.authority_key_id = ca.issuing_key_id;
  change(profile);
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;
  chain.push_back(buffer_of(ca::sign_certificate(profile, *ca.issuing_key)));
  chain.push_back(bssl::UpRef(ca.issuing_certificate));
  return std::make_shared<const tls::Leaf>(std::move(chain), std::move(key));
}

// A leaf that nobody else signed; its certificate goes to `pem_path`.
inline std::shared_ptr<const tls::Leaf> self_signed_leaf(const Change& change, const std::string& pem_path) {
  auto key = ca::make_p256_key();
  ca::Profile profile = plain_profile(*key);
  profile.issuer = profile.subject;
  change(profile);
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;
  chain.push_back(buffer_of(ca::sign_certificate(profile, *key)));
  write(pem_path, pem_of(chain.front().get()));
  return std::make_shared<const tls::Leaf>(std::move(chain), std::move(key));
}

// Two engines and the wires between them. Octets are handed over `step` at a time.
struct Link {
  std::unique_ptr<tls::Engine> client;
  std::unique_ptr<tls::Engine> server;
  Buffer to_server, to_client;  // ciphertext
  Buffer at_server, at_client;  // plaintext that arrived
  std::vector<Error> client_errors, server_errors;
  int client_done = 0, server_done = 0;
  bool client_saw_close = false, server_saw_close = false;

  void start() {
    if (auto started = client->start(to_server); !started) client_errors.push_back(started.error());
    if (auto started = server->start(to_client); !started) server_errors.push_back(started.error());
  }

  // Until nothing is on the way any more.
  void pump(std::size_t step = std::size_t{1} << 20U) {
    while (!to_server.empty() || !to_client.empty()) {
      deliver(to_server, *server, at_server, to_client, step, server_errors, server_done, server_saw_close);
      deliver(to_client, *client, at_client, to_server, step, client_errors, client_done, client_saw_close);
    }
  }

  bool established() const {
    return client_errors.empty() && server_errors.empty() && client->established() && server->established();
  }

 private:
  static void deliver(Buffer& wire, tls::Engine& to, Buffer& plaintext, Buffer& answer, std::size_t step,
                      std::vector<Error>& errors, int& done, bool& saw_close) {
    const std::string piece(wire.view().substr(0, step));
    if (piece.empty()) return;
    wire.consume(piece.size());
    const auto progress = to.feed(piece, plaintext, answer);
    if (!progress) {
      errors.push_back(progress.error());
      return;
    }
    done += progress->handshake_done ? 1 : 0;
    saw_close = progress->closed;
  }
};

}  // namespace borehole::fixture
