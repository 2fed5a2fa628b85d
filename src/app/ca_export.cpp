#include "app/ca_export.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <utility>

#include "base/bytes.h"
#include "ca/ca_files.h"
#include "ca/certificate_list.h"
#include "ca/client_files.h"

namespace borehole::app {
namespace {

Error usage(std::string detail) { return {ErrorCode::config_invalid, Fault::proxy, std::move(detail)}; }

Result<std::string> content_of(const ca::CertificateAuthority& authority, const ExportOptions& options) {
  switch (options.format) {
    case ExportFormat::pem: return authority.root_pem();
    case ExportFormat::der: return ca::list_certificates(authority.root_pem()).front().der;
    case ExportFormat::p12: break;
  }
  const auto anchors = ca::trust_anchors(authority.root_pem(), !options.only_ours);
  if (!options.only_ours && anchors.size() == 1) {
    std::cerr << "borehole: no roots of the system were found, so the file holds borehole's alone and Java will trust "
                 "nothing else: install ca-certificates\n";
  }
  return ca::to_pkcs12_trust_store(anchors, options.password.empty() ? ca::usual_p12_password : options.password);
}

Error cannot_write(const std::string& name) {
  return {ErrorCode::io_failed, Fault::proxy,
          fmt::format("{} cannot be written: {}; choose another --out", name, std::strerror(errno))};
}

Result<void> write_to(int fd, const std::string& name, Bytes content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unexpected(cannot_write(name));
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// A plain file is replaced in one step; a device or a pipe is written to, and a link followed.
Result<void> write_file(const std::string& path, const std::string& content) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return ca::replace_file(path, content, 0644);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return unexpected(cannot_write(path));
  auto written = write_to(fd, path, content);
  ::close(fd);
  return written;
}

}  // namespace

Result<void> export_root(const ca::CertificateAuthority& authority, const ExportOptions& options) {
  const bool is_p12 = options.format == ExportFormat::p12;
  if (!is_p12 && (!options.password.empty() || options.only_ours)) {
    return unexpected(usage("--password and --only-ours go with --format p12: leave them out, or add it"));
  }
  const bool to_stdout = options.out.empty() || options.out == "-";
  if (to_stdout && options.format != ExportFormat::pem && ::isatty(STDOUT_FILENO) == 1) {
    return unexpected(usage("a terminal cannot show this format: add --out FILE, or redirect stdout to a file"));
  }
  auto content = content_of(authority, options);
  if (!content) return unexpected(std::move(content).error());
  return to_stdout ? write_to(STDOUT_FILENO, "stdout", *content) : write_file(options.out, *content);
}

}  // namespace borehole::app
