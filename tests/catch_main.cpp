// main() of the unit tests where Catch2 2 is installed; Catch2 3 brings its own.
// GCC 12 with sanitizers and -O2 sees an uninitialised value inside std::regex, which Catch2's main() uses.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
