// The calls that run, as a proxy's admin port tells of them (/api/calls/live). Never waits for more than its beginning.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "bedrock/json_value.h"
#include "bedrock/sse.h"
#include "config/config.h"

namespace borehole::app {

class LiveConnection {
 public:
  // Where `admin` answers. The error's sentence says what it said instead.
  static Result<std::unique_ptr<LiveConnection>> open(const config::HostPort& admin);
  ~LiveConnection();
  LiveConnection(const LiveConnection&) = delete;
  LiveConnection& operator=(const LiveConnection&) = delete;

  int descriptor() const noexcept { return socket_; }  // for poll
  // `take` gets each event that has come: its name, its JSON, and that read. False: there will be no more.
  using Take = std::function<void(std::string_view event, std::string_view json, const bedrock::JsonValue& value)>;
  bool read(const Take& take);

 private:
  explicit LiveConnection(int socket) : socket_(socket) {}
  void give(const Take& take);

  int socket_;
  bedrock::SseDecoder decoder_;
};

}  // namespace borehole::app
