#include "app/running_proxy.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "app/client_environment.h"
#include "net/address.h"
#include "net/listener_owner.h"

namespace borehole::app {

namespace {

constexpr timeval patience{2, 0};  // it is on this machine
constexpr std::size_t largest_answer = 64 * 1024;

struct CloseFile {
  int fd = -1;
  ~CloseFile() {
    if (fd >= 0) close(fd);
  }
};

// The body of a 200; the admin port closes behind its answer.
std::optional<std::string> get(const config::HostPort& address, const std::string& path) {
  const CloseFile socket{dial(address)};
  if (socket.fd < 0) return std::nullopt;
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", path, to_string(address));
  if (send(socket.fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return std::nullopt;
  }
  std::string answer;
  char piece[4096];
  ssize_t n = 0;
  while (answer.size() < largest_answer && (n = recv(socket.fd, piece, sizeof piece, 0)) > 0) {
    answer.append(piece, static_cast<std::size_t>(n));
  }
  const auto body = answer.find("\r\n\r\n");
  if (n != 0 || !answer.starts_with("HTTP/1.1 200 ") || body == std::string::npos) return std::nullopt;
  return answer.substr(body + 4);
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string owner_of(const config::HostPort& address) {
  const auto literal = net::Address::parse(address.host, address.port);
  return literal ? net::foreign_listener(*literal) : std::string();
}

}  // namespace

int dial(const config::HostPort& address) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &wanted, &list) != 0) return -1;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> found(list, &freeaddrinfo);
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    const int fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (fd < 0) continue;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, one->ai_addr, one->ai_addrlen) == 0) return fd;
    close(fd);
  }
  return -1;
}

std::optional<config::HostPort> find_running_admin(const config::Config& config) {
  if (!config.admin || config.admin->port == 0) return std::nullopt;
  const config::HostPort admin = reachable({*config.admin});
  const auto its_ca = get(admin, "/ca.pem");
  if (!its_ca || its_ca->empty() || *its_ca != content_of(config.ca.dir + "/ca.pem")) return std::nullopt;
  return admin;
}

std::optional<config::HostPort> find_running_proxy(const config::Config& config) {
  if (!config.admin || config.admin->port == 0) return std::nullopt;
  const config::HostPort proxy = reachable(config.listen);
  const config::HostPort admin = reachable({*config.admin});
  if (proxy.port == 0 || !get(admin, "/readyz") || !find_running_admin(config)) return std::nullopt;
  // Started with another --listen, it has its admin port all the same.
  if (const CloseFile reached{dial(proxy)}; reached.fd < 0) return std::nullopt;
  if (owner_of(proxy) != owner_of(admin)) return std::nullopt;
  return proxy;
}

}  // namespace borehole::app
