// `borehole ca export`: the root in the form that a client wants, to stdout or a file. Never writes a key.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "ca/certificate_authority.h"

namespace borehole::app {

enum class ExportFormat : std::uint8_t { pem, der, p12 };

struct ExportOptions {
  ExportFormat format = ExportFormat::pem;
  std::string out;         // empty or "-": stdout
  std::string password;    // of a p12; empty: the usual one
  bool only_ours = false;  // p12: without the system's roots
};

// config_invalid where the options do not fit together; what only deserves a warning goes to stderr.
Result<void> export_root(const ca::CertificateAuthority& authority, const ExportOptions& options);

}  // namespace borehole::app
