#include "web/admin_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "http/message_reader.h"
#include "http/target.h"
#include "net/listener.h"
#include "net/tcp_socket.h"

namespace borehole::web {

namespace {

constexpr Duration patience = std::chrono::seconds(30);
constexpr Duration linger = std::chrono::seconds(2);

std::string response(int status, std::string_view reason, std::string_view type, std::string_view body,
                     bool head_only) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\nx-content-type-options: "
      "nosniff\r\n"
      "connection: close\r\n\r\n{}",
      status, reason, type, body.size(), head_only ? std::string_view() : body);
}

}  // namespace

struct AdminServer::State {
  // One request a connection: what asks here is a probe, a script or a person.
  class Connection final : public net::TcpObserver {
   public:
    Connection(State& state, std::unique_ptr<net::TcpSocket> socket)
        : state_(state),
          socket_(std::move(socket)),
          reader_(http::Role::request, {16 * 1024, 1024, 1024}),
          timer_(state.loop, [this] { leave(); }) {
      socket_->observe(this);
      socket_->set_reading(true);
      timer_.start(patience);
    }
    void on_received(Bytes bytes) noexcept override {
      auto progress = reader_.feed(bytes);
      if (!progress) return answer(response(400, "Bad Request", "text/plain", progress.error().detail + "\n", false));
      if (progress->step == http::MessageReader::Step::head) answer(state_.answer_to(reader_.request_head()));
    }
    void on_ended() noexcept override { leave(); }
    void on_broken(const Error&) noexcept override { leave(); }
    void on_written() noexcept override {}

   private:
    void answer(const std::string& text) {
      socket_->out().append(text);
      net::TcpSocket::finish_and_close(std::move(socket_), linger);
      leave();
    }
    void leave() { state_.bury(*this); }

    State& state_;
    std::unique_ptr<net::TcpSocket> socket_;
    http::MessageReader reader_;
    net::Timer timer_;
  };

  State(net::Loop& l, std::string host, AdminContent c)
      : loop(l), listen_host(std::move(host)), content(std::move(c)), burial(l, [this] { dead.clear(); }) {}

  void bury(Connection& connection) {
    const auto found = connections.find(&connection);
    if (found == connections.end()) return;
    dead.push_back(std::move(found->second));
    connections.erase(found);
    burial.start(Duration::zero());
  }

  bool host_allowed(const http::RequestHead& head) const {
    const auto field = head.find("host");
    if (!field) return true;
    const auto authority = http::parse_authority(*field, 80);
    return authority && (authority->is_ip || authority->host == "localhost" ||
                         authority->host.ends_with(".localhost") || authority->host == listen_host);
  }

  std::string answer_to(const http::RequestHead& head) const {
    const bool head_only = head.method() == "HEAD";
    if (!host_allowed(head)) {
      return response(403, "Forbidden", "text/plain", "This Host is not the admin port's; use localhost.\n", head_only);
    }
    if (head.method() != "GET" && !head_only)
      return response(405, "Method Not Allowed", "text/plain", "Only GET and HEAD.\n", head_only);
    const Bytes path = http::path_of(head.target());
    if (path == "/healthz") return response(200, "OK", "text/plain", "ok\n", head_only);
    if (path == "/ca.pem") return response(200, "OK", "application/x-pem-file", content.ca_pem, head_only);
    if (path == "/readyz") {
      const auto wrong = content.not_ready();
      if (wrong.empty()) return response(200, "OK", "text/plain", "ready\n", head_only);
      std::string text;
      for (const auto& sentence : wrong) text += sentence + "\n";
      return response(503, "Service Unavailable", "text/plain", text, head_only);
    }
    return response(404, "Not Found", "text/plain", "There are /healthz, /readyz and /ca.pem here.\n", head_only);
  }

  net::Loop& loop;
  std::string listen_host;
  AdminContent content;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections;
  std::vector<std::unique_ptr<Connection>> dead;
  net::Timer burial;
  std::unique_ptr<net::Listener> listener;
};

AdminServer::AdminServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
AdminServer::~AdminServer() = default;

Result<std::unique_ptr<AdminServer>> AdminServer::open(net::Loop& loop, const net::Address& address,
                                                       std::string listen_host, AdminContent content) {
  auto state = std::make_unique<State>(loop, std::move(listen_host), std::move(content));
  auto listener = net::Listener::open(loop, address, false, [s = state.get()](std::unique_ptr<net::TcpSocket> socket) {
    auto connection = std::make_unique<State::Connection>(*s, std::move(socket));
    s->connections.emplace(connection.get(), std::move(connection));
  });
  if (!listener) return unexpected(std::move(listener).error());
  state->listener = *std::move(listener);
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(state)));
}

const net::Address& AdminServer::address() const noexcept { return state_->listener->address(); }

}  // namespace borehole::web
