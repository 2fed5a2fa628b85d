// Names to addresses off the loop, on threads of its own, with a bounded cache. Never dials.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"

namespace borehole::net {

// The system's getaddrinfo, or a test's. Blocking; any thread.
using LookUp = std::function<Result<std::vector<Address>>(const std::string& host)>;
LookUp system_look_up();

struct ResolverOptions {
  unsigned threads = 8;  // a slow name must not hold up others
  std::size_t max_names = 1024;
  Duration keep = std::chrono::seconds(30);         // what was found
  Duration keep_failure = std::chrono::seconds(2);  // what was not
};

// Shared by the workers; thread-safe. Concurrent questions for one name become one look-up. An entry past `keep` is
// looked up anew.
class Resolver {
 public:
  Resolver(LookUp look_up, ResolverOptions options);
  ~Resolver();
  struct State;
  std::shared_ptr<State> state() const noexcept { return state_; }

 private:
  std::shared_ptr<State> state_;
};

using Resolved = std::function<void(Result<std::vector<Address>>)>;

// A loop's door to the resolver; answers on that loop's thread. Destroying it drops what is outstanding.
class ResolverClient {
 public:
  ResolverClient(Resolver& resolver, Loop& loop);
  ~ResolverClient();
  // Addresses come with port 0, in the system's order. IP literals and cached names answer without a thread, but never
  // inside this call. Error: dns_failed; out_of_memory. Returns a ticket for cancel(). `done` must not throw.
  std::uint64_t resolve(const std::string& host, Resolved done);
  void cancel(std::uint64_t ticket) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace borehole::net
