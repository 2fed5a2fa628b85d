// Fuzzes what a call's row says of where its record lies. Whatever is read is written as what reads the same again.
#include "store/record_place.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/invariant.h"
#include "store/stored_records.h"

using namespace borehole;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const std::string_view blob(reinterpret_cast<const char*>(octets), size);
  const auto place = store::decode_place(blob);
  const std::uint64_t told = store::StoredRecords::octets_of(blob);
  if (!place) return 0;
  demand(told == place->size, "a record is as long as its place says");
  std::string again;
  store::encode(again, *place);
  demand(again.size() <= blob.size(), "nothing is shorter than what is written");
  demand(store::decode_place(again) == place, "a place reads back as itself");
  demand(!store::decode_place(again + '\0'), "nothing follows a place");
  for (std::size_t i = 0; i < again.size(); ++i)
    demand(!store::decode_place(std::string_view(again).substr(0, i)), "a cut place is none");
  return 0;
}
