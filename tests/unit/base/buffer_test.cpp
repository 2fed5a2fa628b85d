#include "base/buffer.h"

#include <string>

#include "catch.h"

using borehole::Buffer;

TEST_CASE("a buffer gives back what was appended, in order, across growth and consumption") {
  Buffer buffer;
  std::string expected;
  std::string got;
  for (int i = 0; i < 2000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26));
    buffer.append(piece);
    expected += piece;
    const std::size_t n = buffer.size() / 3;
    got += buffer.view().substr(0, n);
    buffer.consume(n);
  }
  got += buffer.view();
  CHECK(got == expected);
}

TEST_CASE("prepared room is part of the content only once it is committed") {
  Buffer buffer;
  char* at = buffer.prepare(10);
  at[0] = 'x';
  CHECK(buffer.empty());
  buffer.commit(1);
  CHECK(buffer.view() == "x");
}

TEST_CASE("a drained buffer gives back a large block") {
  Buffer buffer;
  buffer.append(std::string(1 << 20, 'x'));
  buffer.consume(buffer.size());
  CHECK(buffer.capacity() == 0);
}

TEST_CASE("a moved-from buffer is empty and usable") {
  Buffer a;
  a.append("hello");
  Buffer b = std::move(a);
  CHECK(b.view() == "hello");
  a.append("again");  // NOLINT(bugprone-use-after-move): the contract says it is usable
  CHECK(a.view() == "again");
}
