#include "config/password_checks.h"

#include <string.h>

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/thread_name.h"

namespace borehole::config {

namespace {

struct Question {
  std::shared_ptr<const UsersFile> users;
  std::string credentials;
  std::string from;
  std::vector<PasswordChecks::Answer> answers;  // of all who ask the same

  Question() = default;
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  ~Question() { explicit_bzero(credentials.data(), credentials.size()); }
};

void complain(const std::exception& error) noexcept {
  try {
    log::error("a password could not be checked: {}", error.what());
  } catch (const std::exception&) {  // no memory for that either
  }
}

}  // namespace

struct PasswordChecks::State {
  State(const Clock& its_clock, Limits its_limits) : clock(its_clock), limits(its_limits) {}

  bool add(std::shared_ptr<const UsersFile> users, std::string_view credentials, const std::string& from,
           Answer& answer);
  void run();

  const Clock& clock;
  const Limits limits;
  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::list<Question> waiting;  // the first is the one that is being checked, once the thread has taken it up
  bool stopping = false;
  std::thread thread;
};

bool PasswordChecks::State::add(std::shared_ptr<const UsersFile> users, std::string_view credentials,
                                const std::string& from, Answer& answer) {
  const std::lock_guard lock(mutex);
  std::size_t of_this_client = 0;
  for (Question& one : waiting) {
    if (one.from != from) continue;
    ++of_this_client;
    if (one.users != users || one.credentials != credentials) continue;
    one.answers.push_back(std::move(answer));
    return true;
  }
  if (waiting.size() >= limits.in_all || of_this_client >= limits.of_one_client) return false;
  if (!thread.joinable()) thread = std::thread([this] { run(); });
  std::list<Question> asked(1);
  Question& question = asked.front();
  question.credentials = credentials;
  question.from = from;
  question.answers.push_back(std::move(answer));
  question.users = std::move(users);
  waiting.splice(waiting.end(), asked);
  wake.notify_one();
  return true;
}

void PasswordChecks::State::run() {
  name_this_thread("passwords");
  std::unique_lock lock(mutex);
  for (;;) {
    wake.wait(lock, [this] { return stopping || !waiting.empty(); });
    if (stopping) return;
    const Question& question = waiting.front();
    lock.unlock();
    auto verdict = UsersFile::Verdict::too_many_guesses;
    try {
      verdict = question.users->judge(question.credentials, question.from, clock.now());
    } catch (const std::exception& error) {  // no memory: as where it could not be asked
      complain(error);
    }
    lock.lock();
    std::list<Question> done;
    done.splice(done.end(), waiting, waiting.begin());
    lock.unlock();
    for (const Answer& answer : done.front().answers) answer(verdict);
    done.clear();
    lock.lock();
  }
}

PasswordChecks::PasswordChecks(const Clock& clock, Limits limits) : state_(std::make_unique<State>(clock, limits)) {}

PasswordChecks::~PasswordChecks() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->wake.notify_one();
  }
  if (state_->thread.joinable()) state_->thread.join();
}

void PasswordChecks::ask(std::shared_ptr<const UsersFile> users, std::string_view credentials, const std::string& from,
                         Answer answer) {
  try {
    if (state_->add(std::move(users), credentials, from, answer)) return;
  } catch (const std::exception& error) {  // no memory, or no thread to be had
    complain(error);
  }
  if (answer) answer(UsersFile::Verdict::too_many_guesses);
}

}  // namespace borehole::config
