#include "app/live_connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "app/client_environment.h"
#include "app/running_proxy.h"

namespace borehole::app {

namespace {

constexpr std::size_t longest_head = std::size_t{16} * 1024;

Unexpected<Error> no_answer(std::string sentence) {
  return unexpected(Error{ErrorCode::not_found, Fault::proxy, std::move(sentence)});
}

}  // namespace

LiveConnection::~LiveConnection() { close(socket_); }

Result<std::unique_ptr<LiveConnection>> LiveConnection::open(const config::HostPort& admin) {
  const int socket = dial(admin);
  if (socket < 0) return no_answer(fmt::format("nothing answers at {}", to_string(admin)));
  std::unique_ptr<LiveConnection> made(new LiveConnection(socket));
  const std::string request =
      fmt::format("GET /api/calls/live HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n\r\n", to_string(admin));
  if (send(socket, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return no_answer(fmt::format("{} does not take a request", to_string(admin)));
  }
  std::string head;
  std::size_t end = std::string::npos;
  char piece[4096];
  while (end == std::string::npos && head.size() < longest_head) {
    const ssize_t n = recv(socket, piece, sizeof piece, 0);
    if (n <= 0) break;
    head.append(piece, static_cast<std::size_t>(n));
    end = head.find("\r\n\r\n");
  }
  if (end == std::string::npos || !head.starts_with("HTTP/1.1 200 ")) {
    const auto line = head.substr(0, head.find('\r'));
    return no_answer(fmt::format("{} answers {}", to_string(admin), line.empty() ? "nothing" : line));
  }
  made->decoder_.feed(std::string_view(head).substr(end + 4));
  (void)fcntl(socket, F_SETFL, O_NONBLOCK);
  return made;
}

bool LiveConnection::read(const Take& take) {
  give(take);
  char piece[16 * 1024];
  for (;;) {
    const ssize_t n = recv(socket_, piece, sizeof piece, 0);
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (n == 0) return false;
    decoder_.feed({piece, static_cast<std::size_t>(n)});
    give(take);
    if (decoder_.error()) return false;
  }
}

void LiveConnection::give(const Take& take) {
  while (const auto event = decoder_.next()) {
    if (const auto value = bedrock::JsonValue::parse(event->data)) take(event->type, event->data, *value);
  }
}

}  // namespace borehole::app
