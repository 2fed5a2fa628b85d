#include "web/metrics.h"

#include <algorithm>
#include <string_view>

#include "http/content_coding.h"
#include "web/exposition.h"

namespace borehole::web {

namespace {

using Type = Exposition::Type;

double seconds(WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

void add_calls(Exposition& out, const calls::CallFigures& calls) {
  out.family("borehole_calls_total", Type::counter,
             "Finished calls. status is the HTTP status, \"none\" where nothing was answered. Beyond a number of names "
             "operation and model are \"other\".");
  for (const auto& [labels, count] : calls.calls) {
    out.sample({{"operation", labels.operation}, {"model", labels.model}, {"status", labels.status}}, count);
  }
  out.single("borehole_calls_folded_total", Type::counter,
             "Finished calls that are counted under an \"other\", so that no client can make metrics without end.",
             calls.folded);
  out.family("borehole_call_outcomes_total", Type::counter, "Finished calls by how they ended.");
  for (const auto outcome : {calls::Outcome::complete, calls::Outcome::client_aborted, calls::Outcome::upstream_failed,
                             calls::Outcome::refused}) {
    const auto name = calls::outcome_name(outcome);
    const auto found = calls.outcomes.find(name);
    out.sample({{"outcome", name}}, found == calls.outcomes.end() ? std::uint64_t{0} : found->second);
  }
  out.family("borehole_call_errors_total", Type::counter,
             "Finished calls that ended in an error of borehole's, by its code (the header borehole-error).");
  for (const auto& [code, count] : calls.errors) out.sample({{"code", code}}, count);

  out.single("borehole_bodies_decoded_total", Type::counter,
             "Bodies of requests and answers that were compressed, and are decoded in their records.",
             calls.bodies_decoded);
  out.family(
      "borehole_body_coding_faults_total", Type::counter,
      "Compressed bodies that could not be decoded and are recorded as they came (with reason trailing: decoded, "
      "but for octets behind the end).");
  for (const auto fault : http::all_coding_faults) {
    const auto found = calls.coding_faults.find(std::string(http::coding_fault_name(fault)));
    out.sample({{"reason", http::coding_fault_name(fault)}},
               found == calls.coding_faults.end() ? std::uint64_t{0} : found->second);
  }
  out.family("borehole_redactions_total", Type::counter,
             "Texts and values of calls that were hidden in their records, by rule of record.redact.");
  for (const auto& [rule, count] : calls.redactions) out.sample({{"rule", rule}}, count);
  out.single("borehole_bodies_withheld_total", Type::counter,
             "Bodies that could not be redacted, and so were not kept; their records say why.", calls.bodies_withheld);

  out.family("borehole_throttled_calls_total", Type::counter,
             "Calls that Amazon throttled, each attempt counted; of borehole_calls_total it is the throttle rate.");
  for (const auto& [model, tokens] : calls.tokens) {
    const auto found = calls.throttles.find(model);
    out.sample({{"model", model}}, found == calls.throttles.end() ? std::uint64_t{0} : found->second);
  }
  out.family("borehole_tokens_total", Type::counter, "Tokens that responses reported.");
  for (const auto& [model, tokens] : calls.tokens) {
    out.sample({{"model", model}, {"type", "input"}}, tokens.input);
    out.sample({{"model", model}, {"type", "output"}}, tokens.output);
    out.sample({{"model", model}, {"type", "cache_read"}}, tokens.cache_read);
    out.sample({{"model", model}, {"type", "cache_write"}}, tokens.cache_write);
  }
  out.family("borehole_cost_usd_total", Type::counter, "Cost of the calls whose price is known, in US dollars.");
  for (const auto& [model, cost] : calls.cost_usd) out.sample({{"model", model}}, cost);

  const auto latency = [&](std::string_view name, std::string_view help, const auto& of) {
    out.family(name, Type::histogram, help);
    for (const auto& [operation, both] : calls.latency) out.histogram({"operation", operation}, of(both));
  };
  latency("borehole_call_duration_seconds", "From a complete call's begin to its end.",
          [](const calls::CallFigures::Latency& l) -> const calls::Histogram& { return l.total; });
  latency("borehole_call_upstream_first_byte_seconds", "From a call's request head to its response head.",
          [](const calls::CallFigures::Latency& l) -> const calls::Histogram& { return l.upstream_first_byte; });
  latency("borehole_call_first_token_seconds", "From a streamed call's request head to its first token.",
          [](const calls::CallFigures::Latency& l) -> const calls::Histogram& { return l.first_token; });
}

void add_records(Exposition& out, const MetricsFigures& figures) {
  const store::RecorderCounters& records = figures.records;
  out.single("borehole_records_delivered_total", Type::counter, "Records that the recorder took over from the workers.",
             records.delivered);
  out.single("borehole_records_written_total", Type::counter, "Records that were written everywhere they should be.",
             records.written);
  out.single("borehole_records_failed_total", Type::counter, "Records that could not be written; the log says why.",
             records.failed);
  out.single("borehole_records_dropped_total", Type::counter,
             "Records that were dropped because calls came faster than they could be written, or memory ran out.",
             records.dropped);
  out.single("borehole_mailbox_bytes", Type::gauge, "Memory of the records that wait to be written.",
             records.mailbox_bytes);
  out.single(
      "borehole_jsonl_torn_lines_total", Type::counter,
      "Lines without an end that the file of record.jsonl was found to end in, as after a kill; each was mended.",
      figures.jsonl_torn);
  out.single("borehole_jsonl_rotations_total", Type::counter,
             "Times that the file of record.jsonl was set aside since it had reached record.jsonl_max_bytes.",
             figures.jsonl_rotations);
}

WorkerFigures sum(const std::vector<WorkerFigures>& workers) {
  WorkerFigures all;
  for (const auto& w : workers) {
    all.accepted += w.accepted;
    all.over_limit += w.over_limit;
    all.over_address_limit += w.over_address_limit;
    all.too_fast += w.too_fast;
    all.not_allowed += w.not_allowed;
    all.out_of_descriptors += w.out_of_descriptors;
    all.over_buffers += w.over_buffers;
    all.out_of_memory += w.out_of_memory;
    all.open += w.open;
    all.buffered += w.buffered;
    all.client_received += w.client_received;
    all.client_sent += w.client_sent;
    all.upstream_received += w.upstream_received;
    all.upstream_sent += w.upstream_sent;
    all.dials += w.dials;
    all.dials_failed += w.dials_failed;
    all.handshakes += w.handshakes;
    all.resumptions += w.resumptions;
    all.pool_hits += w.pool_hits;
    all.pool_misses += w.pool_misses;
    all.pool_idle += w.pool_idle;
    all.h2_connections += w.h2_connections;
    all.h2_streams += w.h2_streams;
    all.h2_behind_goaway += w.h2_behind_goaway;
    all.h2_over_limit += w.h2_over_limit;
    all.h2_floods += w.h2_floods;
    all.h2_malformed += w.h2_malformed;
    all.minted += w.minted;
    all.not_minted += w.not_minted;
  }
  return all;
}

void add_workers(Exposition& out, const std::vector<WorkerFigures>& workers) {
  const WorkerFigures all = sum(workers);
  out.single("borehole_connections_open", Type::gauge, "Clients' connections that are open.", all.open);
  out.single("borehole_buffered_bytes", Type::gauge, "Octets that were received and not passed on yet.", all.buffered);
  out.single("borehole_connections_accepted_total", Type::counter, "Clients' connections that were accepted.",
             all.accepted);
  out.family("borehole_connections_refused_total", Type::counter,
             "Clients' connections that were refused: over limits.connections, limits.connections_per_address "
             "(address_limit) or limits.connections_per_second (address_rate), not in auth.allow_clients, over "
             "limits.buffered_bytes (buffers), or refused or closed for want of file descriptors.");
  out.sample({{"reason", "limit"}}, all.over_limit);
  out.sample({{"reason", "address_limit"}}, all.over_address_limit);
  out.sample({{"reason", "address_rate"}}, all.too_fast);
  out.sample({{"reason", "not_allowed"}}, all.not_allowed);
  out.sample({{"reason", "descriptors"}}, all.out_of_descriptors);
  out.sample({{"reason", "buffers"}}, all.over_buffers);
  out.single("borehole_connections_out_of_memory_total", Type::counter,
             "Clients' connections that were refused, or ended with their calls, because memory had run out.",
             all.out_of_memory);
  out.single("borehole_h2_connections_total", Type::counter, "Clients' connections that spoke HTTP/2.",
             all.h2_connections);
  out.single("borehole_h2_streams_total", Type::counter, "Streams that clients opened on them.", all.h2_streams);
  out.family("borehole_h2_streams_refused_total", Type::counter,
             "Streams that were not taken and have no record, since clients may send the same again: opened behind a "
             "GOAWAY, or over limits.h2_streams (limit).");
  out.sample({{"reason", "goaway"}}, all.h2_behind_goaway);
  out.sample({{"reason", "limit"}}, all.h2_over_limit);
  out.family("borehole_h2_faults_total", Type::counter,
             "HTTP/2 that was not taken: flood is a connection that was ended with ENHANCE_YOUR_CALM, malformed a "
             "stream or connection that broke RFC 9113.");
  out.sample({{"kind", "flood"}}, all.h2_floods);
  out.sample({{"kind", "malformed"}}, all.h2_malformed);
  out.family("borehole_received_bytes_total", Type::counter, "Octets of HTTP and tunnels that came, without TLS.");
  out.sample({{"from", "client"}}, all.client_received);
  out.sample({{"from", "upstream"}}, all.upstream_received);
  out.family("borehole_sent_bytes_total", Type::counter, "Octets of HTTP and tunnels that were sent, without TLS.");
  out.sample({{"to", "client"}}, all.client_sent);
  out.sample({{"to", "upstream"}}, all.upstream_sent);
  out.single("borehole_certificates_minted_total", Type::counter, "Leaf certificates that were made for hosts.",
             all.minted);
  out.single("borehole_certificates_refused_total", Type::counter,
             "Leaf certificates that were not made, because new hosts were named faster than they may be.",
             all.not_minted);
  out.single("borehole_upstream_connections_idle", Type::gauge, "Upstream connections that wait for another call.",
             all.pool_idle);
  out.family("borehole_upstream_leases_total", Type::counter,
             "Upstream connections asked for by calls: reused is one that had carried another call.");
  out.sample({{"reused", "true"}}, all.pool_hits);
  out.sample({{"reused", "false"}}, all.pool_misses);
  out.single("borehole_upstream_dials_total", Type::counter, "Upstream connections that were begun.", all.dials);
  out.single("borehole_upstream_dials_failed_total", Type::counter,
             "Upstream connections that did not come to be: DNS, TCP, upstream.proxy or TLS.", all.dials_failed);
  out.family("borehole_upstream_tls_handshakes_total", Type::counter,
             "TLS handshakes with upstreams: resumed is one that took up an earlier session.");
  out.sample({{"resumed", "true"}}, all.resumptions);
  out.sample({{"resumed", "false"}}, all.handshakes - std::min(all.handshakes, all.resumptions));

  out.family("borehole_worker_connections_open", Type::gauge, "Clients' connections that are open, by worker.");
  for (std::size_t i = 0; i < workers.size(); ++i) out.sample({{"worker", std::to_string(i)}}, workers[i].open);
  out.family("borehole_worker_cpu_seconds_total", Type::counter,
             "CPU time of a worker's thread: at one second a second it can do no more.");
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (workers[i].cpu_seconds) out.sample({{"worker", std::to_string(i)}}, *workers[i].cpu_seconds);
  }
}

void add_process(Exposition& out, const MetricsFigures& figures) {
  const auto& process = figures.process;
  out.family("borehole_build_info", Type::gauge, "1; the label is the version.");
  out.sample({{"version", figures.version}}, std::uint64_t{1});
  out.single("borehole_ready", Type::gauge, "1: /readyz answers 200.", std::uint64_t{figures.ready ? 1U : 0U});
  out.single("borehole_ca_not_after_timestamp_seconds", Type::gauge, "When the CA expires, in seconds since 1970.",
             seconds(figures.ca_not_after));
  out.single("process_start_time_seconds", Type::gauge, "When the process was started, in seconds since 1970.",
             seconds(figures.started_at));
  const auto known = [&](std::string_view name, Type type, std::string_view help, const auto& value) {
    if (value) out.single(name, type, help, *value);
  };
  known("process_cpu_seconds_total", Type::counter, "User and system CPU time.", process.cpu_seconds);
  known("process_resident_memory_bytes", Type::gauge, "Resident memory.", process.resident_bytes);
  known("process_virtual_memory_bytes", Type::gauge, "Virtual memory.", process.virtual_bytes);
  known("process_open_fds", Type::gauge, "Open file descriptors.", process.open_descriptors);
  known("process_max_fds", Type::gauge, "Most file descriptors that may be open.", process.most_descriptors);
}

}  // namespace

std::string metrics_text(const MetricsFigures& figures) {
  Exposition out;
  add_calls(out, figures.calls);
  add_records(out, figures);
  out.single("borehole_live_events_dropped_total", Type::counter,
             "What happened in running calls and was not shown to who looked on, because it came too fast.",
             figures.live_dropped);
  add_workers(out, figures.workers);
  add_process(out, figures);
  return out.take();
}

}  // namespace borehole::web
