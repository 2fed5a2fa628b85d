// Wires the admin port: what it serves out of the running parts. Holds nothing of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ca/certificate_authority.h"
#include "calls/statistics.h"
#include "config/config.h"
#include "proxy/own_pages.h"
#include "server/worker.h"
#include "store/jsonl_sink.h"
#include "store/recorder.h"
#include "web/admin_server.h"

namespace borehole::app {

// The CA's files as clients fetch them; a file that is not there is an empty page.
std::shared_ptr<const proxy::OwnPages> load_own_pages(const ca::CertificateAuthority& authority);

web::CaFiles ca_files(const proxy::OwnPages& pages);

// What the admin port tells about. All of it outlives the port.
struct AdminSources {
  const config::Config& config;
  const Clock& clock;
  WallTime started_at;
  const std::shared_ptr<const ca::CertificateAuthority>& authority;  // the one in force
  const proxy::OwnPages& pages;                                      // at the beginning
  const store::Recorder& recorder;
  const calls::RunningStatistics& statistics;
  const store::JsonlCounters& jsonl;
  const server::ServerWorld& world;
  const std::vector<std::unique_ptr<server::Worker>>& workers;
  const bool& draining;
  std::function<std::string()> admin_address;
};

web::AdminContent admin_content(const AdminSources& sources);

}  // namespace borehole::app
