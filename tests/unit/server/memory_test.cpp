// Memory that runs out in a worker, at each allocation in turn: it costs the connection in whose event it happened, and
// nothing else.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

// The linker leads malloc(3) and its kin of our own code and of BoringSSL here (--wrap).
extern "C" {
void* __real_malloc(std::size_t size);                     // NOLINT(bugprone-reserved-identifier): the linker's names
void* __real_calloc(std::size_t count, std::size_t size);  // NOLINT(bugprone-reserved-identifier)
void* __real_realloc(void* block, std::size_t size);       // NOLINT(bugprone-reserved-identifier)
}
#define BOREHOLE_TEST_MALLOC __real_malloc

#include "http/h2_codec.h"
#include "net/owner_search.h"
#include "server/worker.h"
#include "server_fixture.h"
#include "unit/lack_of_memory.h"

extern "C" {
void* __wrap_malloc(std::size_t size) {  // NOLINT(bugprone-reserved-identifier)
  return borehole::test::granted() ? __real_malloc(size) : nullptr;
}
void* __wrap_calloc(std::size_t count, std::size_t size) {  // NOLINT(bugprone-reserved-identifier)
  return borehole::test::granted() ? __real_calloc(count, size) : nullptr;
}
void* __wrap_realloc(void* block, std::size_t size) {  // NOLINT(bugprone-reserved-identifier)
  return borehole::test::granted() ? __real_realloc(block, size) : nullptr;
}
}

namespace borehole::server {

namespace {

using borehole::test::Lack;
using net::test::pattern;
using test::End;
using test::loopback;
using test::name;
using test::TestLoop;

// Where calls go that are recorded, or have no memory for that.
struct Outbox final : calls::CallOutbox {
  void deliver(std::unique_ptr<calls::CapturedCall>) noexcept override { ++told; }
  void missed() noexcept override { ++told; }
  std::atomic<std::uint64_t> told{0};
};

enum class Way { gateway, connect, h2 };

const std::string& body() {
  static const std::string octets = pattern(40'000);
  return octets;
}

std::string request(Way way) {
  return fmt::format(
             "POST {}/model/m/invoke HTTP/1.1\r\nHost: {}\r\nX-Amz-Security-Token: T\r\nContent-Length: {}\r\n\r\n",
             way == Way::gateway ? "/plain" : "", way == Way::gateway ? "127.0.0.1" : name, body().size()) +
         body();
}

const std::string& response() {
  static const std::string octets =
      fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body().size()) + body();
  return octets;
}

bool complete(const std::string& request) {
  const auto end = request.find("\r\n\r\n");
  return end != request.npos && request.size() == end + 4 + body().size();
}

bool is_over(const End& end) { return end.ended || end.broken || end.closed || end.failed; }

// One end of an HTTP/2 connection with one exchange.
struct H2Peer final : http::H2Events {
  H2Peer(http::H2Codec::Role role, End& its_end) : end(its_end), codec(role, {}, *this) {}
  void on_head(http::StreamId, http::H2Fields fields, bool, bool) override { status = fields.front().value; }
  void on_body(http::StreamId stream, Bytes content) override {
    text += content;
    codec.consumed(stream, content.size());
  }
  void on_trailers(http::StreamId, http::H2Fields, bool) override {}
  void on_end(http::StreamId stream) override {
    whole = true;
    if (request_came) request_came(stream);
  }
  void on_refused(http::StreamId, bool) override {}
  void on_malformed(http::StreamId, std::string) override {}
  void on_reset(http::StreamId, std::uint32_t) override { reset = true; }
  void on_left(http::StreamId, std::size_t) override {}
  void on_all_left(http::StreamId) override {}
  void on_settings(bool) override {}
  void on_goaway(http::StreamId, std::uint32_t, std::string) override {}
  void on_priority_update(http::StreamId, Bytes) override {}
  void on_idle_frame() override {}
  void on_failed(std::uint32_t, std::string) override { reset = true; }

  void hear() {
    codec.feed(std::exchange(end.text, {}));
    speak();
  }
  void speak() {
    for (Bytes more = codec.pull(); !more.empty(); more = codec.pull()) end.say(more);
  }

  End& end;
  std::string status, text;
  bool whole = false, reset = false;
  std::function<void(http::StreamId)> request_came;
  http::H2Codec codec;
};

// An upstream on the test's loop: answers each complete request, or gives half an answer where `halves` says so.
struct Upstream {
  Upstream(TestLoop& test, tls::ServerContext* with_tls) {
    auto opened =
        net::Listener::open(test.loop, loopback(), false, [this, with_tls](std::unique_ptr<net::TcpSocket> socket) {
          ends.push_back(std::make_unique<End>(
              std::move(socket), with_tls != nullptr ? with_tls->accept({name, {"h2", "http/1.1"}}) : nullptr));
          ends.back()->heard = [this](End& end) { heard(end); };
        });
    REQUIRE(opened);
    listener = *std::move(opened);
  }
  void heard(End& end) {
    if (end.text.empty()) return;
    asked.insert(&end);
    if (end.engine && end.engine->handshake().alpn == "h2") return heard_h2(end);
    if (!complete(end.text)) return;
    requests.push_back(std::exchange(end.text, {}));
    last_asked = &end;
    end.say(halves ? response().substr(0, response().size() / 2) : response());
  }
  void heard_h2(End& end) {
    auto& peer = peers[&end];
    if (!peer) {
      peer = std::make_unique<H2Peer>(http::H2Codec::Role::server, end);
      peer->request_came = [this, of = peer.get()](http::StreamId stream) {
        requests.push_back(std::exchange(of->text, {}));
        of->codec.response(stream, {{":status", "200"}}, false);
        of->codec.body(stream, body());
        of->codec.end(stream);
      };
    }
    peer->hear();
  }
  // Out of those that are forgotten: the one that the last request came on.
  std::unique_ptr<End> take_last_asked() {
    const auto found =
        std::find_if(ends.begin(), ends.end(), [this](const auto& end) { return end.get() == last_asked; });
    REQUIRE(found != ends.end());
    return std::move(*found);
  }
  void forget() {
    requests.clear();
    asked.clear();
    peers.clear();
    ends.clear();
  }

  bool halves = false;
  std::vector<std::string> requests;
  std::vector<std::unique_ptr<End>> ends;
  End* last_asked = nullptr;
  std::unordered_set<End*> asked;  // those that something of a request has come on
  std::unordered_map<End*, std::unique_ptr<H2Peer>> peers;
  std::unique_ptr<net::Listener> listener;
};

struct Site {
  explicit Site(std::size_t warm_connections = 0) {
    borehole::test::this_thread_is_spared = true;
    borehole::test::all_threads_lack = true;
    config::Config config;
    config.routers.push_back({"/", "", std::nullopt, {}});
    config.routers.push_back({"/plain/", "http", config::HostPort{"plain.test", 80}, {}});
    const auto at = [](const Upstream& upstream) {
      return config::HostPort{"127.0.0.1", upstream.listener->address().port()};
    };
    config.upstream.resolve = {{"plain.test", 80, at(plain)}, {name, 443, at(secured)}};
    config.upstream.warm_connections = warm_connections;
    Setup setup;
    setup.policy = proxy::Policy::make(std::make_shared<const config::Config>(config)).value();
    setup.trust = authority.trust();
    setup.capture = std::make_shared<const calls::CaptureOptions>();
    setup.authority = authority.authority;
    worker = std::make_unique<Worker>(world, setup);
    address = worker->listen(loopback()).value();
    world.listening.push_back(address);
    worker->start([] {});
  }
  ~Site() { borehole::test::plenty(); }
  // Calls that are recorded, or counted as not, and connections that ended for want of memory.
  std::uint64_t counted() const { return outbox.told + worker->counters().out_of_memory.value(); }

  TestLoop test;
  SystemClock clock;
  fixture::Authority authority;
  tls::ServerContext server_tls{*authority.leaves};
  tls::ClientContext client_tls{authority.trust()};
  Upstream plain{test, nullptr};
  Upstream secured{test, &server_tls};
  net::Resolver resolver{net::system_look_up(), {}};
  net::ResolverClient names{resolver, test.loop};
  Outbox outbox;
  ServerWorld world{clock, ca::LeafKey::make().value(), {}, resolver, outbox, {}};
  net::Address address;
  std::unique_ptr<Worker> worker;
};

// A client with one call, by one way in.
struct Client {
  Client(Site& its_site, Way its_way)
      : site(its_site),
        way(its_way),
        dial(site.test.loop, site.names, {"proxy.test", 0, site.address}, {},
             [this](Result<std::unique_ptr<net::TcpSocket>> socket) {
               REQUIRE(socket);
               end = std::make_unique<End>(*std::move(socket), nullptr);
               end->heard = [this](End&) { heard(); };
               if (way == Way::gateway) return ask();
               end->say(fmt::format("CONNECT {0}:443 HTTP/1.1\r\nHost: {0}:443\r\n\r\n", name));
             }) {}

  void heard() {
    if (asked) {
      if (h2 && !end->text.empty()) h2->hear();
    } else if (!end->engine && end->text.starts_with("HTTP/1.1 200") && end->text.ends_with("\r\n\r\n")) {
      end->text.clear();
      end->engine = site.client_tls.connect({name, 443, {way == Way::h2 ? "h2" : "http/1.1"}});
      REQUIRE(end->engine->start(end->socket->out()));
      end->socket->flush();
    } else if (end->engine && end->engine->established()) {
      ask();
    }
  }
  void ask() {
    asked = true;
    if (way != Way::h2) return end->say(request(way));
    h2 = std::make_unique<H2Peer>(http::H2Codec::Role::client, *end);
    const auto stream = h2->codec.request(
        {{":method", "POST"}, {":scheme", "https"}, {":authority", name}, {":path", "/model/m/invoke"}}, false);
    h2->codec.body(stream, body());
    h2->codec.end(stream);
    h2->hear();
  }

  const std::string& answer() const { return h2 ? h2->text : end->text; }
  const std::string& wanted() const { return h2 ? body() : response(); }
  bool whole() const { return asked && answer() == wanted() && (!h2 || (h2->whole && h2->status == "200")); }
  // Told so by the proxy. BoringSSL may have taken a lack of memory for a fault of the certificate.
  bool refused() const {
    return end && (h2 ? h2->status.starts_with("50") : end->text.starts_with("HTTP/1.1 50")) && answer().ends_with('}');
  }
  bool over() const { return end && (is_over(*end) || (h2 && h2->reset)); }

  Site& site;
  Way way;
  bool asked = false;
  std::unique_ptr<End> end;
  std::unique_ptr<H2Peer> h2;
  net::Dial dial;
};

struct Tally {
  int whole = 0, refused = 0, cut = 0;
};

// One call, in which the worker has no memory for the `nth` allocation. False: it had it for all.
bool call_short_of_memory(Site& site, Way way, Lack kind, long nth, Tally& tally) {
  Upstream& upstream = way == Way::gateway ? site.plain : site.secured;
  upstream.forget();
  const std::uint64_t counted = site.counted();
  borehole::test::run_short(kind, nth);
  Client client(site, way);
  const bool told = test::until(site.test, [&] { return client.whole() || client.refused() || client.over(); });
  INFO("asked " << client.asked << ", status " << (client.h2 ? client.h2->status : "") << ", answer "
                << (client.end ? client.answer().substr(0, 200) : "no connection") << " of "
                << (client.end ? client.answer().size() : 0) << ", counted " << site.counted() - counted
                << ", requests " << upstream.requests.size());
  REQUIRE(told);
  borehole::test::plenty();
  // Nothing is sent twice, and nothing but what was sent; nobody is told that a part is all.
  CHECK(upstream.requests.size() <= 1);
  if (!upstream.requests.empty()) CHECK(upstream.requests.front().ends_with(body()));
  if (client.whole()) {
    ++tally.whole;
    return borehole::test::ran_out;
  }
  ++(client.refused() ? tally.refused : tally.cut);
  if (client.asked && !client.refused()) CHECK(client.wanted().starts_with(client.answer()));
  CHECK(test::until(site.test, [&] { return site.counted() > counted; }));
  // What has carried a part of a request is of no more use.
  if (upstream.requests.empty()) {
    CHECK(test::until(site.test, [&] {
      return std::all_of(upstream.asked.begin(), upstream.asked.end(), [](const End* end) { return is_over(*end); });
    }));
  }
  return true;
}

}  // namespace

TEST_CASE("where memory runs out in an event of a connection it alone ends, and others go on", "[memory]") {
  const auto [way, kind, step, warm] =
      GENERATE(table<Way, Lack, long, std::size_t>({{Way::gateway, Lack::once, 1, 0},
                                                    {Way::gateway, Lack::once, 1, 2},
                                                    {Way::gateway, Lack::from_then_on, 1, 0},
                                                    {Way::gateway, Lack::from_then_on, 1, 2},
                                                    {Way::connect, Lack::once, 13, 0},
                                                    {Way::connect, Lack::from_then_on, 31, 0},
                                                    {Way::h2, Lack::once, 13, 0},
                                                    {Way::h2, Lack::from_then_on, 31, 0}}));
  Site site(warm);
  Tally tally;
  REQUIRE_FALSE(call_short_of_memory(site, way, Lack::none, 0, tally));
  REQUIRE(tally.whole == 1);
  long nth = 0;
  for (bool ran_out = true; ran_out; nth += step) {
    INFO("way " << static_cast<int>(way) << ", allocation " << nth << ", warm connections " << warm);
    REQUIRE(nth < 20'000);
    // Another call is under way meanwhile.
    site.plain.halves = true;
    Client other(site, Way::gateway);
    REQUIRE(test::until(site.test, [&] { return other.end && other.answer().size() == response().size() / 2; }));
    site.plain.halves = false;
    const auto others_upstream = site.plain.take_last_asked();

    ran_out = call_short_of_memory(site, way, kind, nth, tally);

    others_upstream->say(response().substr(response().size() / 2));
    REQUIRE(test::until(site.test, [&] { return other.whole() || other.over(); }));
    REQUIRE(other.whole());
  }

  CHECK(tally.cut + tally.refused > 10);
  CHECK(site.worker->counters().out_of_memory.value() > 0);
  CHECK(test::until(site.test, [&] { return site.worker->counters().open.value() == 0; }));
  CHECK(site.world.open == 0);
}

TEST_CASE("where memory runs out while a name is looked up its question fails, and the next is answered", "[memory]") {
  borehole::test::all_threads_lack = true;
  long nth = 0;
  int failed = 0;
  for (bool ran_out = true; ran_out; ++nth) {
    TestLoop test;
    net::Resolver resolver(
        [](const std::string&) -> Result<std::vector<net::Address>> { return std::vector{loopback()}; }, {});
    net::ResolverClient client(resolver, test.loop);
    bool answered = false, found = false;
    const auto ask = [&] {
      client.resolve("a-name-that-is-too-long-to-need-no-memory.test", [&](Result<std::vector<net::Address>> answer) {
        answered = true;
        found = answer.has_value();
        test.stop();
      });
    };
    bool asked = true;
    borehole::test::this_thread_is_spared = false;
    borehole::test::run_short(Lack::once, nth);
    try {
      ask();
    } catch (const std::bad_alloc&) {
      asked = false;
    }
    if (asked) test.run();
    borehole::test::plenty();
    borehole::test::this_thread_is_spared = true;
    INFO("allocation " << nth);
    CHECK(answered == asked);
    ran_out = borehole::test::ran_out;
    failed += found ? 0 : 1;
    ask();
    REQUIRE(test.run());
    CHECK(found);
    REQUIRE(nth < 1000);
  }
  CHECK(failed > 5);
}

TEST_CASE("where memory runs out in the search for a client's process it is not known, and others are asked for",
          "[memory]") {
  borehole::test::this_thread_is_spared = true;
  borehole::test::all_threads_lack = true;
  long nth = 0;
  for (bool ran_out = true; ran_out; ++nth) {
    INFO("allocation " << nth);
    REQUIRE(nth < 1000);
    net::OwnerSearch search;  // its thread begins with the first question
    const auto answered = [&search] {
      const auto told = std::make_shared<std::promise<void>>();
      search.find({loopback(), loopback()}, [told](std::optional<net::SocketOwner>) { told->set_value(); });
      return told->get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready;
    };
    borehole::test::run_short(Lack::once, nth);
    const bool in_time = answered();
    borehole::test::plenty();
    REQUIRE(in_time);
    ran_out = borehole::test::ran_out;
    REQUIRE(answered());
  }
  CHECK(nth > 2);
}

}  // namespace borehole::server
