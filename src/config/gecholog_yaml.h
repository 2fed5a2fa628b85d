// What was understood of a gl_config.json, and how it is written as a configuration of ours. Never judges a value.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/load.h"

namespace borehole::config {

// Texts with our variables; empty where Gecholog's file says nothing.
struct GechologParts {
  struct Router {
    std::string path;
    std::string upstream;  // empty: the empty router
    std::vector<std::pair<std::string, std::string>> headers;
  };
  std::string port, log_level, session_header;
  std::vector<std::string> masked, ca_files;
  std::vector<Router> routers;
};

std::string gecholog_yaml(const std::string& name, const GechologParts& parts, const std::vector<Problem>& notes);

}  // namespace borehole::config
