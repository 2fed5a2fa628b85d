// A tiny HTTPS server on loopback that stands where Bedrock would, for the doctor's rehearsal: one port per probe, with
// a CA of its own. Answers every request the same, and remembers who came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/address.h"

namespace borehole::app::doctor {

// How far what came in at one port got.
struct Arrival {
  bool connected = false;  // the proxy dialled: the program uses the proxy
  bool asked = false;      // a request came through: the program trusts the proxy's certificate
};

class Responder {
 public:
  // Serves on a thread of its own until destroyed. `folder` gets the CA.
  static Result<std::unique_ptr<Responder>> start(const std::string& folder, std::size_t ports);
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  std::uint16_t port(std::size_t number) const;
  std::string ca_file() const;  // what the proxy must trust
  Arrival arrival(std::size_t number) const;

 private:
  struct State;
  explicit Responder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace borehole::app::doctor
