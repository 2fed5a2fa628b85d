// One file, though a long one: each of a session's effects upon the client's socket and the leased upstream, which
// share their marks, holds and endings.
#include "server/connection_driver.h"

#include <cassert>
#include <utility>

#include "base/log.h"
#include "base/out_of_memory.h"

namespace borehole::server {

using proxy::Side;

namespace {

constexpr Duration linger = std::chrono::seconds(5);

// What one feed decrypts is taken before the next one's, so that a worker's connections need one buffer for it, not one
// each. Of layers in each other every one borrows; the last that gives back is kept.
class BorrowedBuffer {
 public:
  BorrowedBuffer() : buffer_(std::exchange(spare, {})) {}
  ~BorrowedBuffer() {
    buffer_.clear();
    spare = std::move(buffer_);
  }
  BorrowedBuffer(const BorrowedBuffer&) = delete;
  BorrowedBuffer& operator=(const BorrowedBuffer&) = delete;
  Buffer& operator*() noexcept { return buffer_; }

 private:
  static thread_local Buffer spare;
  Buffer buffer_;
};
thread_local Buffer BorrowedBuffer::spare;

}  // namespace

ConnectionDriver::ConnectionDriver(const DriverWorld& world, std::unique_ptr<net::TcpSocket> client, std::string ends,
                                   proxy::SessionContext context)
    : world_(world),
      client_(std::move(client)),
      ends_(std::move(ends)),
      burial_{world.retire_connection, world.retire_acquisition},
      timer_(world.loop, [this] { dispatch([this] { session_.timed_out(world_.loop.now()); }); }),
      session_(std::move(context), *this) {}

ConnectionDriver::~ConnectionDriver() = default;

void ConnectionDriver::begin() {
  client_->observe(this);
  dispatch([this] { session_.started(world_.loop.now()); });
  if (client_) client_->set_reading(true);
}

void ConnectionDriver::shut_down() {
  dispatch([this] { session_.shut_down(world_.loop.now()); });
}

void ConnectionDriver::cut() {
  dispatch([this] { session_.cut(world_.loop.now()); });
}

bool ConnectionDriver::begin_event() noexcept {
  if (ending_ != Ending::no) return false;
  assert(!in_event_);
  dead_legs_.clear();  // those that went in an earlier event
  in_event_ = true;
  return true;
}

void ConnectionDriver::run_deferred() {
  while (!not_deferred_ && !deferred_.empty() && ending_ == Ending::no) {
    const auto next = std::move(deferred_.front());
    deferred_.pop_front();
    next();
    settle();
  }
  if (not_deferred_) throw std::bad_alloc();
}

// A part of what was to be sent may be missing: the client must not take what it has got for all of it.
void ConnectionDriver::give_up() noexcept {
  ending_ = Ending::abnormal;
  world_.counters.ran_out_of_memory(world_.loop.now());
  session_.give_up(out_of_memory(), world_.loop.now());
}

void ConnectionDriver::end_event() noexcept {
  in_event_ = false;
  if (ending_ != Ending::no) end();
}

void ConnectionDriver::settle() {
  while (!hello_.empty() && ending_ == Ending::no) {
    const std::string hello = std::exchange(hello_, {});
    feed(layers_.size() - 1, hello);
  }
  if (client_) client_->flush();
  if (upstream_) upstream_->flush();
  for (const auto& [id, leg] : legs_) leg->flush();
  check_marks();
}

void ConnectionDriver::check_marks() {
  if (ending_ != Ending::no) return;
  const TimePoint now = world_.loop.now();
  const std::size_t to_client = client_ ? client_->queued() : 0;
  const std::size_t to_upstream = upstream_ ? upstream_->queued() : 0;
  std::size_t held = to_client + to_upstream + session_.held();
  for (const auto& [id, leg] : legs_) held += leg->queued();
  world_.buffers.changed(std::exchange(held_, held), held);
  const std::size_t high = world_.buffers.spent() ? high_mark_when_crowded : high_mark;
  const std::size_t low = high / 2;
  if (!client_over_mark_ && to_client > high) {
    client_over_mark_ = true;
    session_.congested(Side::client, now);
  } else if (client_over_mark_ && to_client <= low) {
    client_over_mark_ = false;
    session_.drained(Side::client, now);
  }
  if (!upstream_over_mark_ && to_upstream > high) {
    upstream_over_mark_ = true;
    session_.congested(Side::upstream, now);
  } else if (upstream_over_mark_ && to_upstream <= low) {
    upstream_over_mark_ = false;
    session_.drained(Side::upstream, now);
  }
  check_leg_marks(high, low);
}

void ConnectionDriver::check_leg_marks(std::size_t high, std::size_t low) {
  std::vector<proxy::LegId> ids;
  for (const auto& [id, leg] : legs_) {
    if (leg->over_mark ? leg->queued() <= low : leg->queued() > high) ids.push_back(id);
  }
  for (const proxy::LegId id : ids) {
    UpstreamLeg* const leg = find_leg(id);
    if (leg == nullptr || ending_ != Ending::no) continue;
    leg->over_mark = !leg->over_mark;
    leg->over_mark ? session_.leg_congested(id, world_.loop.now()) : session_.leg_drained(id, world_.loop.now());
  }
}

// --- the client

void ConnectionDriver::on_received(Bytes bytes) noexcept {
  dispatch([&] {
    if (ends_.empty() || !came_back()) feed(0, bytes);
  });
}

// Whether the client is borehole itself, whose connection a rule or a name has led here: then this one is over before
// anything is made of it. Asked with the first octets, which a dial sends when it has been entered for certain, or
// before something is dialled for a client that has sent none.
bool ConnectionDriver::came_back() {
  if (!world_.own_dials.came_back(std::exchange(ends_, {}))) return false;
  log::warn("a connection of borehole's own came back to {} and was closed", client_->local_address().to_string());
  ending_ = Ending::abnormal;
  return true;
}

// Octets that belong to the layer of that index; behind the last one they are the session's.
void ConnectionDriver::feed(std::size_t layer, Bytes bytes) {
  if (ending_ != Ending::no) return;
  if (layer == layers_.size()) {
    world_.counters.client_received.add(bytes.size());
    return session_.received(Side::client, bytes, world_.loop.turn_began());
  }
  Layer& here = *layers_[layer];
  Buffer& answer = layer == 0 ? client_->out() : here.ciphertext;
  BorrowedBuffer borrowed;
  Buffer& plaintext = *borrowed;
  auto progress = here.engine->feed(bytes, plaintext, answer);
  if (layer > 0 && !here.ciphertext.empty()) {
    write_through(layer, here.ciphertext.view());
    here.ciphertext.clear();
  }
  if (!plaintext.empty()) feed(layer + 1, plaintext.view());
  if (ending_ != Ending::no) return;
  if (!progress) {
    here.closed = true;
    session_.broken(Side::client, progress.error(), world_.loop.now());
  } else if (progress->closed && !here.closed) {
    here.closed = true;
    session_.ended(Side::client, world_.loop.now());
  }
}

// Encrypts through the `layers` outermost layers.
void ConnectionDriver::write_through(std::size_t layers, Bytes bytes) {
  if (!client_) return;
  if (layers == 0) return client_->out().append(bytes);
  Layer& layer = *layers_[layers - 1];
  if (!layer.engine->established()) return;  // the handshake failed or was never finished: nobody could read it
  if (layers == 1) {
    (void)layer.engine->write(bytes, client_->out());
    return;
  }
  if (layer.engine->write(bytes, layer.ciphertext)) write_through(layers - 1, layer.ciphertext.view());
  layer.ciphertext.clear();
}

void ConnectionDriver::on_ended() noexcept {
  dispatch([&] {
    if (layers_.empty()) return session_.ended(Side::client, world_.loop.now());
    if (layers_.back()->closed) return;
    session_.broken(
        Side::client,
        {ErrorCode::client_aborted, Fault::client, "the client ended the TLS connection without close_notify"},
        world_.loop.now());
  });
}

void ConnectionDriver::on_broken(const Error& error) noexcept {
  dispatch([&] {
    session_.broken(Side::client,
                    {ErrorCode::client_aborted, Fault::client, "the client's connection broke: " + error.detail},
                    world_.loop.now());
  });
}

void ConnectionDriver::on_written() noexcept {
  dispatch([] {});
}

// --- the upstream

void ConnectionDriver::on_upstream_received(Bytes bytes) noexcept {
  world_.counters.upstream_received.add(bytes.size());
  dispatch([&] { session_.received(Side::upstream, bytes, world_.loop.turn_began()); });
}

void ConnectionDriver::on_upstream_ended() noexcept {
  dispatch([&] { session_.ended(Side::upstream, world_.loop.now()); });
}

void ConnectionDriver::on_upstream_broken(const Error& error) noexcept {
  dispatch([&] { session_.broken(Side::upstream, error, world_.loop.now()); });
}

void ConnectionDriver::on_upstream_written() noexcept {
  dispatch([] {});
}

void ConnectionDriver::on_tcp_open() noexcept {
  if (!in_event_) return dispatch([this] { tcp_opened(); });
  defer([this] { return [this] { tcp_opened(); }; });
}

void ConnectionDriver::tcp_opened() {
  if (wanted_ == Wanted::reach) {
    wanted_ = Wanted::nothing;
    session_.reached(world_.loop.now());
  } else if (wanted_ == Wanted::tunnel) {
    wanted_ = Wanted::nothing;
    adopt(acquisition_->take_raw());
    let_acquisition_go();
    session_.leased(upstream_->facts(), world_.loop.now());
  }
}

void ConnectionDriver::on_ready(std::unique_ptr<UpstreamConnection> connection) noexcept {
  if (!in_event_) return dispatch([&] { acquired(std::move(connection)); });
  defer([&] {
    auto held = std::make_shared<std::unique_ptr<UpstreamConnection>>(std::move(connection));
    return [this, held] { acquired(std::move(*held)); };
  });
}

void ConnectionDriver::acquired(std::unique_ptr<UpstreamConnection> connection) {
  let_acquisition_go();
  if (std::exchange(wanted_, wanted_ == Wanted::negotiation ? Wanted::nothing : wanted_) == Wanted::negotiation) {
    const calls::UpstreamFacts facts = connection->facts();
    if (facts.alpn == "h2") {
      legs_.emplace(negotiated_leg_,
                    std::make_unique<UpstreamLeg>(negotiated_leg_, std::move(connection), *this, burial_));
    } else {
      world_.pool.put(std::move(connection));
    }
    return session_.negotiated(facts.alpn, facts, world_.loop.now());
  }
  if (wanted_ != Wanted::lease) return world_.pool.put(std::move(connection));
  wanted_ = Wanted::nothing;
  adopt(std::move(connection));
  session_.leased(upstream_->facts(), world_.loop.now());
}

void ConnectionDriver::on_acquisition_failed(const Error& error) noexcept {
  if (!in_event_) return dispatch([&] { acquisition_failed(error); });
  defer([&] { return [this, error] { acquisition_failed(error); }; });
}

void ConnectionDriver::acquisition_failed(const Error& error) {
  let_acquisition_go();
  // What was prepared without being asked for fails in silence: the request will ask anew, and be told.
  if (std::exchange(wanted_, Wanted::nothing) != Wanted::nothing) session_.connect_failed(error, world_.loop.now());
}

void ConnectionDriver::adopt(std::unique_ptr<UpstreamConnection> connection) {
  upstream_ = std::move(connection);
  upstream_->observe(this);
  upstream_->mark_used();
  upstream_over_mark_ = false;
  upstream_->set_reading(true);
}

void ConnectionDriver::start_acquisition(const proxy::UpstreamTarget& target, bool secure_at_once,
                                         std::vector<std::string> alpn) {
  let_acquisition_go();
  if (!ends_.empty() && came_back()) return;
  acquisition_ = std::make_unique<Acquisition>(world_.upstream, target, secure_at_once, *this, std::move(alpn));
}

bool ConnectionDriver::acquiring(const proxy::UpstreamTarget& target) const noexcept {
  return acquisition_ && acquisition_->target().host == target.host && acquisition_->target().port == target.port;
}

void ConnectionDriver::let_acquisition_go() noexcept {
  if (!acquisition_) return;
  acquisition_->cancel();
  world_.retire_acquisition(std::move(acquisition_));
}

// --- effects

void ConnectionDriver::send(Side side, Bytes bytes) {
  if (side == Side::client) {
    world_.counters.client_sent.add(bytes.size());
    write_through(layers_.size(), bytes);
  } else if (upstream_) {
    world_.counters.upstream_sent.add(bytes.size());
    upstream_->send(bytes);
  }
}

TimePoint ConnectionDriver::flush(Side side) {
  if (side == Side::client) {
    if (client_) client_->flush();
  } else {
    if (upstream_) upstream_->flush();
    for (const auto& [id, leg] : legs_) leg->flush();
  }
  return world_.loop.now();
}

void ConnectionDriver::hold(Side side) {
  if (side == Side::client) {
    if (client_) client_->set_reading(false);
  } else if (upstream_) {
    upstream_->set_reading(false);
  }
}

void ConnectionDriver::resume(Side side) {
  if (side == Side::client) {
    if (client_) client_->set_reading(true);
  } else if (upstream_) {
    upstream_->set_reading(true);
  }
}

void ConnectionDriver::open_tls(const proxy::TlsPlan& plan) {
  auto layer = std::make_unique<Layer>();
  tls::ServerContext::Options options;
  options.leaf_name = plan.leaf_name;
  options.alpn = {plan.alpn};
  layer->engine = world_.tls.accept(std::move(options));
  layers_.push_back(std::move(layer));
  hello_ = plan.received;
}

bool ConnectionDriver::reach(const proxy::UpstreamTarget& target) {
  if (world_.pool.has(target)) return true;
  wanted_ = Wanted::reach;
  start_acquisition(target, false);
  return false;
}

void ConnectionDriver::prepare(const proxy::UpstreamTarget& target) {
  if (world_.pool.has(target)) return;
  if (acquiring(target)) {
    acquisition_->secure(target);
  } else {
    start_acquisition(target, true);
  }
}

std::optional<calls::UpstreamFacts> ConnectionDriver::lease(const proxy::UpstreamTarget& target) {
  auto pooled = world_.pool.take(target);
  if (world_.warm != nullptr) world_.warm->called(target);
  if (pooled) {
    adopt(std::move(pooled));
    return upstream_->facts();
  }
  wanted_ = Wanted::lease;
  if (acquiring(target) && acquisition_->target().configured == target.configured) {
    if (acquisition_->tcp_open() || acquisition_->target() != target) acquisition_->secure(target);
  } else {
    start_acquisition(target, true);
  }
  return std::nullopt;
}

std::optional<calls::UpstreamFacts> ConnectionDriver::lease_tunnel(const proxy::UpstreamTarget& target) {
  if (acquisition_ && acquisition_->tcp_open()) {
    adopt(acquisition_->take_raw());
    let_acquisition_go();
    return upstream_->facts();
  }
  wanted_ = Wanted::tunnel;
  start_acquisition(target, false);
  return std::nullopt;
}

void ConnectionDriver::give_back() {
  if (!upstream_) return;
  upstream_->observe(nullptr);
  world_.pool.put(std::move(upstream_));
}

void ConnectionDriver::drop_upstream() {
  wanted_ = Wanted::nothing;
  let_acquisition_go();
  if (!upstream_) return;
  upstream_->observe(nullptr);
  upstream_->set_reading(false);
  world_.retire_connection(std::move(upstream_));
}

void ConnectionDriver::finish_upstream() {
  if (!upstream_) return;
  upstream_->observe(nullptr);
  upstream_->finish();
  world_.retire_connection(std::move(upstream_));
}

void ConnectionDriver::end_writing(Side side) {
  if (side == Side::upstream) {
    if (upstream_) upstream_->end_writing();
    return;
  }
  if (!client_) return;
  for (std::size_t i = layers_.size(); i-- > 0;) {
    Layer& layer = *layers_[i];
    if (!layer.engine->established()) continue;
    if (i == 0) {
      layer.engine->close(client_->out());
    } else {
      layer.engine->close(layer.ciphertext);
      write_through(i, layer.ciphertext.view());
      layer.ciphertext.clear();
    }
  }
  client_->flush();
  client_->shut_down();
}

void ConnectionDriver::negotiate(const proxy::UpstreamTarget& target, const std::vector<std::string>& alpn,
                                 proxy::LegId leg) {
  wanted_ = Wanted::negotiation;
  negotiated_leg_ = leg;
  if (acquiring(target)) {
    acquisition_->secure(target, alpn);
  } else {
    start_acquisition(target, true, alpn);
  }
}

void ConnectionDriver::noticed(proxy::Notice what) {
  switch (what) {
    case proxy::Notice::h2_connection: return world_.counters.h2_connections.add();
    case proxy::Notice::h2_stream: return world_.counters.h2_streams.add();
    case proxy::Notice::h2_stream_behind_goaway: return world_.counters.h2_behind_goaway.add();
    case proxy::Notice::h2_stream_over_limit: return world_.counters.h2_over_limit.add();
    case proxy::Notice::h2_flood: return world_.counters.h2_floods.add();
    case proxy::Notice::h2_malformed: return world_.counters.h2_malformed.add();
  }
}

proxy::AwaitedRecord ConnectionDriver::await_record() {
  if (!tell_recorded_) {
    tell_recorded_ = std::make_shared<const ReceiptBox::Tell>([this](proxy::RecordNumber number, bool on_disk) {
      dispatch([&] { session_.recorded(number, on_disk, world_.loop.now()); });
    });
  }
  ++records_;
  return {records_, world_.receipts.receipt(tell_recorded_, records_), world_.receipts.failing()};
}

void ConnectionDriver::judge(proxy::QuestionNumber question, std::shared_ptr<const config::UsersFile> users,
                             Bytes credentials, const std::string& from) {
  if (!tell_judged_) {
    tell_judged_ = std::make_shared<const TellJudged>([this](proxy::QuestionNumber of, proxy::Policy::Verdict verdict) {
      dispatch([&] { session_.judged(of, verdict, world_.loop.now()); });
    });
  }
  // All is made now: the thread that answers needs no memory for it.
  const auto verdict = std::make_shared<proxy::Policy::Verdict>();
  const auto errand =
      std::make_shared<net::Errands::Errand>([tell = std::weak_ptr<const TellJudged>(tell_judged_), question, verdict] {
        if (const auto still_there = tell.lock()) (*still_there)(question, *verdict);
      });
  world_.passwords.ask(std::move(users), credentials, from,
                       [sender = world_.errands.sender(), errand, verdict](proxy::Policy::Verdict judged) {
                         *verdict = judged;
                         sender.send(std::move(*errand));
                       });
}

void ConnectionDriver::finish_client() { ending_ = Ending::clean; }
void ConnectionDriver::break_client() { ending_ = Ending::abnormal; }

void ConnectionDriver::arm(TimePoint deadline) {
  const TimePoint now = world_.loop.now();
  timer_.start(deadline > now ? deadline - now : Duration::zero());
}

void ConnectionDriver::disarm() { timer_.stop(); }

// --- the end

void ConnectionDriver::end() noexcept {
  timer_.stop();
  world_.buffers.changed(std::exchange(held_, 0), 0);
  deferred_.clear();
  wanted_ = Wanted::nothing;
  let_acquisition_go();
  if (upstream_) drop_upstream();
  for (auto& [id, leg] : legs_) {
    leg->drop();
    dead_legs_.bury(std::move(leg));
  }
  legs_.clear();
  if (client_) {
    client_->observe(nullptr);
    if (ending_ == Ending::clean && close_layers()) {
      net::TcpSocket::finish_and_close(std::move(client_), linger);
    } else {
      net::TcpSocket::deliver_and_reset(std::move(client_), linger);
    }
  }
  world_.over(*this);
}

// False: there is no memory for it.
bool ConnectionDriver::close_layers() noexcept {
  try {
    for (std::size_t i = layers_.size(); i-- > 0;) {
      Layer& layer = *layers_[i];
      if (!layer.engine->established()) continue;
      Buffer& out = i == 0 ? client_->out() : layer.ciphertext;
      layer.engine->close(out);
      if (i > 0) write_through(i, out.view());
    }
    return true;
  } catch (const std::bad_alloc&) {
    world_.counters.ran_out_of_memory(world_.loop.now());
    return false;
  }
}

}  // namespace borehole::server
