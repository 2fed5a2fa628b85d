// One file, though a long one: nghttp2's callbacks and the state that they fill are one thing.
#include "http/h2_codec.h"

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/buffer.h"

namespace borehole::http {

namespace {

constexpr std::size_t field_overhead = 32;           // RFC 9113 section 6.5.2
constexpr std::uint8_t priority_update_type = 0x10;  // RFC 9218 section 7.1
constexpr std::size_t most_priority_value = 256;     // octets of a Priority Field Value that are passed on
constexpr std::size_t most_continuations = 8;        // CONTINUATION frames behind one HEADERS (CVE-2024-27316)
// nghttp2 counts how often it reads on in the header of such a frame, which is 9 octets long.
constexpr std::size_t most_continuation_reads = most_continuations * 9 + 9;
constexpr std::size_t most_settings = 32;                    // entries of one SETTINGS frame
constexpr std::size_t most_waiting_acknowledgements = 1000;  // of PING and SETTINGS that nobody reads
constexpr std::int32_t connection_window = 4 * 1024 * 1024;
constexpr StreamId highest_stream_id = 0x7fffffff;

const std::uint8_t* octets(const std::string& text) noexcept {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

Bytes text_of(const std::uint8_t* data, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(data), size};
}

std::vector<nghttp2_nv> as_nv(const H2Fields& fields) {
  std::vector<nghttp2_nv> out;
  out.reserve(fields.size());
  for (const H2Field& field : fields) {
    // nghttp2 copies both before the submitting call returns, and writes to neither.
    out.push_back({const_cast<std::uint8_t*>(octets(field.name)), const_cast<std::uint8_t*>(octets(field.value)),
                   field.name.size(), field.value.size(),
                   static_cast<std::uint8_t>(field.never_indexed ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)});
  }
  return out;
}

[[noreturn]] void out_of_memory() { throw std::bad_alloc(); }

// What else nghttp2 says there is nothing to be done about.
void check_memory(ssize_t status) {
  if (status == NGHTTP2_ERR_NOMEM || status == NGHTTP2_ERR_CALLBACK_FAILURE) out_of_memory();
}

template <class T, void (*Delete)(T*)>
struct Deleter {
  void operator()(T* object) const noexcept { Delete(object); }
};
using SessionPointer = std::unique_ptr<nghttp2_session, Deleter<nghttp2_session, nghttp2_session_del>>;
using OptionPointer = std::unique_ptr<nghttp2_option, Deleter<nghttp2_option, nghttp2_option_del>>;
using CallbacksPointer =
    std::unique_ptr<nghttp2_session_callbacks, Deleter<nghttp2_session_callbacks, nghttp2_session_callbacks_del>>;

}  // namespace

std::string h2_error_name(std::uint32_t code) {
  static constexpr std::array<const char*, 14> names{"NO_ERROR",
                                                     "PROTOCOL_ERROR",
                                                     "INTERNAL_ERROR",
                                                     "FLOW_CONTROL_ERROR",
                                                     "SETTINGS_TIMEOUT",
                                                     "STREAM_CLOSED",
                                                     "FRAME_SIZE_ERROR",
                                                     "REFUSED_STREAM",
                                                     "CANCEL",
                                                     "COMPRESSION_ERROR",
                                                     "CONNECT_ERROR",
                                                     "ENHANCE_YOUR_CALM",
                                                     "INADEQUATE_SECURITY",
                                                     "HTTP_1_1_REQUIRED"};
  return code < names.size() ? names[code] : fmt::format("error {:#x}", code);
}

struct H2Codec::State {
  // The body that goes out on one stream.
  struct Outgoing {
    Buffer pending;
    bool ended = false;
    bool end_left = false;
    H2Fields trailers;
    std::optional<std::uint32_t> reset;  // once all has left
  };
  // The header block that is coming in; there is one at a time (RFC 9113 section 4.3).
  struct Incoming {
    H2Fields fields;
    std::size_t bytes = 0;
    std::size_t continuations = 0;
    bool too_large = false;
    bool malformed = false;
  };

  State(Role of, const H2Limits& within, H2Events& to) : role(of), limits(within), events(to) {}

  Role role;
  H2Limits limits;
  H2Events& events;
  SessionPointer session;
  std::unordered_map<StreamId, Outgoing> outgoing;
  Incoming incoming;
  std::string priority_update;                // payload of the frame that is coming in
  std::vector<std::string> priority_updates;  // on their way out, oldest first
  int own_goodbyes = 0;                       // GOAWAYs with an error that we asked for, and that are still to be sent
  StreamId highest = 0;                       // of the streams that the other side opened, also where none was taken
  bool said_goodbye = false;                  // a GOAWAY has left, or will, behind which no stream is taken
  bool connection_window_withheld = false;
  bool failed = false;

  Outgoing* find(StreamId stream) noexcept {
    const auto found = outgoing.find(stream);
    return found == outgoing.end() ? nullptr : &found->second;
  }

  static State& of(void* user) noexcept { return *static_cast<State*>(user); }

  // What C calls must not throw; only memory can run out in here.
  template <class F>
  static int guarded(F&& take) noexcept {
    try {
      return take();
    } catch (...) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame*, void* user) noexcept {
    of(user).incoming = {};
    return 0;
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* header, void* user) noexcept {
    return guarded([&] {
      State& self = of(user);
      if (header->type == NGHTTP2_HEADERS) self.headers_begin(header->stream_id);
      if (header->type == NGHTTP2_CONTINUATION && ++self.incoming.continuations > most_continuations)
        self.fail(h2_error::enhance_your_calm, "too many CONTINUATION frames");
      return 0;
    });
  }

  // Of a stream behind a GOAWAY nghttp2 tells nothing but this.
  void headers_begin(StreamId stream) {
    if (role != Role::server || stream % 2 == 0 || stream <= highest) return;
    highest = stream;
    if (said_goodbye) events.on_refused(stream, false);
  }

  static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t flags, void* user) noexcept {
    return guarded([&] {
      State& self = of(user);
      Incoming& in = self.incoming;
      in.bytes += name_size + value_size + field_overhead;
      if (in.bytes > self.limits.header_list_bytes) {
        in.too_large = true;
        return 0;
      }
      in.fields.push_back({std::string(text_of(name, name_size)), std::string(text_of(value, value_size)),
                           (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0});
      return 0;
    });
  }

  // A field that RFC 9113 section 8.2 forbids: dropping it would forward another message than was sent.
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                               std::size_t name_size, const std::uint8_t*, std::size_t, std::uint8_t,
                               void* user) noexcept {
    return guarded([&]() -> int {
      State& self = of(user);
      if (!std::exchange(self.incoming.malformed, true)) {
        self.events.on_malformed(frame->hd.stream_id,
                                 fmt::format("the field \"{}\" has a name or value that HTTP/2 forbids (RFC 9113 "
                                             "section 8.2)",
                                             text_of(name, std::min<std::size_t>(name_size, 64))));
      }
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    });
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
    return guarded([&] {
      of(user).frame_came(*frame);
      return 0;
    });
  }

  // Where the client's window is scarce its streams get of it in turn: by the default of newer versions of nghttp2 (RFC
  // 9218 section 4.2: not incremental) the oldest would get all of it. What priority a client states, the upstream is
  // told.
  void share_alike(StreamId stream) noexcept {
    const nghttp2_extpri in_turn{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
    if (role == Role::server) nghttp2_session_change_extpri_stream_priority(session.get(), stream, &in_turn, 1);
  }

  void frame_came(const nghttp2_frame& frame) {
    const StreamId stream = frame.hd.stream_id;
    const bool ended = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame.hd.type) {
      case NGHTTP2_HEADERS: {
        Incoming in = std::exchange(incoming, {});
        if (in.malformed) return;
        const bool head = role == Role::server ? frame.headers.cat == NGHTTP2_HCAT_REQUEST
                                               : in.fields.empty() || in.fields.front().name.starts_with(':');
        if (head) {
          share_alike(stream);
          events.on_head(stream, std::move(in.fields), ended, in.too_large);
        } else {
          events.on_trailers(stream, std::move(in.fields), in.too_large);
        }
        return;
      }
      case NGHTTP2_DATA:
        if (ended) return events.on_end(stream);
        if (frame.hd.length == frame.data.padlen || frame.hd.length == 0) events.on_idle_frame();
        return;
      case NGHTTP2_SETTINGS:
        if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) return;
        events.on_idle_frame();
        return events.on_settings(
            nghttp2_session_get_remote_settings(session.get(), NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1);
      case NGHTTP2_PING:
        if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) events.on_idle_frame();
        return;
      case NGHTTP2_PRIORITY: return events.on_idle_frame();
      case NGHTTP2_GOAWAY:
        return events.on_goaway(frame.goaway.last_stream_id, frame.goaway.error_code,
                                std::string(text_of(frame.goaway.opaque_data, frame.goaway.opaque_data_len)));
      case priority_update_type: {
        const std::string payload = std::exchange(priority_update, {});
        events.on_idle_frame();
        if (payload.size() < 4 || payload.size() > 4 + most_priority_value) return;
        std::uint32_t id = 0;
        for (std::size_t i = 0; i < 4; ++i) id = id << 8U | static_cast<unsigned char>(payload[i]);
        return events.on_priority_update(static_cast<StreamId>(id & 0x7fffffffU), Bytes(payload).substr(4));
      }
      default: return;
    }
  }

  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) noexcept {
    return guarded([&] {
      State& self = of(user);
      if (frame->hd.type != NGHTTP2_HEADERS) return 0;
      if (error == NGHTTP2_ERR_REFUSED_STREAM) {
        self.events.on_refused(frame->hd.stream_id, true);
      } else if (!std::exchange(self.incoming.malformed, true)) {
        self.events.on_malformed(frame->hd.stream_id,
                                 fmt::format("it breaks RFC 9113 section 8: {}", nghttp2_strerror(error)));
      }
      return 0;
    });
  }

  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                     std::size_t size, void* user) noexcept {
    return guarded([&] {
      State& self = of(user);
      if (!self.connection_window_withheld) check_memory(nghttp2_session_consume_connection(session, size));
      self.events.on_body(stream, text_of(data, size));
      return 0;
    });
  }

  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* user) noexcept {
    return guarded([&] {
      State& self = of(user);
      const auto found = self.outgoing.find(stream);
      const bool whole = found != self.outgoing.end() && found->second.end_left && code == h2_error::none;
      if (found != self.outgoing.end()) self.outgoing.erase(found);
      if (!whole) self.events.on_reset(stream, code);
      return 0;
    });
  }

  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept {
    return guarded([&] {
      State& self = of(user);
      if (frame->hd.type != NGHTTP2_GOAWAY) return 0;
      if (frame->goaway.last_stream_id != highest_stream_id) self.said_goodbye = true;
      if (frame->goaway.error_code == h2_error::none) return 0;
      if (self.own_goodbyes > 0) {
        --self.own_goodbyes;
        return 0;
      }
      if (!std::exchange(self.failed, true)) {
        self.events.on_failed(frame->goaway.error_code,
                              std::string(text_of(frame->goaway.opaque_data, frame->goaway.opaque_data_len)));
      }
      return 0;
    });
  }

  // For what nghttp2 does not say goodbye to itself.
  void fail(std::uint32_t code, const char* why) {
    if (std::exchange(failed, true)) return;
    said_goodbye = true;
    check_memory(nghttp2_session_terminate_session(session.get(), code));
    events.on_failed(code, why);
  }

  static int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) noexcept {
    return guarded([&] {
      State& self = of(user);
      if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
      if (self.outgoing.erase(frame->hd.stream_id) == 0 || error == NGHTTP2_ERR_STREAM_CLOSING) return 0;
      self.events.on_reset(frame->hd.stream_id, h2_error::refused_stream);
      return 0;
    });
  }

  static ssize_t read_body(nghttp2_session* session, std::int32_t stream, std::uint8_t* into, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source*, void* user) noexcept {
    std::size_t size = 0;
    const int failed = guarded([&] {
      State& self = of(user);
      Outgoing* const out = self.find(stream);
      if (out == nullptr) return static_cast<int>(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE);
      size = std::min(room, out->pending.size());
      out->pending.view().copy(reinterpret_cast<char*>(into), size);
      out->pending.consume(size);
      const bool drained = out->pending.empty();
      if (drained && out->ended) {
        out->end_left = true;
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (!out->trailers.empty()) {
          *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
          const auto nv = as_nv(out->trailers);
          if (nghttp2_submit_trailer(session, stream, nv.data(), nv.size()) != 0) out_of_memory();
        }
      }
      if (size > 0) self.events.on_left(stream, size);
      if (drained && out->ended) self.events.on_all_left(stream);
      if (drained && out->reset) {
        if (nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, *out->reset) != 0) out_of_memory();
      }
      return size == 0 && !(drained && out->ended) ? static_cast<int>(NGHTTP2_ERR_DEFERRED) : 0;
    });
    return failed != 0 ? failed : static_cast<ssize_t>(size);
  }

  static int on_extension_chunk(nghttp2_session*, const nghttp2_frame_hd*, const std::uint8_t* data, std::size_t size,
                                void* user) noexcept {
    return guarded([&] {
      State& self = of(user);
      if (self.priority_update.size() <= 4 + most_priority_value) self.priority_update += text_of(data, size);
      return 0;
    });
  }

  static int unpack_extension(nghttp2_session*, void** payload, const nghttp2_frame_hd*, void*) noexcept {
    *payload = nullptr;
    return 0;
  }

  static ssize_t pack_extension(nghttp2_session*, std::uint8_t* into, std::size_t room, const nghttp2_frame*,
                                void* user) noexcept {
    State& self = of(user);
    if (self.priority_updates.empty()) return NGHTTP2_ERR_CANCEL;
    const std::string payload = std::move(self.priority_updates.front());
    self.priority_updates.erase(self.priority_updates.begin());
    if (payload.size() > room) return NGHTTP2_ERR_CANCEL;
    payload.copy(reinterpret_cast<char*>(into), payload.size());
    return static_cast<ssize_t>(payload.size());
  }

  static const nghttp2_session_callbacks& callbacks() {
    static const CallbacksPointer made = [] {
      nghttp2_session_callbacks* raw = nullptr;
      if (nghttp2_session_callbacks_new(&raw) != 0) out_of_memory();
      nghttp2_session_callbacks_set_on_begin_frame_callback(raw, on_begin_frame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(raw, on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(raw, on_header);
      nghttp2_session_callbacks_set_on_invalid_header_callback(raw, on_invalid_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(raw, on_frame);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(raw, on_invalid_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(raw, on_data);
      nghttp2_session_callbacks_set_on_stream_close_callback(raw, on_close);
      nghttp2_session_callbacks_set_on_frame_send_callback(raw, on_sent);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(raw, on_not_sent);
      nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(raw, on_extension_chunk);
      nghttp2_session_callbacks_set_unpack_extension_callback(raw, unpack_extension);
      nghttp2_session_callbacks_set_pack_extension_callback(raw, pack_extension);
      return CallbacksPointer(raw);
    }();
    return *made;
  }
};

H2Codec::H2Codec(Role role, const H2Limits& limits, H2Events& events)
    : state_(std::make_unique<State>(role, limits, events)) {
  nghttp2_option* raw_option = nullptr;
  if (nghttp2_option_new(&raw_option) != 0) out_of_memory();
  const OptionPointer option(raw_option);
  nghttp2_option_set_no_auto_window_update(option.get(), 1);
  nghttp2_option_set_no_closed_streams(option.get(), 1);
  nghttp2_option_set_user_recv_extension_type(option.get(), priority_update_type);
  nghttp2_option_set_max_outbound_ack(option.get(), most_waiting_acknowledgements);
  nghttp2_option_set_max_settings(option.get(), most_settings);
  nghttp2_option_set_max_continuations(option.get(), most_continuation_reads);
  nghttp2_option_set_max_send_header_block_length(option.get(), 16 * limits.header_list_bytes + 64 * 1024);
  nghttp2_option_set_peer_max_concurrent_streams(option.get(), limits.max_streams);

  nghttp2_session* raw = nullptr;
  const auto make = role == Role::server ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
  if (make(&raw, &State::callbacks(), state_.get(), option.get()) != 0) out_of_memory();
  state_->session.reset(raw);

  std::vector<nghttp2_settings_entry> settings;
  if (role == Role::server) {
    settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_streams});
  } else {
    settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  }
  settings.push_back({NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window});
  settings.push_back({NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.header_list_bytes)});
  if (nghttp2_submit_settings(raw, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0) out_of_memory();
  if (nghttp2_session_set_local_window_size(raw, NGHTTP2_FLAG_NONE, 0, connection_window) != 0) out_of_memory();
}

H2Codec::~H2Codec() = default;

void H2Codec::feed(Bytes bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(state_->session.get(),
                                                 reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken >= 0) return;
  check_memory(taken);
  // What nghttp2 meets inside a frame it answers itself; of these it only tells.
  state_->fail(taken == NGHTTP2_ERR_FLOODED ? h2_error::enhance_your_calm : h2_error::protocol,
               nghttp2_strerror(static_cast<int>(taken)));
}

Bytes H2Codec::pull() {
  const std::uint8_t* data = nullptr;
  const ssize_t size = nghttp2_session_mem_send(state_->session.get(), &data);
  check_memory(size);
  return size > 0 ? text_of(data, static_cast<std::size_t>(size)) : Bytes();
}

bool H2Codec::finished() const noexcept {
  return nghttp2_session_want_read(state_->session.get()) == 0 &&
         nghttp2_session_want_write(state_->session.get()) == 0;
}

StreamId H2Codec::request(const H2Fields& fields, bool ended) {
  const auto nv = as_nv(fields);
  nghttp2_data_provider body{};
  body.read_callback = State::read_body;
  if (nghttp2_session_check_request_allowed(state_->session.get()) == 0) return 0;
  const std::int32_t stream =
      nghttp2_submit_request(state_->session.get(), nullptr, nv.data(), nv.size(), ended ? nullptr : &body, nullptr);
  if (stream == NGHTTP2_ERR_NOMEM) out_of_memory();
  if (stream <= 0) return 0;
  auto& out = state_->outgoing[stream];
  out.ended = out.end_left = ended;
  return stream;
}

void H2Codec::informational(StreamId stream, const H2Fields& fields) {
  const auto nv = as_nv(fields);
  if (nghttp2_submit_headers(state_->session.get(), NGHTTP2_FLAG_NONE, stream, nullptr, nv.data(), nv.size(),
                             nullptr) == NGHTTP2_ERR_NOMEM)
    out_of_memory();
}

void H2Codec::response(StreamId stream, const H2Fields& fields, bool ended) {
  const auto nv = as_nv(fields);
  nghttp2_data_provider body{};
  body.read_callback = State::read_body;
  auto& out = state_->outgoing[stream];
  out.ended = out.end_left = ended;
  if (nghttp2_submit_response(state_->session.get(), stream, nv.data(), nv.size(), ended ? nullptr : &body) ==
      NGHTTP2_ERR_NOMEM)
    out_of_memory();
}

void H2Codec::body(StreamId stream, Bytes content) {
  State::Outgoing* const out = state_->find(stream);
  if (out == nullptr || out->ended || content.empty()) return;
  out->pending.append(content);
  check_memory(nghttp2_session_resume_data(state_->session.get(), stream));
}

void H2Codec::end(StreamId stream) { trailers(stream, {}); }

void H2Codec::trailers(StreamId stream, H2Fields fields) {
  State::Outgoing* const out = state_->find(stream);
  if (out == nullptr || out->ended) return;
  out->ended = true;
  out->trailers = std::move(fields);
  check_memory(nghttp2_session_resume_data(state_->session.get(), stream));
}

void H2Codec::reset(StreamId stream, std::uint32_t code) {
  if (nghttp2_submit_rst_stream(state_->session.get(), NGHTTP2_FLAG_NONE, stream, code) == NGHTTP2_ERR_NOMEM)
    out_of_memory();
}

void H2Codec::reset_behind_body(StreamId stream, std::uint32_t code) {
  State::Outgoing* const out = state_->find(stream);
  if (out == nullptr || (out->pending.empty() && (!out->ended || out->end_left))) return reset(stream, code);
  out->reset = code;
}

std::size_t H2Codec::unsent(StreamId stream) const noexcept {
  const State::Outgoing* const out = state_->find(stream);
  return out == nullptr ? 0 : out->pending.size();
}

void H2Codec::consumed(StreamId stream, std::size_t octets) {
  check_memory(stream == 0 ? nghttp2_session_consume_connection(state_->session.get(), octets)
                           : nghttp2_session_consume_stream(state_->session.get(), stream, octets));
}

void H2Codec::consumed_now(StreamId stream, std::size_t octets) {
  const std::size_t before = window(stream);
  consumed(stream, octets);
  if (window(stream) != before) return;  // that made half a window, and all of it was given
  // nghttp2 keeps count of what was consumed and not told, padding too: this takes away what was just added.
  check_memory(nghttp2_submit_window_update(state_->session.get(), NGHTTP2_FLAG_NONE, stream,
                                            static_cast<std::int32_t>(octets)));
}

void H2Codec::withhold_connection_window(bool is) noexcept { state_->connection_window_withheld = is; }

std::size_t H2Codec::window(StreamId stream) const noexcept {
  const std::int32_t size = stream == 0 ? nghttp2_session_get_local_window_size(state_->session.get())
                                        : nghttp2_session_get_stream_local_window_size(state_->session.get(), stream);
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

void H2Codec::priority_update(StreamId stream, Bytes value) {
  std::string payload;
  for (const unsigned shift : {24U, 16U, 8U, 0U})
    payload += static_cast<char>(static_cast<std::uint32_t>(stream) >> shift & 0xffU);
  payload += value;
  state_->priority_updates.push_back(std::move(payload));
  if (nghttp2_submit_extension(state_->session.get(), priority_update_type, NGHTTP2_FLAG_NONE, 0, nullptr) != 0)
    state_->priority_updates.pop_back();
}

void H2Codec::allow_extended_connect() {
  const nghttp2_settings_entry setting{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
  if (nghttp2_submit_settings(state_->session.get(), NGHTTP2_FLAG_NONE, &setting, 1) == NGHTTP2_ERR_NOMEM)
    out_of_memory();
}

void H2Codec::goaway(StreamId last, std::uint32_t code, Bytes debug) {
  if (code != h2_error::none) ++state_->own_goodbyes;
  check_memory(nghttp2_submit_goaway(state_->session.get(), NGHTTP2_FLAG_NONE, last, code,
                                     reinterpret_cast<const std::uint8_t*>(debug.data()), debug.size()));
}

void H2Codec::announce_shutdown() { check_memory(nghttp2_submit_shutdown_notice(state_->session.get())); }

void H2Codec::terminate(std::uint32_t code) {
  ++state_->own_goodbyes;
  state_->said_goodbye = true;
  check_memory(nghttp2_session_terminate_session(state_->session.get(), code));
}

StreamId H2Codec::last_stream() const noexcept {
  return nghttp2_session_get_last_proc_stream_id(state_->session.get());
}

}  // namespace borehole::http
