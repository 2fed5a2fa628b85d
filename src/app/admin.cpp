#include "app/admin.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "app/readiness.h"
#include "calls/live_calls.h"
#include "store/store_place.h"
#include "web/metrics.h"
#include "web/status.h"

namespace borehole::app {

namespace {

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

web::Readiness readiness(const AdminSources& s) {
  ReadinessFacts facts;
  facts.draining = s.draining;
  facts.wall = s.clock.wall();
  facts.now = s.clock.now();
  facts.ca_not_after = s.authority->facts().not_after;
  facts.ca_folder = s.authority->folder();
  facts.trouble = s.recorder.trouble();
  for (const auto& worker : s.workers) {
    if (const auto at = worker->out_of_memory_at()) facts.out_of_memory_at = std::max(facts.out_of_memory_at, at);
  }
  if (s.config.record.store) facts.store_faults = store::place_faults(*s.config.record.store, "the call store");
  return judge(facts);
}

web::WorkerFigures figures(const server::Worker& worker) {
  const server::WorkerCounters& c = worker.counters();
  web::WorkerFigures out;
  out.accepted = c.accepted.value();
  out.over_limit = c.over_limit.value();
  out.over_address_limit = c.over_address_limit.value();
  out.too_fast = c.too_fast.value();
  out.not_allowed = c.not_allowed.value();
  out.out_of_descriptors = c.out_of_descriptors.value();
  out.over_buffers = c.over_buffers.value();
  out.out_of_memory = c.out_of_memory.value();
  out.open = c.open.value();
  out.buffered = c.buffered.value();
  out.client_received = c.client_received.value();
  out.client_sent = c.client_sent.value();
  out.upstream_received = c.upstream_received.value();
  out.upstream_sent = c.upstream_sent.value();
  out.dials = c.dials.value();
  out.dials_failed = c.dials_failed.value();
  out.resumptions = c.resumptions.value();
  out.handshakes = c.handshakes.value();
  out.pool_hits = c.pool_hits.value();
  out.pool_misses = c.pool_misses.value();
  out.pool_idle = c.pool_idle.value();
  out.h2_connections = c.h2_connections.value();
  out.h2_streams = c.h2_streams.value();
  out.h2_behind_goaway = c.h2_behind_goaway.value();
  out.h2_over_limit = c.h2_over_limit.value();
  out.h2_floods = c.h2_floods.value();
  out.h2_malformed = c.h2_malformed.value();
  out.minted = worker.minted();
  out.not_minted = worker.not_minted();
  if (const auto time = worker.cpu_time()) out.cpu_seconds = std::chrono::duration<double>(*time).count();
  return out;
}

std::string metrics(const AdminSources& s) {
  web::MetricsFigures out;
  out.calls = s.statistics.figures();
  out.records = s.recorder.counters();
  out.jsonl_torn = s.jsonl.torn.load(std::memory_order_relaxed);
  out.jsonl_rotations = s.jsonl.rotations.load(std::memory_order_relaxed);
  if (s.world.live != nullptr) out.live_dropped = s.world.live->dropped();
  for (const auto& worker : s.workers) out.workers.push_back(figures(*worker));
  out.process = web::process_figures();
  out.version = BOREHOLE_VERSION;
  out.started_at = s.started_at;
  out.ca_not_after = s.authority->facts().not_after;
  out.ready = readiness(s).wrong.empty();
  return web::metrics_text(out);
}

std::string status(const AdminSources& s) {
  web::Status out;
  out.version = BOREHOLE_VERSION;
  out.pid = getpid();
  out.started_at = s.started_at;
  out.draining = s.draining;
  for (const auto& address : s.world.listening) out.listen.push_back(address.to_string());
  out.admin = s.admin_address();
  out.workers = s.workers.size();
  if (!s.config.file.empty()) out.config_file = s.config.file;
  out.store = s.config.record.store;
  out.jsonl = s.config.record.jsonl;
  out.ca_folder = s.authority->folder();
  out.ca_sha256 = s.authority->facts().root_sha256;
  out.ca_not_after = s.authority->facts().not_after;
  return web::status_json(out);
}

}  // namespace

std::shared_ptr<const proxy::OwnPages> load_own_pages(const ca::CertificateAuthority& authority) {
  auto pages = std::make_shared<proxy::OwnPages>();
  pages->ca_pem = authority.root_pem();
  pages->ca_der = contents(authority.folder() + "/ca.der");
  pages->bundle_pem = contents(authority.folder() + "/bundle.pem");
  pages->ca_sha256 = authority.facts().root_sha256;
  return pages;
}

web::CaFiles ca_files(const proxy::OwnPages& pages) { return {pages.ca_pem, pages.ca_der, pages.bundle_pem}; }

web::AdminContent admin_content(const AdminSources& sources) {
  web::AdminContent content;
  content.readiness = [sources] { return readiness(sources); };
  content.metrics = [sources] { return metrics(sources); };
  content.status = [sources] { return status(sources); };
  content.ca = ca_files(sources.pages);
  content.store = sources.config.record.store;
  content.live = sources.world.live;
  content.version = BOREHOLE_VERSION;
  return content;
}

}  // namespace borehole::app
