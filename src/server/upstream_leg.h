// One leg of an HTTP/2 session: the opening of its connection, then the connection. Never parses what passes.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "proxy/effects.h"
#include "server/acquisition.h"
#include "server/graveyard.h"
#include "server/upstream_connection.h"

namespace borehole::server {

// May be called inside a call on the leg. The leg may be retired inside them, not destroyed.
class LegObserver {
 public:
  virtual ~LegObserver() = default;
  virtual void on_leg_opened(proxy::LegId leg) noexcept = 0;
  virtual void on_leg_failed(proxy::LegId leg, const Error& error) noexcept = 0;  // before it was there
  virtual void on_leg_received(proxy::LegId leg, Bytes bytes) noexcept = 0;
  virtual void on_leg_gone(proxy::LegId leg, const Error& error) noexcept = 0;
  virtual void on_leg_written(proxy::LegId leg) noexcept = 0;
};

class UpstreamLeg final : public UpstreamObserver, public AcquisitionObserver, public Mortal<UpstreamLeg> {
 public:
  // Where the leg's connection or acquisition goes when it is done: it may be on the call stack.
  struct Burial {
    // Neither may throw.
    std::function<void(std::unique_ptr<UpstreamConnection>)> connection;
    std::function<void(std::unique_ptr<Acquisition>)> acquisition;
  };

  // Dials at once. `burial` outlives it.
  UpstreamLeg(proxy::LegId id, const UpstreamWorld& world, const proxy::UpstreamTarget& target, LegObserver& observer,
              const Burial& burial);
  // Over a connection that has agreed on h2.
  UpstreamLeg(proxy::LegId id, std::unique_ptr<UpstreamConnection> connection, LegObserver& observer,
              const Burial& burial);
  ~UpstreamLeg() override;

  bool there() const noexcept { return connection_ != nullptr; }
  const calls::UpstreamFacts& facts() const noexcept { return connection_->facts(); }
  void send(Bytes bytes);  // then flush()
  void flush() noexcept;
  void set_reading(bool on) noexcept;
  std::size_t queued() const noexcept { return connection_ ? connection_->queued() : 0; }
  void drop() noexcept;    // at once, what is queued is lost
  void finish() noexcept;  // delivers what is queued, then closes

  void on_upstream_received(Bytes bytes) noexcept override;
  void on_upstream_ended() noexcept override;
  void on_upstream_broken(const Error& error) noexcept override;
  void on_upstream_written() noexcept override;
  void on_tcp_open() noexcept override {}
  void on_ready(std::unique_ptr<UpstreamConnection> connection) noexcept override;
  void on_acquisition_failed(const Error& error) noexcept override;

  bool over_mark = false;  // kept by the driver: more is queued than should be

 private:
  void begin(std::unique_ptr<UpstreamConnection> connection);
  void let_acquisition_go() noexcept;

  proxy::LegId id_;
  LegObserver& observer_;
  const Burial& burial_;
  std::unique_ptr<Acquisition> acquisition_;
  std::unique_ptr<UpstreamConnection> connection_;
};

}  // namespace borehole::server
