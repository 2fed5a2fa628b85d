#include "app/doctor/responder.h"

#include <atomic>
#include <deque>
#include <thread>
#include <unordered_map>
#include <utility>

#include "ca/certificate_authority.h"
#include "ca/leaf_cache.h"
#include "http/message_reader.h"
#include "net/listener.h"
#include "net/loop.h"
#include "tls/client_hello.h"
#include "tls/server_context.h"

namespace borehole::app::doctor {

namespace {

constexpr Duration linger = std::chrono::seconds(1);
constexpr std::size_t most_hello = std::size_t{64} * 1024;

// Small enough for any SDK: a JSON object without members.
constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amzn-requestid: borehole-doctor\r\ncontent-length: "
    "2\r\nconnection: close\r\n\r\n{}";

}  // namespace

struct Responder::State {
  struct Door {
    std::unique_ptr<net::Listener> listener;
    std::atomic<bool> connected{false};
    std::atomic<bool> asked{false};
  };

  // One request a connection.
  class Caller final : public net::TcpObserver {
   public:
    Caller(State& state, Door& door, std::unique_ptr<net::TcpSocket> socket)
        : state_(state), door_(door), socket_(std::move(socket)), reader_(http::Role::request) {
      socket_->observe(this);
      socket_->set_reading(true);
    }
    void on_received(Bytes bytes) noexcept override {
      if (!engine_) {
        hello_ += bytes;
        const auto hello = tls::read_client_hello(hello_);
        if (hello.status == tls::HelloStatus::need_more && hello_.size() < most_hello) return;
        if (hello.status != tls::HelloStatus::complete) return leave();
        engine_ = state_.server_tls.accept({hello.hello.server_name});
        if (const auto begun = engine_->start(socket_->out()); !begun) return leave();
        return decrypt(hello_);
      }
      decrypt(bytes);
    }
    void on_ended() noexcept override { leave(); }
    void on_broken(const Error&) noexcept override { leave(); }
    void on_written() noexcept override {}

   private:
    void decrypt(Bytes bytes) {
      const auto progress = engine_->feed(bytes, plaintext_, socket_->out());
      socket_->flush();
      if (!progress) return leave();
      while (true) {
        const auto read = reader_.feed(plaintext_.view());
        if (!read) return leave();
        plaintext_.consume(read->consumed);
        if (read->step == http::MessageReader::Step::head) door_.asked = true;
        if (read->step == http::MessageReader::Step::complete) return give_answer();
        if (read->step == http::MessageReader::Step::more) break;
      }
      if (progress->closed) leave();
    }
    void give_answer() {
      if (const auto written = engine_->write(answer, socket_->out()); !written) return leave();
      engine_->close(socket_->out());
      net::TcpSocket::finish_and_close(std::move(socket_), linger);
      leave();
    }
    void leave() { state_.bury(*this); }

    State& state_;
    Door& door_;
    std::unique_ptr<net::TcpSocket> socket_;
    http::MessageReader reader_;
    std::string hello_;
    std::unique_ptr<tls::Engine> engine_;
    Buffer plaintext_;
  };

  State(std::shared_ptr<const ca::CertificateAuthority> made, std::shared_ptr<const ca::LeafKey> key)
      : authority(std::move(made)),
        leaves(authority, std::move(key), {}, clock),
        server_tls(leaves),
        burial(loop, [this] { dead.clear(); }),
        halt(loop, [this] {
          callers.clear();
          for (Door& door : doors) door.listener.reset();
          loop.stop();
        }) {}

  void bury(Caller& caller) {
    const auto found = callers.find(&caller);
    if (found == callers.end()) return;
    dead.push_back(std::move(found->second));
    callers.erase(found);
    burial.start(Duration::zero());
  }

  SystemClock clock;
  std::shared_ptr<const ca::CertificateAuthority> authority;
  net::Loop loop;
  ca::LeafCache leaves;
  tls::ServerContext server_tls;
  std::deque<Door> doors;  // they do not move
  std::unordered_map<Caller*, std::unique_ptr<Caller>> callers;
  std::vector<std::unique_ptr<Caller>> dead;
  net::Timer burial;
  net::Wakeup halt;
  std::thread thread;
};

Responder::Responder(std::unique_ptr<State> state) : state_(std::move(state)) {}

Responder::~Responder() {
  if (!state_->thread.joinable()) return;
  state_->halt.send();
  state_->thread.join();
}

Result<std::unique_ptr<Responder>> Responder::start(const std::string& folder, std::size_t ports) {
  auto authority = ca::CertificateAuthority::open_or_create(folder, {{"amazonaws.com"}, {}}, SystemClock().wall());
  if (!authority) return unexpected(std::move(authority).error());
  auto key = ca::LeafKey::make();
  if (!key) return unexpected(std::move(key).error());
  auto state = std::make_unique<State>(*std::move(authority), *std::move(key));
  for (std::size_t i = 0; i < ports; ++i) {
    State::Door& door = state->doors.emplace_back();
    auto listener = net::Listener::open(state->loop, *net::Address::parse("127.0.0.1", 0), false,
                                        [s = state.get(), &door](std::unique_ptr<net::TcpSocket> socket) {
                                          door.connected = true;
                                          auto caller = std::make_unique<State::Caller>(*s, door, std::move(socket));
                                          s->callers.emplace(caller.get(), std::move(caller));
                                        });
    if (!listener) return unexpected(std::move(listener).error());
    door.listener = *std::move(listener);
  }
  state->thread = std::thread([s = state.get()] { s->loop.run(); });
  return std::unique_ptr<Responder>(new Responder(std::move(state)));
}

std::uint16_t Responder::port(std::size_t number) const { return state_->doors.at(number).listener->address().port(); }
std::string Responder::ca_file() const { return state_->authority->folder() + "/ca.pem"; }
Arrival Responder::arrival(std::size_t number) const {
  const State::Door& door = state_->doors.at(number);
  return {door.connected, door.asked};
}

}  // namespace borehole::app::doctor
