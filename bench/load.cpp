// The client of the bench: kept-alive TLS connections, each sending the same request again as soon as its answer is
// whole. Never retries; whatever is not a 200 with the expected body is an error.
//
//   load ADDRESS PORT HOST_NAME CA_FILE CONNECTIONS BODY_OCTETS REQUEST_FILE
//
// Conversation on stdin and stdout, a line each, so that the bench reads the proxy's clocks while nothing runs:
//   → {"ready":…}             every connection is open and has had one answer
//   ← seconds S | requests N  for that long, or so many in all; what has begun is finished
//   → {"requests":…,…}        what was done; again from `←` until stdin ends
//
// A program of our own and not wrk: that one cannot finish what it has begun, so that its count and the origin's never
// agree; it checks no certificate; and it cannot name a host that DNS does not know.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "http/message_reader.h"
#include "net/dialer.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "tls/client_context.h"
#include "tls_channel.h"

namespace borehole::bench {
namespace {

struct Plan {
  std::string request;
  std::string method;
  std::uint64_t body_octets = 0;  // of every answer
};

// What one round may still do and what it has done.
struct Round {
  bool warm_up = false;  // one request for each connection, as soon as it is open
  std::optional<TimePoint> until;
  std::uint64_t left = 0;  // requests that may still begin; counts for nothing where `until` is set
  std::uint64_t under_way = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::string first_failure;
  Duration waited{};  // sum over requests
  Duration longest{};
};

class Connection final : public ChannelObserver {
 public:
  Connection(const Plan& plan, Round& round, std::function<void()> idle, std::unique_ptr<net::TcpSocket> socket,
             std::unique_ptr<tls::Engine> engine)
      : plan_(plan), round_(round), idle_(std::move(idle)), channel_(std::move(socket), std::move(engine), *this) {}
  virtual ~Connection() = default;

  void begin() { channel_.begin(); }
  void go(TimePoint now) {
    if (over_ || busy_) return;
    if (round_.until ? now >= *round_.until : round_.left == 0) return;
    --round_.left;
    ++round_.under_way;
    busy_ = true;
    since_ = now;
    octets_ = 0;
    reader_.expect_response_to(plan_.method);
    channel_.send(plan_.request);
    channel_.flush();
  }
  const tls::Handshake& handshake() const noexcept { return channel_.handshake(); }

  void on_open() noexcept override { go(std::chrono::steady_clock::now()); }
  void on_room() noexcept override {}

  void on_plaintext(Bytes bytes) noexcept override {
    while (!over_) {
      auto progress = reader_.feed(bytes);
      if (!progress) return give_up(progress.error().detail);
      bytes.remove_prefix(progress->consumed);
      for (const Bytes content : reader_.content()) octets_ += content.size();
      if (progress->step == http::MessageReader::Step::complete) {
        answered();
      } else if (progress->step == http::MessageReader::Step::head) {
        continue;
      }
      if (bytes.empty()) return;
    }
  }

  void on_over(const std::string& why) noexcept override { give_up(why); }

 private:
  void answered() {
    const TimePoint now = std::chrono::steady_clock::now();
    const int status = reader_.response_head().status();
    busy_ = false;
    --round_.under_way;
    if (status == 200 && octets_ == plan_.body_octets) {
      ++round_.done;
      round_.waited += now - since_;
      round_.longest = std::max(round_.longest, now - since_);
    } else {
      failed(fmt::format("status {}, {} octets", status, octets_));
    }
    if (!reader_.keep_alive()) return give_up("the answer ends the connection");
    if (!round_.warm_up) go(now);
    if (!busy_) idle_();
  }
  void failed(const std::string& why) {
    if (round_.failed++ == 0) round_.first_failure = why;
  }
  void give_up(const std::string& why) {
    if (over_) return;
    over_ = true;
    failed(why);
    if (busy_) --round_.under_way;
    busy_ = false;
    idle_();
  }

  const Plan& plan_;
  Round& round_;
  std::function<void()> idle_;
  http::MessageReader reader_{http::Role::response};
  TlsChannel channel_;
  TimePoint since_;
  std::uint64_t octets_ = 0;
  bool busy_ = false;
  bool over_ = false;
};

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

int fail(const std::string& why) {
  std::cerr << "load: " << why << '\n';
  return 1;
}

std::string quoted(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '"' || c == '\\' || c < ' '; }, '\'');
  return text;
}

int run(const std::vector<std::string>& words) {
  const auto address =
      net::Address::parse(words[0], static_cast<std::uint16_t>(std::strtoul(words[1].c_str(), nullptr, 10)));
  const std::string& name = words[2];
  const std::size_t wanted = std::strtoul(words[4].c_str(), nullptr, 10);
  if (!address || wanted == 0) return fail("ADDRESS PORT, and at least one connection");
  Plan plan;
  plan.body_octets = std::strtoull(words[5].c_str(), nullptr, 10);
  std::ifstream file(words[6], std::ios::binary);
  plan.request.assign(std::istreambuf_iterator<char>(file), {});
  plan.method = plan.request.substr(0, plan.request.find(' '));
  if (plan.request.empty()) return fail(words[6] + " cannot be read, or is empty");
  auto trust = tls::TrustStore::load({words[3]});
  if (!trust) return fail(trust.error().detail);

  tls::ClientContext context(*trust);
  net::Loop loop;
  net::Resolver look_up(net::system_look_up(), {});
  net::ResolverClient resolver(look_up, loop);
  Round round;
  round.warm_up = true;
  round.left = wanted;
  std::vector<std::unique_ptr<net::Dial>> dials;
  std::vector<std::unique_ptr<Connection>> connections;
  const auto idle = [&] {
    if (round.under_way == 0 && (round.until || round.left == 0 || round.failed > 0)) loop.stop();
  };
  for (std::size_t i = 0; i < wanted; ++i) {
    dials.push_back(std::make_unique<net::Dial>(
        loop, resolver, net::DialTarget{name, address->port(), address}, net::DialOptions{},
        [&](Result<std::unique_ptr<net::TcpSocket>> socket) {
          if (!socket) {
            if (round.failed++ == 0) round.first_failure = socket.error().detail;
            return loop.stop();
          }
          connections.push_back(std::make_unique<Connection>(plan, round, idle, *std::move(socket),
                                                             context.connect({.host = name, .port = address->port()})));
          connections.back()->begin();
        }));
  }
  loop.run();
  if (round.failed > 0) return fail("the first requests failed: " + round.first_failure);
  std::cout << fmt::format(R"({{"ready":{},"tls":"{} {}"}})", connections.size(),
                           connections.front()->handshake().version, connections.front()->handshake().cipher)
            << std::endl;

  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream order(line);
    std::string what;
    double amount = 0;
    order >> what >> amount;
    round = {};
    const TimePoint begun = std::chrono::steady_clock::now();
    if (what == "seconds") {
      round.until = begun + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(amount));
    } else {
      round.left = static_cast<std::uint64_t>(amount);
    }
    for (const auto& connection : connections) connection->go(std::chrono::steady_clock::now());
    if (round.under_way > 0) loop.run();
    const Duration took = std::chrono::steady_clock::now() - begun;
    std::cout
        << fmt::format(
               R"({{"requests":{},"failed":{},"first_failure":"{}","seconds":{:.3f},"mean_ms":{:.3f},"max_ms":{:.3f}}})",
               round.done, round.failed, quoted(round.first_failure), seconds_of(took),
               round.done == 0 ? 0.0 : 1000 * seconds_of(round.waited) / static_cast<double>(round.done),
               1000 * seconds_of(round.longest))
        << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace borehole::bench

int main(int count, char** words) {
  if (count != 8) {
    std::cerr << "usage: load ADDRESS PORT HOST_NAME CA_FILE CONNECTIONS BODY_OCTETS REQUEST_FILE\n";
    return 2;
  }
  return borehole::bench::run({words + 1, words + count});
}
