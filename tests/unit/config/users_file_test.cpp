#include "config/users_file.h"

#include <sys/stat.h>

#include <thread>

#include "catch.h"
#include "fixture.h"

using namespace borehole::config;

namespace {

// "open sesame", bcrypt at its least cost; "six", SHA-512; "why", yescrypt.
const std::string ali = "ali:$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n";
const std::string six =
    "six:$6$L9GesaKglNwrsvBe$r7/6Wtk5xvdP/r.G6XoXIEvJtuktga8mrLVMLrdqALftoRgmGGlZ9s8tq0KaZefVpNlaA3okX2/pJxKY2tAaD0\n";
const std::string why = "why:$y$j75$Zq1lQJZVTjUMZsmLm3l6A1$wEwjBYPcOR0RpZxKRQaxa7jl448UFozvvc9aXZ5.Fs4\n";

std::shared_ptr<const UsersFile> users(const Fixture& fixture, const std::string& text) {
  const auto path = fixture.write("users", text);
  chmod(path.c_str(), 0600);
  auto loaded = UsersFile::load(path);
  if (!loaded) FAIL(loaded.error().detail);
  return *loaded;
}

std::string refusal(const Fixture& fixture, const std::string& text) {
  const auto path = fixture.write("users", text);
  chmod(path.c_str(), 0600);
  const auto loaded = UsersFile::load(path);
  REQUIRE_FALSE(loaded.has_value());
  return loaded.error().detail.substr(path.size());
}

}  // namespace

TEST_CASE("the right password is accepted, again as well, and nothing else") {
  const Fixture fixture;
  const auto file = users(fixture, "# who may\n\n" + ali + six + why);
  for (int round = 0; round < 2; ++round) {  // the second time from memory
    CAPTURE(round);
    CHECK(file->accepts("Basic YWxpOm9wZW4gc2VzYW1l"));        // ali:open sesame
    CHECK_FALSE(file->accepts("Basic YWxpOm9wZW4gc2VzYW1m"));  // ali:open sesamf
    CHECK_FALSE(file->accepts("Basic QWxpOm9wZW4gc2VzYW1l"));  // Ali:open sesame
    CHECK_FALSE(file->accepts("Basic Ym9iOm9wZW4gc2VzYW1l"));  // bob:open sesame
    CHECK_FALSE(file->accepts("Basic c2l4Om9wZW4gc2VzYW1l"));  // six:open sesame
    CHECK(file->accepts("basic c2l4OnNpeA=="));                // six:six
    CHECK(file->accepts("Basic d2h5OndoeQ=="));                // why:why
    CHECK_FALSE(file->accepts("Basic YWxpOg=="));              // ali:
    CHECK_FALSE(file->accepts("Basic YWxpOm9wZW4gc2VzYW1l="));
    CHECK_FALSE(file->accepts("Bearer YWxpOm9wZW4gc2VzYW1l"));
    CHECK_FALSE(file->accepts(""));
  }
}

TEST_CASE("a name that does not exist is refused with the password of the one whose hash stands in") {
  const Fixture fixture;
  const auto file = users(fixture, ali);  // one user: its hash stands in for every other name
  CHECK_FALSE(file->accepts("Basic Ym9iOm9wZW4gc2VzYW1l"));
  CHECK(file->accepts("Basic YWxpOm9wZW4gc2VzYW1l"));
}

TEST_CASE("wrong passwords of one address are judged ten at once, and then one in two seconds") {
  const Fixture fixture;
  const auto file = users(fixture, ali);
  using Verdict = UsersFile::Verdict;
  constexpr borehole::TimePoint start{std::chrono::hours(1)};
  const std::array<std::string, 12> wrong{
      "Basic YWxpOjA=", "Basic YWxpOjE=", "Basic YWxpOjI=", "Basic YWxpOjM=", "Basic YWxpOjQ=", "Basic YWxpOjU=",
      "Basic YWxpOjY=", "Basic YWxpOjc=", "Basic YWxpOjg=", "Basic YWxpOjk=", "Basic YWxpOmE=", "Basic YWxpOmI="};
  for (int i = 0; i < 10; ++i) CHECK(file->judge(wrong[static_cast<std::size_t>(i)], "there", start) == Verdict::wrong);
  CHECK(file->judge(wrong[10], "there", start) == Verdict::too_many_guesses);
  // The right one is not even looked at: who guesses must not learn that it was right.
  CHECK(file->judge("Basic YWxpOm9wZW4gc2VzYW1l", "there", start) == Verdict::too_many_guesses);
  CHECK(file->judge(wrong[0], "there", start) == Verdict::wrong);  // a stale password in a loop is no new guess
  CHECK(file->judge("Basic YWxpOm9wZW4gc2VzYW1l", "elsewhere", start) == Verdict::right);
  CHECK(file->judge("Basic YWxpOm9wZW4gc2VzYW1l", "there", start) == Verdict::right);  // known by now
  CHECK(file->judge(wrong[10], "there", start + std::chrono::seconds(2)) == Verdict::wrong);
  CHECK(file->judge(wrong[11], "there", start + std::chrono::seconds(2)) == Verdict::too_many_guesses);
}

TEST_CASE("several threads may ask at once") {
  const Fixture fixture;
  const auto file = users(fixture, ali);
  std::vector<std::thread> threads;
  std::array<int, 4> right{};
  for (auto& count : right)
    threads.emplace_back([&file, &count] {
      for (int i = 0; i < 50; ++i) {
        if (file->accepts("Basic YWxpOm9wZW4gc2VzYW1l")) ++count;
        if (file->accepts("Basic YWxpOm9wZW4gc2VzYW1m")) count = -1000;
      }
    });
  for (auto& thread : threads) thread.join();
  for (const int count : right) CHECK(count == 50);
}

TEST_CASE("a users file with a mistake is refused with the line, and never with what stands in it") {
  const Fixture fixture;
  CHECK(refusal(fixture, "") == " holds no user: add one with htpasswd -B");
  CHECK(refusal(fixture, ali + "bob\n") == ":2: the line is not NAME:HASH: write it with htpasswd -B");
  CHECK(refusal(fixture, ":x\n") == ":1: the line is not NAME:HASH: write it with htpasswd -B");
  CHECK(refusal(fixture, ali + "# \n" + ali) == ":3: the name was already given above: remove one of the two lines");
  const std::string not_bcrypt =
      ":1: the part behind the colon is not a bcrypt hash as htpasswd -B writes it: write the line anew with htpasswd "
      "-B";
  CHECK(refusal(fixture, "bob:secret\n") == not_bcrypt);                            // in clear
  CHECK(refusal(fixture, "bob:rl.3StKT.4T8M\n") == not_bcrypt);                     // DES
  CHECK(refusal(fixture, "bob:$apr1$abc$Y3kAf1TqnwcPvbTrhVqWC/\n") == not_bcrypt);  // Apache's MD5
  CHECK(refusal(fixture, ali.substr(0, ali.size() - 2) + "\n") == not_bcrypt);      // cut short
  CHECK(refusal(fixture, six.substr(0, six.size() - 2) + "\n") ==
        ":1: the part behind the colon is not a complete hash of its kind: write the line anew with htpasswd -B");
  std::string dear = ali;
  dear.replace(dear.find("$04$"), 4, "$31$");
  CHECK(refusal(fixture, dear) ==
        ":1: the part behind the colon has cost 31, which takes seconds for every check: use 10 to 12");
}

TEST_CASE("a users file that is not there, or is a folder, is refused") {
  const Fixture fixture;
  for (const auto& path : {fixture.folder() + "/none", fixture.folder()}) {
    const auto loaded = UsersFile::load(path);
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().code == borehole::ErrorCode::io_failed);
  }
}
