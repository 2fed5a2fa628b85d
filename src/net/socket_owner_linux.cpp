#include <dirent.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "net/socket_owner.h"
#include "net/socket_table.h"

namespace borehole::net {

namespace {

constexpr std::size_t most_recent = 16;  // processes

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void take_address(const Address& address, std::uint32_t (&octets)[4], std::uint16_t& port, std::uint32_t& interface) {
  if (address.is_v6()) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address.data(), sizeof v6);
    std::memcpy(octets, &v6.sin6_addr, sizeof v6.sin6_addr);
    interface = v6.sin6_scope_id;
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, address.data(), sizeof v4);
    std::memcpy(octets, &v4.sin_addr, sizeof v4.sin_addr);
  }
  port = htons(address.port());
}

// Asks the kernel about one connection (sock_diag(7)).
class SocketDiagnosis {
 public:
  SocketDiagnosis() : netlink_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {
    const timeval patience{0, 100'000};
    if (netlink_ >= 0) (void)setsockopt(netlink_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~SocketDiagnosis() {
    if (netlink_ >= 0) close(netlink_);
  }
  SocketDiagnosis(const SocketDiagnosis&) = delete;
  SocketDiagnosis& operator=(const SocketDiagnosis&) = delete;

  // The inode of the client's socket; 0: there is none. Nothing: the kernel does not answer such questions.
  std::optional<std::uint64_t> inode_of(const ConnectionEnds& connection) {
    struct {
      nlmsghdr header;
      inet_diag_req_v2 request;
    } question{};
    question.header.nlmsg_len = sizeof question;
    question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question.header.nlmsg_flags = NLM_F_REQUEST;
    question.header.nlmsg_seq = ++sequence_;
    inet_diag_req_v2& request = question.request;
    request.sdiag_family = connection.remote.is_v6() ? AF_INET6 : AF_INET;
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = ~0U;
    // From where the client stands: what is remote here is its own address.
    take_address(connection.remote, request.id.idiag_src, request.id.idiag_sport, request.id.idiag_if);
    take_address(connection.local, request.id.idiag_dst, request.id.idiag_dport, request.id.idiag_if);
    request.id.idiag_cookie[0] = request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    if (netlink_ < 0 || ::send(netlink_, &question, sizeof question, 0) < 0) return std::nullopt;
    return answer(request.id);
  }

 private:
  std::optional<std::uint64_t> answer(const inet_diag_sockid& wanted) const {
    for (;;) {
      alignas(nlmsghdr) std::array<char, 8192> octets{};
      const ssize_t size = ::recv(netlink_, octets.data(), octets.size(), 0);
      if (size < 0 && errno == EINTR) continue;
      if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
      nlmsghdr header{};
      std::memcpy(&header, octets.data(), sizeof header);
      if (header.nlmsg_seq != sequence_) continue;  // of a question that was given up
      if (header.nlmsg_type == NLMSG_ERROR) {
        nlmsgerr error{};
        if (static_cast<std::size_t>(size) < NLMSG_HDRLEN + sizeof error) return std::nullopt;
        std::memcpy(&error, octets.data() + NLMSG_HDRLEN, sizeof error);
        return error.error == -ENOENT ? std::optional<std::uint64_t>(0) : std::nullopt;
      }
      inet_diag_msg told{};
      if (static_cast<std::size_t>(size) < NLMSG_HDRLEN + sizeof told) return std::nullopt;
      std::memcpy(&told, octets.data() + NLMSG_HDRLEN, sizeof told);
      // Where the client's socket is gone, one that listens on its port may be told instead.
      const bool same = told.id.idiag_sport == wanted.idiag_sport && told.id.idiag_dport == wanted.idiag_dport;
      return same ? told.idiag_inode : 0;
    }
  }

  int netlink_;
  std::uint32_t sequence_ = 0;
};

std::uint64_t listed_inode(const ConnectionEnds& connection) {
  std::uint64_t inode = 0;
  each_listed_socket(connection.remote.port(), [&](const ListedSocket& socket) {
    if (socket.local == connection.remote && socket.remote == connection.local) {
      inode = number_of<std::uint64_t>(socket.inode).value_or(0);
    }
  });
  return inode;
}

// "socket:[4711]", as /proc/PID/fd links to it (proc(5)).
std::optional<std::uint64_t> socket_inode(std::string_view link) {
  constexpr std::string_view before = "socket:[";
  if (!link.starts_with(before) || !link.ends_with(']')) return std::nullopt;
  link.remove_prefix(before.size());
  link.remove_suffix(1);
  return number_of<std::uint64_t>(link);
}

std::vector<std::int64_t> running_processes() {
  std::vector<std::int64_t> out;
  const Folder folder(opendir("/proc"));
  if (!folder) return out;
  while (const dirent* entry = readdir(folder.get())) {
    if (const auto pid = number_of<std::int64_t>(entry->d_name)) out.push_back(*pid);
  }
  std::sort(out.rbegin(), out.rend());  // clients are younger than most
  return out;
}

std::string folder_of(std::int64_t pid) { return "/proc/" + std::to_string(pid); }

// As the system calls it; empty: it is gone.
std::string name_of(std::int64_t pid) {
  const int file = ::open((folder_of(pid) + "/comm").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::array<char, 64> name{};  // at most 16 octets, and a line end
  const ssize_t size = ::read(file, name.data(), name.size());
  close(file);
  const std::string_view text(name.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

bool from_this_machine(const ConnectionEnds& connection) noexcept {
  return connection.remote.kind() == AddressKind::loopback || connection.remote.ip() == connection.local.ip();
}

struct SocketOwners::State {
  SocketDiagnosis diagnosis;
  // A process that was found, and the descriptor that was it: one that opens a connection for each call has the next
  // one there too.
  struct Holder {
    std::int64_t pid = 0;
    std::string descriptor;
  };
  using Wanted = std::multimap<std::uint64_t, std::size_t>;  // indexes by inode
  using Found = std::vector<std::optional<SocketOwner>>;
  std::vector<Holder> recent;  // the last one first

  std::uint64_t inode_of(const ConnectionEnds& connection) {
    const auto told = diagnosis.inode_of(connection);
    return told ? *told : listed_inode(connection);
  }

  // Takes those out of `wanted` that the link, relative to `folder`, names. False: none is.
  static bool take(std::int64_t pid, int folder, const char* path, Wanted& wanted, Found& found) {
    std::array<char, 64> link{};
    const ssize_t size = readlinkat(folder, path, link.data(), link.size());
    if (size <= 0) return false;
    const auto inode = socket_inode({link.data(), static_cast<std::size_t>(size)});
    if (!inode) return false;
    const auto [first, last] = wanted.equal_range(*inode);
    if (first == last) return false;
    const SocketOwner owner{pid, name_of(pid)};
    for (auto one = first; one != last; ++one) found[one->second] = owner;
    wanted.erase(first, last);
    return true;
  }

  void look_at_recent(Wanted& wanted, Found& found) {
    const std::vector<Holder> holders = recent;
    for (const Holder& holder : holders) {
      if (wanted.empty()) return;
      (void)take(holder.pid, AT_FDCWD, (folder_of(holder.pid) + "/fd/" + holder.descriptor).c_str(), wanted, found);
    }
    for (const Holder& holder : holders) {
      if (wanted.empty()) return;
      look_at(holder.pid, wanted, found);
    }
  }

  void look_at(std::int64_t pid, Wanted& wanted, Found& found) {
    const std::string path = folder_of(pid) + "/fd";
    const Folder folder(opendir(path.c_str()));
    if (!folder) return;
    std::string held;
    while (const dirent* entry = wanted.empty() ? nullptr : readdir(folder.get())) {
      if (take(pid, dirfd(folder.get()), entry->d_name, wanted, found)) held = entry->d_name;
    }
    if (held.empty()) return;
    std::erase_if(recent, [pid](const Holder& holder) { return holder.pid == pid; });
    recent.insert(recent.begin(), {pid, std::move(held)});
    if (recent.size() > most_recent) recent.pop_back();
  }
};

SocketOwners::SocketOwners() : state_(std::make_unique<State>()) {}
SocketOwners::~SocketOwners() = default;

std::vector<std::optional<SocketOwner>> SocketOwners::find(const std::vector<ConnectionEnds>& connections,
                                                           Duration patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  const auto late = [&] { return std::chrono::steady_clock::now() >= end; };
  State::Found found(connections.size());
  State::Wanted wanted;
  for (std::size_t i = 0; i < connections.size() && !late(); ++i) {
    if (const auto inode = state_->inode_of(connections[i]); inode != 0) wanted.emplace(inode, i);
  }
  state_->look_at_recent(wanted, found);
  // Who is gone meanwhile is looked for in no other process.
  std::erase_if(wanted, [&](const auto& one) { return state_->inode_of(connections[one.second]) != one.first; });
  if (wanted.empty()) return found;
  const std::int64_t self = getpid();
  for (const std::int64_t pid : running_processes()) {
    if (wanted.empty() || late()) break;
    if (pid != self) state_->look_at(pid, wanted, found);
  }
  return found;
}

}  // namespace borehole::net
