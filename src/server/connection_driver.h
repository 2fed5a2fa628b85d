// Carries out what one session asks: the client's socket and TLS, the upstream connection it leases, one timer. Never
// decides anything about HTTP. Memory that runs out in an event ends this connection with its calls, and no other.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "config/password_checks.h"
#include "net/errands.h"
#include "net/loop.h"
#include "net/own_dials.h"
#include "net/tcp_socket.h"
#include "proxy/session.h"
#include "server/acquisition.h"
#include "server/buffer_budget.h"
#include "server/counters.h"
#include "server/graveyard.h"
#include "server/receipt_box.h"
#include "server/upstream_connection.h"
#include "server/upstream_leg.h"
#include "server/upstream_pool.h"
#include "server/warm_connections.h"
#include "tls/server_context.h"

namespace borehole::server {

class ConnectionDriver;

// What a driver needs of its worker. All of it outlives the driver.
struct DriverWorld {
  net::Loop& loop;
  tls::ServerContext& tls;
  UpstreamPool& pool;
  WarmConnections* warm;  // null: none are kept
  const UpstreamWorld& upstream;
  WorkerCounters& counters;
  BufferBudget& buffers;
  net::OwnDials& own_dials;
  ReceiptBox& receipts;
  config::PasswordChecks& passwords;
  net::Errands& errands;
  // None of these may throw. The connection is over; the worker destroys the driver later, never inside this call.
  std::function<void(ConnectionDriver&)> over;
  // Objects that may be on the call stack are destroyed from here.
  std::function<void(std::unique_ptr<UpstreamConnection>)> retire_connection;
  std::function<void(std::unique_ptr<Acquisition>)> retire_acquisition;
};

class ConnectionDriver final : public net::TcpObserver,
                               public proxy::Effects,
                               public UpstreamObserver,
                               public AcquisitionObserver,
                               public LegObserver {
 public:
  // `ends` are the client's, and those that it called (net::OwnDials::ends).
  ConnectionDriver(const DriverWorld& world, std::unique_ptr<net::TcpSocket> client, std::string ends,
                   proxy::SessionContext context);
  ~ConnectionDriver() override;

  void begin();
  void shut_down();  // finishes what runs, begins nothing
  void cut();        // ends at once
  bool tunnelling() const noexcept { return session_.tunnelling(); }

  // net::TcpObserver: the client's socket
  void on_received(Bytes bytes) noexcept override;
  void on_ended() noexcept override;
  void on_broken(const Error& error) noexcept override;
  void on_written() noexcept override;

  // UpstreamObserver, AcquisitionObserver
  void on_upstream_received(Bytes bytes) noexcept override;
  void on_upstream_ended() noexcept override;
  void on_upstream_broken(const Error& error) noexcept override;
  void on_upstream_written() noexcept override;
  void on_tcp_open() noexcept override;
  void on_ready(std::unique_ptr<UpstreamConnection> connection) noexcept override;
  void on_acquisition_failed(const Error& error) noexcept override;

  // LegObserver
  void on_leg_opened(proxy::LegId leg) noexcept override;
  void on_leg_failed(proxy::LegId leg, const Error& error) noexcept override;
  void on_leg_received(proxy::LegId leg, Bytes bytes) noexcept override;
  void on_leg_gone(proxy::LegId leg, const Error& error) noexcept override;
  void on_leg_written(proxy::LegId leg) noexcept override;

  // proxy::Effects
  void send(proxy::Side side, Bytes bytes) override;
  TimePoint flush(proxy::Side side) override;
  void hold(proxy::Side side) override;
  void resume(proxy::Side side) override;
  void open_tls(const proxy::TlsPlan& plan) override;
  bool reach(const proxy::UpstreamTarget& target) override;
  void prepare(const proxy::UpstreamTarget& target) override;
  std::optional<calls::UpstreamFacts> lease(const proxy::UpstreamTarget& target) override;
  std::optional<calls::UpstreamFacts> lease_tunnel(const proxy::UpstreamTarget& target) override;
  void give_back() override;
  void drop_upstream() override;
  void finish_upstream() override;
  void end_writing(proxy::Side side) override;
  void finish_client() override;
  void break_client() override;
  void negotiate(const proxy::UpstreamTarget& target, const std::vector<std::string>& alpn, proxy::LegId leg) override;
  void open_leg(proxy::LegId leg, const proxy::UpstreamTarget& target) override;
  void send_leg(proxy::LegId leg, Bytes bytes) override;
  void hold_leg(proxy::LegId leg) override;
  void resume_leg(proxy::LegId leg) override;
  void drop_leg(proxy::LegId leg) override;
  void finish_leg(proxy::LegId leg) override;
  bool crowded() override { return world_.buffers.spent(); }
  void noticed(proxy::Notice what) override;
  proxy::AwaitedRecord await_record() override;
  void judge(proxy::QuestionNumber question, std::shared_ptr<const config::UsersFile> users, Bytes credentials,
             const std::string& from) override;
  void arm(TimePoint deadline) override;
  void disarm() override;

 private:
  enum class Wanted : std::uint8_t { nothing, reach, lease, tunnel, negotiation };
  enum class Ending : std::uint8_t { no, clean, abnormal };

  // Runs one event of the session, then what must follow it: TLS that was opened in it, flushes, marks, the end. All
  // that comes goes through here: where memory runs out in it, nothing is used again of what it has left half-changed.
  template <class F>
  void dispatch(F&& event) noexcept {
    if (!begin_event()) return;
    try {
      event();
      settle();
      run_deferred();
    } catch (const std::bad_alloc&) {
      give_up();
    }
    end_event();
  }
  bool begin_event() noexcept;
  void run_deferred();
  void give_up() noexcept;
  void end_event() noexcept;
  // `make` makes what is to be run behind the event that is being dealt with.
  template <class F>
  void defer(F&& make) noexcept {
    try {
      deferred_.push_back(make());
    } catch (const std::bad_alloc&) {
      not_deferred_ = true;
    }
  }
  void settle();
  void feed(std::size_t layer, Bytes bytes);
  void write_through(std::size_t layers, Bytes bytes);
  void check_marks();
  void end() noexcept;
  bool close_layers() noexcept;
  bool came_back();
  void tcp_opened();
  void acquisition_failed(const Error& error);
  void acquired(std::unique_ptr<UpstreamConnection> connection);
  void adopt(std::unique_ptr<UpstreamConnection> connection);
  void start_acquisition(const proxy::UpstreamTarget& target, bool secure_at_once,
                         std::vector<std::string> alpn = {"http/1.1"});
  bool acquiring(const proxy::UpstreamTarget& target) const noexcept;
  UpstreamLeg* find_leg(proxy::LegId leg) noexcept;
  void check_leg_marks(std::size_t high, std::size_t low);
  std::unique_ptr<UpstreamLeg> take_leg(proxy::LegId leg);
  void let_acquisition_go() noexcept;

  // TLS towards the client, outermost first; at most TLS in TLS.
  struct Layer {
    std::unique_ptr<tls::Engine> engine;
    Buffer ciphertext;  // of an inner layer, on its way through the outer one
    bool closed = false;
  };

  const DriverWorld& world_;
  std::unique_ptr<net::TcpSocket> client_;
  std::string ends_;  // until it is known whether the client is borehole itself
  std::vector<std::unique_ptr<Layer>> layers_;
  std::string hello_;  // octets that open the newest layer
  std::unique_ptr<UpstreamConnection> upstream_;
  std::unique_ptr<Acquisition> acquisition_;
  UpstreamLeg::Burial burial_;
  std::map<proxy::LegId, std::unique_ptr<UpstreamLeg>> legs_;
  Graveyard<UpstreamLeg> dead_legs_;
  proxy::LegId negotiated_leg_ = 0;
  Wanted wanted_ = Wanted::nothing;
  Ending ending_ = Ending::no;
  bool in_event_ = false;
  bool not_deferred_ = false;  // something was to be, and there was no memory for it
  bool client_over_mark_ = false;
  bool upstream_over_mark_ = false;
  std::size_t held_ = 0;                                   // as the budget knows it
  std::list<std::function<void()>> deferred_;              // what arrived inside an event
  std::shared_ptr<const ReceiptBox::Tell> tell_recorded_;  // made when a record is waited for
  proxy::RecordNumber records_ = 0;                        // waited for so far
  using TellJudged = std::function<void(proxy::QuestionNumber, config::UsersFile::Verdict)>;
  std::shared_ptr<const TellJudged> tell_judged_;  // made when credentials are to be checked
  net::Timer timer_;
  proxy::Session session_;

  static constexpr std::size_t high_mark = 256 * 1024;
  static constexpr std::size_t high_mark_when_crowded = 16 * 1024;
};

}  // namespace borehole::server
