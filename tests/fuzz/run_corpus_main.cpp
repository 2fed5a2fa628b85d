// Runs a fuzz target as an ordinary test: feeds it each file below the folders given as arguments, and every prefix of
// each; never makes inputs up. The target ends the program where an invariant does not hold.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size);

int main(int argc, char** argv) {
  std::size_t files = 0;
  std::size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> octets{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      for (std::size_t size = 0; size <= octets.size(); ++size) {
        // An allocation of just this size, so that AddressSanitizer sees a read past the end.
        const auto input = std::make_unique<std::uint8_t[]>(size);
        std::copy_n(octets.begin(), size, input.get());
        LLVMFuzzerTestOneInput(input.get(), size);
        ++inputs;
      }
      ++files;
    }
  }
  std::printf("%zu inputs from %zu files\n", inputs, files);
  return files == 0 ? 1 : 0;  // a corpus that is not found would test nothing
}
