// The upstream of the bench: reads every request whole, answers at once with octets made beforehand, and counts. Never
// waits, never computes an answer.
//
//   origin CA_FOLDER DOMAIN…
//
// Certificates are minted for the names that clients send, if they are the domains or lie below them, by a CA that it
// makes in CA_FOLDER (CA_FOLDER/ca.pem is the one to trust).
// First line on stdout: `listening tls=IP:PORT counters=IP:PORT`. Whoever connects to `counters` is told, as one line
// of JSON, the requests answered and the octets of their bodies so far, and the cipher suite of the newest connection.
//
//   GET /octets/N     N octets
//   GET /events/N/MS  N events (event.h), one in MS milliseconds
//   anything else     an answer of InvokeModel, 0.6 KB
//
// An nginx that answers by `return 200` would not do: it answers before it has read the body.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "ca/certificate_authority.h"
#include "ca/leaf_cache.h"
#include "event.h"
#include "http/message_reader.h"
#include "net/listener.h"
#include "net/loop.h"
#include "tls/server_context.h"
#include "tls_channel.h"

namespace borehole::bench {
namespace {

constexpr std::size_t piece_bytes = std::size_t{64} * 1024;
constexpr std::size_t most_queued = 2 * piece_bytes;

std::string invoke_answer() {
  std::string text =
      "The bore hole goes down through clay, gravel and a band of chalk; at forty metres the water stands still. ";
  while (text.size() < 330) text += "What is seen on the way is written down, metre by metre. ";
  const std::string body = fmt::format(
      R"({{"id":"msg_bdrk_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":"claude-3-5-sonnet-20240620",)"
      R"("content":[{{"type":"text","text":"{}"}}],"stop_reason":"end_turn","stop_sequence":null,)"
      R"("usage":{{"input_tokens":211,"output_tokens":87}}}})",
      text);
  return fmt::format(
      "HTTP/1.1 200 OK\r\nDate: Mon, 02 Mar 2026 10:11:12 GMT\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\nConnection: keep-alive\r\nx-amzn-RequestId: 3f0c9a52-8d0e-4a5c-9a51-6c1f0b7f4e21\r\n"
      "X-Amzn-Bedrock-Invocation-Latency: 912\r\nX-Amzn-Bedrock-Output-Token-Count: 87\r\n"
      "X-Amzn-Bedrock-Input-Token-Count: 211\r\n\r\n{}",
      body.size(), body);
}

struct Shared {
  std::string answer = invoke_answer();
  std::string piece = std::string(piece_bytes, 'o');
  std::uint64_t requests = 0;
  std::uint64_t body_octets = 0;
  std::string cipher;
};

class Connection final : public ChannelObserver {
 public:
  Connection(Shared& shared, net::Loop& loop, std::unique_ptr<net::TcpSocket> socket, TlsChannel::Accept accept,
             std::function<void(Connection&)> over)
      : shared_(shared),
        channel_(std::move(socket), std::move(accept), *this),
        over_(std::move(over)),
        pace_(loop, [this] { send_event(); }) {}
  virtual ~Connection() = default;
  void begin() { channel_.begin(); }

  void on_open() noexcept override {
    shared_.cipher = channel_.handshake().version + " " + channel_.handshake().cipher;
  }

  void on_plaintext(Bytes bytes) noexcept override {
    while (true) {
      auto progress = reader_.feed(bytes);
      if (!progress) return;  // the client sees no answer
      bytes.remove_prefix(progress->consumed);
      for (const Bytes content : reader_.content()) shared_.body_octets += content.size();
      switch (progress->step) {
        case http::MessageReader::Step::more:
        case http::MessageReader::Step::body:
          if (bytes.empty()) return;
          break;
        case http::MessageReader::Step::head: break;
        case http::MessageReader::Step::complete:
          answer(reader_.request_head().target());
          if (bytes.empty()) return;
          break;
      }
    }
  }

  void on_room() noexcept override { send_octets(); }
  void on_over(const std::string&) noexcept override { over_(*this); }

 private:
  void answer(Bytes target) {
    ++shared_.requests;
    constexpr Bytes octets = "/octets/", events = "/events/";
    if (target.starts_with(events)) {
      std::uint64_t interval = 0;
      const auto slash =
          std::from_chars(target.data() + events.size(), target.data() + target.size(), events_left_).ptr;
      if (slash < target.data() + target.size()) std::from_chars(slash + 1, target.data() + target.size(), interval);
      interval_ = std::chrono::milliseconds(interval);
      channel_.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
      due_ = std::chrono::steady_clock::now();
      return send_event();
    }
    if (!target.starts_with(octets)) return channel_.send(shared_.answer);
    std::from_chars(target.data() + octets.size(), target.data() + target.size(), left_);
    channel_.send(
        fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n", left_));
    send_octets();
  }

  void send_event() {
    const TimePoint now = std::chrono::steady_clock::now();
    if (events_left_ == 0) return;
    const std::string event = make_event(now);
    channel_.send(fmt::format("{:x}\r\n{}\r\n{}", event.size(), event, --events_left_ == 0 ? "0\r\n\r\n" : ""));
    channel_.flush();
    due_ += interval_;
    if (events_left_ > 0) pace_.start(due_ - now);
  }

  void send_octets() {
    while (left_ > 0 && channel_.queued() < most_queued) {
      const auto size = std::min<std::uint64_t>(left_, shared_.piece.size());
      channel_.send(Bytes(shared_.piece).substr(0, size));
      left_ -= size;
      channel_.flush();
    }
  }

  Shared& shared_;
  http::MessageReader reader_{http::Role::request};
  TlsChannel channel_;
  std::function<void(Connection&)> over_;
  net::Timer pace_;
  TimePoint due_{};  // the next event
  Duration interval_{};
  std::uint64_t events_left_ = 0;
  std::uint64_t left_ = 0;  // octets of an answer that is on its way
};

int fail(const Error& error) {
  std::cerr << "origin: " << error.detail << '\n';
  return 1;
}

int run(const std::string& ca_folder, const std::vector<std::string>& domains) {
  const SystemClock clock;
  auto authority = ca::CertificateAuthority::open_or_create(ca_folder, {domains, {}}, clock.wall());
  if (!authority) return fail(authority.error());
  auto key = ca::LeafKey::make();
  if (!key) return fail(key.error());
  ca::LeafCacheOptions of_leaves;
  of_leaves.default_names = {domains.front()};  // for who sends no name
  ca::LeafCache leaves(*authority, *key, of_leaves, clock);
  tls::ServerContext context(leaves);

  const TlsChannel::Accept accept = [&](const std::string& name) {
    tls::ServerContext::Options options;
    options.leaf_name = name;
    return context.accept(std::move(options));
  };

  net::Loop loop;
  Shared shared;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections;
  auto listener = net::Listener::open(
      loop, *net::Address::parse("127.0.0.1", 0), false, [&](std::unique_ptr<net::TcpSocket> socket) {
        auto connection = std::make_unique<Connection>(shared, loop, std::move(socket), accept,
                                                       [&](Connection& over) { connections.erase(&over); });
        Connection& begun = *connection;
        connections.emplace(&begun, std::move(connection));
        begun.begin();
      });
  if (!listener) return fail(listener.error());
  auto counters = net::Listener::open(
      loop, *net::Address::parse("127.0.0.1", 0), false, [&](std::unique_ptr<net::TcpSocket> socket) {
        socket->out().append(fmt::format(R"({{"requests":{},"body_octets":{},"tls":"{}"}})"
                                         "\n",
                                         shared.requests, shared.body_octets, shared.cipher));
        net::TcpSocket::finish_and_close(std::move(socket), std::chrono::seconds(1));
      });
  if (!counters) return fail(counters.error());
  std::cout << "listening tls=" << (*listener)->address().to_string()
            << " counters=" << (*counters)->address().to_string() << std::endl;
  net::SignalWatcher on_term(loop, SIGTERM, [&] { loop.stop(); });
  loop.run();
  return 0;
}

}  // namespace
}  // namespace borehole::bench

int main(int count, char** words) {
  if (count < 3) {
    std::cerr << "usage: origin CA_FOLDER DOMAIN…\n";
    return 2;
  }
  return borehole::bench::run(words[1], {words + 2, words + count});
}
