#include "net/resolver.h"

#include <fmt/format.h>
#include <netdb.h>
#include <uv.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/out_of_memory.h"
#include "net/loop_state.h"

namespace borehole::net {

namespace {

using Answer = Result<std::vector<Address>>;

Unexpected<Error> not_resolved(const std::string& host, const std::string& why) {
  return unexpected(
      Error{ErrorCode::dns_failed, Fault::upstream,
            fmt::format("the name \"{}\" was not found ({}); check the host in the call, and this machine's DNS", host,
                        why)});
}

// Names are compared without regard to case (RFC 4343).
std::string lower(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

std::optional<Address> literal(const std::string& host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    return Address::parse(host.substr(1, host.size() - 2), 0);
  return Address::parse(host, 0);
}

class Mailbox;

// Who asked; with the answer, once it is there. Made with the question, so that nothing on the way back needs memory.
struct Waiter {
  std::shared_ptr<Mailbox> mailbox;
  std::uint64_t ticket = 0;
  std::optional<Answer> answer = {};
};
using Waiters = std::list<Waiter>;

// What the answers for one loop cross through. It outlives the client while a look-up still holds it.
class Mailbox {
 public:
  void open(uv_async_t* wake) {
    const std::lock_guard lock(mutex_);
    wake_ = wake;
  }
  void shut() {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
    answers_.clear();
  }
  void post(Waiters& from, Waiters::iterator answered) noexcept {
    const std::lock_guard lock(mutex_);
    if (wake_ == nullptr) return;
    answers_.splice(answers_.end(), from, answered);
    uv_async_send(wake_);
  }
  Waiters take() noexcept {
    Waiters taken;
    const std::lock_guard lock(mutex_);
    taken.swap(answers_);
    return taken;
  }

 private:
  std::mutex mutex_;
  uv_async_t* wake_ = nullptr;
  Waiters answers_;
};

// `found`, or that there was no memory for it.
void answer_with(std::optional<Answer>& answer, const Answer& found) noexcept {
  try {
    answer = found;
  } catch (const std::bad_alloc&) {
    answer = unexpected(out_of_memory());
  }
}

}  // namespace

LookUp system_look_up() {
  return [](const std::string& host) -> Answer {
    if (host.empty() || host.find('\0') != std::string::npos) return not_resolved(host, "it is not a name");
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (status != 0) {
      return not_resolved(host, status == EAI_SYSTEM ? std::generic_category().message(errno) : gai_strerror(status));
    }
    std::vector<Address> out;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
      const auto address = Address::from(each->ai_addr);
      if (address && std::find(out.begin(), out.end(), *address) == out.end()) out.push_back(*address);
    }
    freeaddrinfo(found);
    if (out.empty()) return not_resolved(host, "it has no address");
    return out;
  };
}

// A look-up cannot be called off, so its thread may outlive the Resolver: it shares this.
struct Resolver::State : std::enable_shared_from_this<Resolver::State> {
  struct Name {
    std::optional<Answer> answer;  // nothing: it is asked for the first time
    TimePoint until{};
    bool asking = false;   // queued, or with a thread
    bool started = false;  // with a thread
    Waiters waiters;
    std::list<std::string>::iterator age;
  };
  struct Worker {
    std::thread thread;
    bool in_look_up = false;
  };

  State(LookUp function, ResolverOptions chosen) : look_up(std::move(function)), options(chosen) {
    options.threads = std::max(1U, options.threads);
  }

  // Where memory runs out nobody waits.
  void ask(const std::string& host, const std::shared_ptr<Mailbox>& mailbox, std::uint64_t ticket);
  void forget(const std::string& host, const std::shared_ptr<Mailbox>& mailbox, std::uint64_t ticket) noexcept;
  void shut();

  const LookUp look_up;
  ResolverOptions options;

 private:
  Name& entry(const std::string& host);
  bool have_thread();
  void work(Worker& self);
  void answer(const std::string& host, const Answer& found) noexcept;

  std::mutex mutex;
  std::condition_variable wake;
  std::unordered_map<std::string, Name> names;
  std::list<std::string> by_age;  // oldest first
  std::deque<std::string> queue;
  std::list<Worker> workers;
  std::size_t idle = 0;
  bool shutting = false;
};

void Resolver::State::ask(const std::string& host, const std::shared_ptr<Mailbox>& mailbox, std::uint64_t ticket) {
  Waiters asker;
  asker.push_back({mailbox, ticket});
  const std::lock_guard lock(mutex);
  Name& name = entry(host);
  if (!name.asking && name.answer && std::chrono::steady_clock::now() < name.until) {
    asker.front().answer = *name.answer;
    return mailbox->post(asker, asker.begin());
  }
  if (!name.asking) {
    queue.push_back(host);
    if (!have_thread()) {
      queue.pop_back();
      asker.front().answer = not_resolved(host, "no thread could be started to look it up");
      return mailbox->post(asker, asker.begin());
    }
    name.asking = true;
    wake.notify_one();
  }
  name.waiters.splice(name.waiters.end(), asker);
}

// A question that nobody waits for any more does not cost a thread.
void Resolver::State::forget(const std::string& host, const std::shared_ptr<Mailbox>& mailbox,
                             std::uint64_t ticket) noexcept {
  const std::lock_guard lock(mutex);
  const auto at = names.find(host);
  if (at == names.end()) return;
  auto& waiters = at->second.waiters;
  std::erase_if(waiters, [&](const Waiter& w) { return w.mailbox == mailbox && w.ticket == ticket; });
  if (!waiters.empty() || !at->second.asking || at->second.started) return;
  std::erase(queue, host);
  at->second.asking = false;
}

Resolver::State::Name& Resolver::State::entry(const std::string& host) {
  const auto [at, fresh] = names.try_emplace(host);
  if (!fresh) return at->second;
  try {
    at->second.age = by_age.insert(by_age.end(), host);
  } catch (...) {  // out of memory
    names.erase(at);
    throw;
  }
  for (auto oldest = by_age.begin(); names.size() > options.max_names && *oldest != host;) {
    const auto candidate = oldest++;
    const auto held = names.find(*candidate);
    if (held->second.asking) continue;
    names.erase(held);
    by_age.erase(candidate);
  }
  return at->second;
}

bool Resolver::State::have_thread() {
  if (idle >= queue.size() || workers.size() >= options.threads) return true;
  const std::size_t there = workers.size();
  try {
    Worker& worker = workers.emplace_back();
    worker.thread = std::thread([self = shared_from_this(), &worker] { self->work(worker); });
  } catch (...) {  // no thread to be had, or no memory
    workers.resize(there);
  }
  return !workers.empty();
}

void Resolver::State::work(Worker& self) {
  std::unique_lock lock(mutex);
  while (!shutting) {
    if (queue.empty()) {
      ++idle;
      wake.wait(lock, [this] { return shutting || !queue.empty(); });
      --idle;
      continue;
    }
    const std::string host = std::move(queue.front());
    queue.pop_front();
    names.at(host).started = true;
    self.in_look_up = true;
    lock.unlock();
    std::optional<Answer> found;
    try {
      found = look_up(host);
    } catch (...) {  // that question's failure, not the program's; there is nothing but memory that could be lacking
      found = unexpected(out_of_memory());
    }
    lock.lock();
    self.in_look_up = false;
    if (!shutting) answer(host, *found);
  }
}

void Resolver::State::answer(const std::string& host, const Answer& found) noexcept {
  Name& name = names.at(host);
  name.asking = name.started = false;
  answer_with(name.answer, found);
  // That memory was lacking is no news of the name.
  const bool of_memory = !*name.answer && name.answer->error().code == ErrorCode::out_of_memory;
  const Duration keep = of_memory ? Duration::zero() : *name.answer ? options.keep : options.keep_failure;
  name.until = std::chrono::steady_clock::now() + keep;
  by_age.splice(by_age.end(), by_age, name.age);
  Waiters told;
  told.swap(name.waiters);
  while (!told.empty()) {
    Waiters one;
    one.splice(one.end(), told, told.begin());
    answer_with(one.front().answer, found);
    const std::shared_ptr<Mailbox> mailbox = one.front().mailbox;
    mailbox->post(one, one.begin());
  }
}

void Resolver::State::shut() {
  std::list<std::thread> leaving;
  {
    const std::lock_guard lock(mutex);
    shutting = true;
    for (Worker& worker : workers) {
      if (worker.in_look_up) {
        worker.thread.detach();  // it may take half a minute; it touches nothing but this State
      } else {
        leaving.push_back(std::move(worker.thread));
      }
    }
  }
  wake.notify_all();
  for (std::thread& thread : leaving) thread.join();
}

Resolver::Resolver(LookUp look_up, ResolverOptions options)
    : state_(std::make_shared<State>(std::move(look_up), options)) {}
Resolver::~Resolver() { state_->shut(); }

struct ResolverClient::State {
  struct Question {
    std::string host;  // as the cache knows it; empty: a literal
    Resolved done;
  };
  // Lives in the loop; loses sight of the client when that goes.
  struct Wake final : Handle {
    uv_handle_t* handle() noexcept override { return reinterpret_cast<uv_handle_t*>(&async); }
    static void on_async(uv_async_t* sent) noexcept {
      auto& wake = *static_cast<Wake*>(Handle::of(sent));
      if (wake.client == nullptr) return;
      for (Waiter& waiter : wake.client->mailbox->take()) {
        wake.client->deliver(waiter.ticket, *std::move(waiter.answer));
        if (wake.client == nullptr) return;  // destroyed inside the callback
      }
    }
    uv_async_t async{};
    State* client = nullptr;
  };

  void deliver(std::uint64_t ticket, Answer answer) noexcept {
    const auto at = questions.find(ticket);
    if (at == questions.end()) return;
    const Resolved done = std::move(at->second.done);
    questions.erase(at);
    keep_loop_alive();
    done(std::move(answer));
  }
  void keep_loop_alive() noexcept { (questions.empty() ? uv_unref : uv_ref)(wake->handle()); }

  std::shared_ptr<Resolver::State> resolver;
  std::shared_ptr<Mailbox> mailbox = std::make_shared<Mailbox>();
  Wake* wake = nullptr;
  std::uint64_t last_ticket = 0;
  std::unordered_map<std::uint64_t, Question> questions;
};

ResolverClient::ResolverClient(Resolver& resolver, Loop& loop) : state_(std::make_unique<State>()) {
  state_->resolver = resolver.state();
  auto wake = std::make_unique<State::Wake>();
  if (const int status = uv_async_init(&loop.state().uv, &wake->async, &State::Wake::on_async); status != 0)
    throw std::runtime_error(fmt::format("cannot make a wake-up: {}", uv_strerror(status)));
  wake->async.data = static_cast<Handle*>(wake.get());
  wake->client = state_.get();
  state_->wake = wake.release();
  state_->keep_loop_alive();
  state_->mailbox->open(&state_->wake->async);
}

ResolverClient::~ResolverClient() {
  for (const auto& [ticket, question] : state_->questions)
    if (!question.host.empty()) state_->resolver->forget(question.host, state_->mailbox, ticket);
  state_->mailbox->shut();
  state_->wake->client = nullptr;
  state_->wake->close();
}

std::uint64_t ResolverClient::resolve(const std::string& host, Resolved done) {
  const std::uint64_t ticket = ++state_->last_ticket;
  const auto address = literal(host);
  const std::string name = address ? std::string() : lower(host);
  state_->questions.emplace(ticket, State::Question{name, std::move(done)});
  try {
    if (address) {
      Waiters asker;
      asker.push_back({state_->mailbox, ticket, std::vector<Address>{*address}});
      state_->mailbox->post(asker, asker.begin());
    } else {
      state_->resolver->ask(name, state_->mailbox, ticket);
    }
  } catch (...) {  // out of memory
    state_->questions.erase(ticket);
    throw;
  }
  state_->keep_loop_alive();
  return ticket;
}

void ResolverClient::cancel(std::uint64_t ticket) noexcept {
  const auto at = state_->questions.find(ticket);
  if (at == state_->questions.end()) return;
  if (!at->second.host.empty()) state_->resolver->forget(at->second.host, state_->mailbox, ticket);
  state_->questions.erase(at);
  state_->keep_loop_alive();
}

}  // namespace borehole::net
