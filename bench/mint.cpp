// What a certificate for a host never seen costs: the processor time of one, made as a worker makes it, and of one that
// is in the cache. Under `valgrind --tool=callgrind` the same run counts instructions.
//
//   mint [COUNT]
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "ca/certificate_authority.h"
#include "ca/leaf_cache.h"

namespace {

using namespace borehole;

double thread_micros() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

int run(std::uint64_t count, const std::string& folder) {
  const SystemClock clock;
  auto authority = ca::CertificateAuthority::open_or_create(folder, {{"amazonaws.com"}, {}}, clock.wall());
  auto key = ca::LeafKey::make();
  if (!authority || !key) return 1;
  ca::LeafCache leaves(*authority, *key, {}, clock);
  const auto micros_each = [&](bool new_names) {
    const double before = thread_micros();
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto name = fmt::format("vpce-{}.bedrock-runtime.us-east-1.vpce.amazonaws.com", new_names ? i : count - 1);
      if (!leaves.leaf_for(name)) return -1.0;
    }
    return (thread_micros() - before) / static_cast<double>(count);
  };
  const double minted = micros_each(true);
  const double cached = micros_each(false);
  fmt::print(R"({{"minted_us":{:.2f},"cached_us":{:.3f},"minted":{}}})"
             "\n",
             minted, cached, leaves.minted());
  return leaves.minted() == count ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  std::string folder = (std::filesystem::temp_directory_path() / "borehole-mint-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  const int status = run(count > 1 ? std::strtoull(words[1], nullptr, 10) : 2000, folder + "/certs");
  std::filesystem::remove_all(folder);
  return status;
}
