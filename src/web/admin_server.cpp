#include "web/admin_server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <new>
#include <utility>

#include "http/target.h"
#include "net/errands.h"
#include "net/listener.h"
#include "net/socket_table.h"
#include "net/tcp_socket.h"
#include "web/background.h"
#include "web/calls_api.h"
#include "web/metrics.h"
#include "web/query.h"

namespace borehole::web {

namespace {

constexpr Duration refused_linger = std::chrono::seconds(2);
constexpr Bytes calls_path = "/api/calls";
constexpr Bytes live_path = "/api/calls/live";
constexpr Bytes explain_path = "/explain";
constexpr const char* for_owner_only =
    "The recorded calls are shown to the user that borehole runs as and to root; ask as one of them, or with a name "
    "and "
    "password of `auth.users_file` (Basic).";
constexpr const char* pages = "/healthz, /readyz, /metrics, /ca.pem, /ca.der, /bundle.pem, /api/status and /api/calls";

Response typed(std::string_view type, std::string body) {
  Response response;
  response.type = type;
  response.body = std::move(body);
  return response;
}

Response certificate(std::string_view type, const std::string& content) {
  if (content.empty()) return text_response(404, "The CA's folder does not hold this file; there is /ca.pem.");
  return typed(type, content);
}

// The store is its owner's alone; this port must not be the way around that for others on this machine.
bool is_of_another_user(const net::Address& client, const net::Address& local) {
  const auto user = net::user_at(client, local);
  return user && *user != 0 && *user != geteuid();
}

// Path and query, of origin and absolute form alike; empty for `*` and authorities.
Bytes origin_of(const http::RequestHead& head) {
  const auto target = http::split_target(head.method(), head.target());
  return target ? target->origin : Bytes();
}

}  // namespace

struct AdminServer::State {
  State(net::Loop& l, AdminOptions o, AdminContent c)
      : loop(l),
        options(std::move(o)),
        content(std::move(c)),
        background(l, options.queries_waiting),
        errands(l),
        feed(content.live != nullptr ? std::make_unique<LiveFeed>(l, *content.live, options.live) : nullptr),
        burial(l, [this] { dead.clear(); }),
        site{l, options.patience,
             [this](const AdminRequest& request, const Answer& answer) { handle(request, answer); },
             [this](AdminConnection& connection) { bury(connection); }} {}

  void accept(std::unique_ptr<net::TcpSocket> socket);
  void bury(AdminConnection& connection) noexcept;
  bool make_room();
  void handle(const AdminRequest& request, const Answer& answer);
  std::optional<Asker> asker_of(const AdminRequest& request);
  Response page(Bytes path, bool trusted_client) const;
  Response readyz(bool trusted_client) const;
  void calls(const AdminRequest& request, Bytes origin, Asker asker, const Answer& answer);
  void live(const AdminRequest& request, Bytes origin, Asker asker, const Answer& answer);
  std::shared_ptr<BodyStream> look_on() noexcept;

  net::Loop& loop;
  AdminOptions options;
  AdminContent content;
  const SystemClock clock;
  Background background;
  net::Errands errands;
  std::unique_ptr<LiveFeed> feed;
  // What is over is moved from one to the other, which needs no memory.
  std::map<AdminConnection*, std::unique_ptr<AdminConnection>> connections, dead;
  net::Timer burial;
  AdminConnection::Site site;
  std::unique_ptr<net::Listener> listener;
};

void AdminServer::State::accept(std::unique_ptr<net::TcpSocket> socket) {
  if (connections.size() >= options.connections && !make_room()) {
    socket->out().append(to_octets(
        text_response(503, fmt::format("The admin port serves {} connections at a time; try again when one has ended.",
                                       options.connections)),
        false, true));
    return net::TcpSocket::finish_and_close(std::move(socket), refused_linger);
  }
  auto connection = std::make_unique<AdminConnection>(site, std::move(socket));
  AdminConnection* const begun = connection.get();
  connections.emplace(begun, std::move(connection));
}

bool AdminServer::State::make_room() {
  AdminConnection* longest = nullptr;
  for (const auto& [connection, owned] : connections) {
    if (connection->idle() && (longest == nullptr || connection->idle_since() < longest->idle_since()))
      longest = connection;
  }
  if (longest == nullptr) return false;
  longest->finish();
  return true;
}

void AdminServer::State::bury(AdminConnection& connection) noexcept {
  const auto found = connections.find(&connection);
  if (found == connections.end()) return;
  dead.insert(connections.extract(found));
  burial.start(Duration::zero());
}

void AdminServer::State::handle(const AdminRequest& request, const Answer& answer) {
  const Bytes origin = origin_of(request.head);
  const Bytes path = http::path_of(origin);
  if (auto refused = refuse_form(request.head, request.framing, request.content_length, options.gate))
    return answer(*refused);
  const auto asker = asker_of(request);
  if (!asker) return;
  if (auto refused = refuse_stranger(path, options.gate, *asker)) return answer(*refused);
  if (path == live_path && feed) return live(request, origin, *asker, answer);
  if (path == calls_path || path.starts_with("/api/calls/")) return calls(request, origin, *asker, answer);
  answer(page(path, trusted(options.gate, *asker)));
}

// Nothing: its password must be checked, which takes a while; the request comes again then.
std::optional<Asker> AdminServer::State::asker_of(const AdminRequest& request) {
  if (request.verdict) return request.verdict;
  const auto credentials = credentials_of(request.head, options.gate);
  if (!credentials) return Asker{};
  const std::string from = request.client.holder();
  if (const auto verdict = options.gate.users->judge_at_once(*credentials, from, clock.now())) return verdict;
  // All is made now: the thread that answers needs no memory for it.
  const auto verdict = std::make_shared<config::UsersFile::Verdict>();
  const auto errand = std::make_shared<net::Errands::Errand>([again = request.again, verdict] { again(*verdict); });
  options.passwords->ask(options.gate.users, *credentials, from,
                         [sender = errands.sender(), errand, verdict](config::UsersFile::Verdict judged) {
                           *verdict = judged;
                           sender.send(std::move(*errand));
                         });
  return std::nullopt;
}

Response AdminServer::State::page(Bytes path, bool trusted_client) const {
  if (path == "/healthz") return text_response(200, "ok");
  if (path == "/readyz") return readyz(trusted_client);
  if (path == "/metrics") return typed(metrics_type, content.metrics());
  if (path == "/api/status") return typed("application/json", content.status());
  if (path == "/ca.pem") return certificate("application/x-pem-file", content.ca.ca_pem);
  if (path == "/bundle.pem") return certificate("application/x-pem-file", content.ca.bundle_pem);
  if (path == "/ca.der") return certificate("application/pkix-cert", content.ca.ca_der);
  return text_response(404, fmt::format("There are {} here.", pages));
}

Response AdminServer::State::readyz(bool trusted_client) const {
  const Readiness now = content.readiness();
  Response response = text_response(now.wrong.empty() ? 200 : 503, now.wrong.empty() ? "ready" : "not ready");
  if (!trusted_client) return response;
  if (!now.wrong.empty()) response.body.clear();
  for (const auto& sentence : now.wrong) response.body += sentence + "\n";
  for (const auto& sentence : now.warnings) response.body += "warning: " + sentence + "\n";
  return response;
}

// The query is read at once, the store in the background.
void AdminServer::State::calls(const AdminRequest& request, Bytes origin, Asker asker, const Answer& answer) {
  const Bytes path = http::path_of(origin);
  const auto parameters = parse_query(query_of(origin));
  if (!parameters) return answer(json_error(400, parameters.error().detail));
  std::function<Response(const std::string&, TimePoint)> read;
  if (path == calls_path) {
    auto query = read_calls_query(*parameters, clock.wall());
    if (!query) return answer(json_error(400, query.error().detail));
    read = [query = *std::move(query)](const std::string& store, TimePoint end) {
      return list_calls(store, query, end);
    };
  } else {
    Bytes id = path.substr(calls_path.size() + 1);
    if (id.ends_with(explain_path)) {
      id.remove_suffix(explain_path.size());
      if (!parameters->empty())
        return answer(json_error(400, "/api/calls/ID/explain has no parameters; leave the query out."));
      read = [id = std::string(id)](const std::string& store, TimePoint end) { return explain_call(store, id, end); };
    } else {
      const auto format = read_call_format(*parameters);
      if (!format) return answer(json_error(400, format.error().detail));
      read = [id = std::string(id), format = *format, version = content.version](
                 const std::string& store, TimePoint end) { return show_call(store, id, format, version, end); };
    }
  }
  if (!content.store) return answer(json_error(404, "`record.store` is null, so no calls are kept; set it to a file."));
  const bool known = is_user(asker);
  const auto work = [read = std::move(read), store = *content.store, time = options.query_time, known,
                     client = request.client, local = request.local] {
    if (!known && is_of_another_user(client, local)) return json_error(403, for_owner_only);
    return read(store, std::chrono::steady_clock::now() + time);
  };
  if (!background.run(work, answer)) answer(json_error(503, "Too many queries are waiting; try again in a moment."));
}

// Whose the connection is, the system is asked in the background.
void AdminServer::State::live(const AdminRequest& request, Bytes origin, Asker asker, const Answer& answer) {
  if (!query_of(origin).empty())
    return answer(json_error(400, "/api/calls/live has no parameters; leave the query out."));
  const bool known = is_user(asker);
  const auto work = [known, client = request.client, local = request.local] {
    return !known && is_of_another_user(client, local) ? json_error(403, for_owner_only) : Response();
  };
  // Made now, so that answering needs no memory.
  struct Answers {
    Response stream = typed("text/event-stream", {});
    Response none = json_error(503, "As many look on as may, or borehole is shutting down; try again later.");
  };
  const auto done = [this, answer, made = std::make_shared<Answers>()](const Response& judged) {
    if (judged.status != 200) return answer(judged);
    made->stream.stream = look_on();
    answer(made->stream.stream ? made->stream : made->none);
  };
  if (!background.run(work, done)) answer(json_error(503, "Too many queries are waiting; try again in a moment."));
}

// Null: as many do as may, or as there is memory for.
std::shared_ptr<BodyStream> AdminServer::State::look_on() noexcept {
  try {
    return feed->look_on();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

AdminServer::AdminServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
AdminServer::~AdminServer() = default;

Result<std::unique_ptr<AdminServer>> AdminServer::open(net::Loop& loop, const net::Address& address,
                                                       AdminOptions options, AdminContent content) {
  auto state = std::make_unique<State>(loop, std::move(options), std::move(content));
  auto listener = net::Listener::open(loop, address, false, [s = state.get()](std::unique_ptr<net::TcpSocket> socket) {
    s->accept(std::move(socket));
  });
  if (!listener) return unexpected(std::move(listener).error());
  state->listener = *std::move(listener);
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(state)));
}

void AdminServer::replace(std::shared_ptr<const config::UsersFile> users, CaFiles files) {
  state_->options.gate.users = std::move(users);
  state_->content.ca = std::move(files);
}

void AdminServer::end_streams() {
  if (state_->feed) state_->feed->end();
}

const net::Address& AdminServer::address() const noexcept { return state_->listener->address(); }

}  // namespace borehole::web
