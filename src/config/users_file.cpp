#include "config/users_file.h"

#include <crypt.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <vector>

#include "base/keyed_rate.h"
#include "base/log.h"
#include "config/basic_credentials.h"
#include "config/siphash.h"

namespace borehole::config {
namespace {

constexpr std::size_t longest_line = 512;
constexpr Rate guesses{.per_second = 0.5, .burst = 10};
constexpr std::size_t most_guessers = 4096;

// In the time that the lengths take, whatever the octets are.
bool equal_in_constant_time(std::string_view one, std::string_view other) noexcept {
  if (one.size() != other.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i)
    difference |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i]);
  return difference == 0;
}

bool password_matches(const char* password, const std::string& hash) noexcept {
  thread_local crypt_data scratch{};  // 32 KiB
  const char* computed = crypt_r(password, hash.c_str(), &scratch);
  // libcrypt gives "*0" or "*1" for a failure; no hash that load() takes begins so.
  const bool matches = computed && computed[0] != '*' && equal_in_constant_time(computed, hash);
  explicit_bzero(&scratch, sizeof scratch);
  return matches;
}

// What is known of credentials seen before, by a keyed hash of them: an outcome costs bcrypt once, not at every call,
// for a stale password in a retry loop as well. Each hash has one slot, so the memory is fixed and the newest wins.
class Memory {
 public:
  Memory() {
    std::random_device random;
    for (auto* word : {&first_.k0, &first_.k1, &second_.k0, &second_.k1})
      *word = static_cast<std::uint64_t>(random()) << 32 | random();
  }
  struct Digest {
    std::uint64_t first, second;
  };
  Digest digest(std::string_view octets) const noexcept { return {siphash(first_, octets), siphash(second_, octets)}; }

  std::optional<bool> recall(Digest digest) noexcept {
    const std::lock_guard lock(mutex_);
    const Slot& slot = slots_[digest.first % slots_.size()];
    if (!slot.used || ((slot.digest.first ^ digest.first) | (slot.digest.second ^ digest.second)) != 0)
      return std::nullopt;
    return slot.right;
  }
  void remember(Digest digest, bool right) noexcept {
    const std::lock_guard lock(mutex_);
    Slot& slot = slots_[digest.first % slots_.size()];
    if (slot.used && slot.right && !right) return;  // guesses do not drive out those who belong here
    slot = {digest, true, right};
  }

 private:
  struct Slot {
    Digest digest{};
    bool used = false, right = false;
  };
  SipKey first_, second_;
  std::mutex mutex_;
  std::array<Slot, 1024> slots_{};
};

std::size_t behind_last_dollar(std::string_view hash) { return hash.size() - hash.rfind('$') - 1; }

// Complete, of a method that is fit for passwords, and no dearer than a second or so. Else what is wrong.
std::optional<std::string> refusal_of_hash(std::string_view hash) {
  constexpr std::string_view bcrypt =
      "is not a bcrypt hash as htpasswd -B writes it: write the line anew with htpasswd -B";
  const std::string terminated(hash);
  if (hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$")) {
    unsigned cost = 0;
    if (hash.size() != 60 || crypt_checksalt(terminated.c_str()) == CRYPT_SALT_INVALID) return std::string(bcrypt);
    std::from_chars(hash.data() + 4, hash.data() + 6, cost);
    if (cost > 15) return fmt::format("has cost {}, which takes seconds for every check: use 10 to 12", cost);
    return std::nullopt;
  }
  if (hash.starts_with("$y$") || hash.starts_with("$6$")) {
    const std::size_t length = hash.starts_with("$y$") ? 43 : 86;
    if (behind_last_dollar(hash) != length || crypt_checksalt(terminated.c_str()) == CRYPT_SALT_INVALID)
      return "is not a complete hash of its kind: write the line anew with htpasswd -B";
    return std::nullopt;
  }
  return std::string(bcrypt);
}

Unexpected<Error> refused(ErrorCode code, std::string detail) {
  return unexpected(Error{code, Fault::proxy, std::move(detail)});
}

}  // namespace

struct UsersFile::State {
  std::map<std::string, std::string, std::less<>> hashes;  // by name
  Memory memory;
  std::mutex mutex;  // guards:
  KeyedRate guessers{most_guessers};

  // For a name that does not exist, the hash of one that does, always the same one: its check then takes as long.
  const std::string& stand_in(Memory::Digest digest) const noexcept {
    const auto steps = digest.first % hashes.size();
    return std::next(hashes.begin(), static_cast<std::ptrdiff_t>(steps))->second;
  }
};

UsersFile::UsersFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
UsersFile::~UsersFile() = default;

Result<std::shared_ptr<const UsersFile>> UsersFile::load(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  struct stat status {};
  if (!stream || stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    return refused(ErrorCode::io_failed,
                   fmt::format("{} cannot be read ({}): create it with htpasswd -B -c, or mend "
                               "auth.users_file",
                               path, S_ISDIR(status.st_mode) ? "is a folder" : std::strerror(errno)));
  if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0)
    log::warn("{} can be read or written by everybody on this machine: chmod 0640 it", path);
  auto state = std::make_unique<State>();
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    const auto wrong = [&](std::string_view what) {
      return refused(ErrorCode::config_invalid, fmt::format("{}:{}: {}", path, number, what));
    };
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.starts_with('#')) continue;
    if (line.size() > longest_line) return wrong("the line is too long: write NAME:HASH as htpasswd -B does");
    const auto colon = line.find(':');
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (colon == line.npos || colon == 0 || std::ranges::any_of(line, is_control))
      return wrong("the line is not NAME:HASH: write it with htpasswd -B");
    if (const auto what = refusal_of_hash(std::string_view(line).substr(colon + 1)))
      return wrong(fmt::format("the part behind the colon {}", *what));
    if (!state->hashes.emplace(line.substr(0, colon), line.substr(colon + 1)).second)
      return wrong("the name was already given above: remove one of the two lines");
  }
  if (stream.bad()) return refused(ErrorCode::io_failed, fmt::format("{} cannot be read to its end", path));
  if (state->hashes.empty())
    return refused(ErrorCode::config_invalid, fmt::format("{} holds no user: add one with htpasswd -B", path));
  return std::shared_ptr<const UsersFile>(new UsersFile(std::move(state)));
}

std::optional<UsersFile::Verdict> UsersFile::judge_at_once(std::string_view value, const std::string& from,
                                                           TimePoint now) const {
  const BasicCredentials credentials(value);
  if (!credentials.well_formed()) return Verdict::wrong;
  if (const auto known = state_->memory.recall(state_->memory.digest(credentials.both())))
    return *known ? Verdict::right : Verdict::wrong;
  const std::lock_guard lock(state_->mutex);
  if (!state_->guessers.allows(from, guesses, now)) return Verdict::too_many_guesses;
  return std::nullopt;
}

UsersFile::Verdict UsersFile::judge(std::string_view value, const std::string& from, TimePoint now) const {
  if (const auto verdict = judge_at_once(value, from, now)) return *verdict;
  if (accepts(value)) return Verdict::right;
  const std::lock_guard lock(state_->mutex);
  state_->guessers.spend(from, guesses, now);
  return Verdict::wrong;
}

bool UsersFile::accepts(std::string_view value) const noexcept {
  const BasicCredentials credentials(value);
  if (!credentials.well_formed()) return false;
  const auto digest = state_->memory.digest(credentials.both());
  if (const auto known = state_->memory.recall(digest)) return *known;
  const auto user = state_->hashes.find(credentials.user());
  const bool exists = user != state_->hashes.end();
  const bool matches = password_matches(
      credentials.password(), exists ? user->second : state_->stand_in(state_->memory.digest(credentials.user())));
  const bool right = exists && matches;
  state_->memory.remember(digest, right);
  return right;
}

}  // namespace borehole::config
