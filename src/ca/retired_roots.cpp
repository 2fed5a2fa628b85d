#include "ca/retired_roots.h"

#include <algorithm>

#include "ca/ca_files.h"
#include "ca/certificate_list.h"

namespace borehole::ca {
namespace {

constexpr const char* list_file = "/retired.txt";  // a line each: fingerprint, blank, subject
constexpr std::size_t fingerprint_size = 64;

std::string path_of(const std::string& folder) { return folder + list_file; }

}  // namespace

std::vector<std::string> retired_roots(const std::string& folder) {
  std::vector<std::string> roots;
  const auto text = read_file(path_of(folder));
  if (!text) return roots;
  for (std::size_t at = 0; at < text->size();) {
    const auto end = std::min(text->find('\n', at), text->size());
    const std::string fingerprint = text->substr(at, std::min(fingerprint_size, end - at));
    if (fingerprint.size() == fingerprint_size &&
        fingerprint.find_first_not_of("0123456789abcdef") == std::string::npos) {
      roots.push_back(fingerprint);
    }
    at = end + 1;
  }
  return roots;
}

Result<void> retire_root(const std::string& folder) {
  const auto pem = read_file(folder + "/ca.pem");
  if (!pem) return {};
  const auto listed = retired_roots(folder);
  const auto before = read_file(path_of(folder));
  const std::string old = before ? *before : std::string();
  std::string text = old;
  if (!text.empty() && text.back() != '\n') text += '\n';
  for (const auto& root : list_certificates(*pem)) {
    if (!root.is_borehole_root || std::find(listed.begin(), listed.end(), root.sha256) != listed.end()) continue;
    text += root.sha256 + " " + root.subject + "\n";
  }
  return text == old ? Result<void>() : replace_file(path_of(folder), text, 0644);
}

}  // namespace borehole::ca
