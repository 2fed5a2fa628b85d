// Fuzzes the sums over calls that the store keeps. Whatever is read is written as what reads the same again, and can be
// added up without an overflow.
#include "store/call_sums_blob.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/invariant.h"

using namespace borehole;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const std::string_view blob(reinterpret_cast<const char*>(octets), size);
  const auto sums = store::decode_sums(blob);
  if (!sums) return 0;
  demand(sums->possible(), "nothing that is read is below nothing");
  const std::string again = store::encode(*sums);
  demand(again.size() <= blob.size(), "nothing is shorter than what is written");
  const auto back = store::decode_sums(again);
  demand(back && store::encode(*back) == again, "sums read back as themselves");
  store::CallSums twice = *sums;
  twice.add(*back);
  demand(twice.calls == 2 * sums->calls, "sums are added");
  store::StatisticsCount count(store::GroupBy::model);
  count.add("m", WallTime{}, twice);
  demand(count.take().groups.size() == 1, "sums are of one group");
  return 0;
}
