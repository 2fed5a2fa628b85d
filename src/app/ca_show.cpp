#include "app/ca_show.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/log.h"
#include "ca/ca_files.h"
#include "calls/utf8.h"

namespace borehole::app {
namespace {

struct ListedFile {
  const char* key;   // in JSON
  const char* name;  // in the folder
  const char* use;
};

constexpr std::array<ListedFile, 6> files{{
    {"root", "ca.pem", "the root, to be trusted"},
    {"root_der", "ca.der", "the same as DER"},
    {"bundle", "bundle.pem", "the system's roots and ours, for programs that replace theirs"},
    {"java_trust_store", "trust.p12", "the same for Java; its password is changeit"},
    {"issuing", "issuing.pem", "the issuing CA, which signs what clients are shown"},
    {"issuing_key", "issuing.key", "its key: keep it to yourself"},
}};

// AB:CD:…, as browsers, openssl and keytool show fingerprints.
std::string with_colons(const std::string& hex) {
  std::string shown;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (i > 0 && i % 2 == 0) shown += ':';
    shown += static_cast<char>(hex[i] >= 'a' ? hex[i] - 'a' + 'A' : hex[i]);
  }
  return shown;
}

std::string_view in_words(TrustState state) {
  switch (state) {
    case TrustState::trusted: return "trusted";
    case TrustState::not_trusted:
    case TrustState::other_borehole_ca: return "not trusted";
    case TrustState::unknown: break;
  }
  return "not known";
}

std::string days(int count) { return fmt::format("{} {}", count, count == 1 ? "day" : "days"); }

// Writes members in order; knows nothing of nesting but commas.
class JsonText {
 public:
  JsonText& open(char bracket) {
    out_ += bracket;
    first_ = true;
    return *this;
  }
  JsonText& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  JsonText& key(std::string_view name) {
    comma();
    calls::append_json_string(out_, name);
    out_ += ':';
    first_ = true;  // no comma before its value
    return *this;
  }
  JsonText& text(std::string_view value) {
    comma();
    calls::append_json_string(out_, value);
    return *this;
  }
  JsonText& number(int value) {
    comma();
    out_ += std::to_string(value);
    return *this;
  }
  JsonText& element() {
    comma();
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  void comma() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  std::string out_;
  bool first_ = true;
};

}  // namespace

std::string ends_soon(const ca::AuthorityFacts& facts, WallTime now) {
  const int left = ca::days_left(facts, now);
  if (left >= ca::soon_days) return {};
  return fmt::format("the CA ends in {}: run `borehole ca rotate`, restart the proxy, and run `borehole ca trust`",
                     days(left));
}

std::string readable_authority(const ca::CertificateAuthority& authority, const std::vector<TrustStoreState>& stores,
                               WallTime now) {
  const auto& facts = authority.facts();
  std::string text = fmt::format(
      "root      {}\n          SHA-256 {}\n          SHA-1   {}\nissuing   {}\n          SHA-256 {}\n"
      "valid     {} to {}, {} left\npermits  ",
      log::escaped(facts.root_subject), with_colons(facts.root_sha256), with_colons(facts.root_sha1),
      log::escaped(facts.issuing_subject), with_colons(facts.issuing_sha256), format_rfc3339(facts.not_before),
      format_rfc3339(facts.not_after), days(ca::days_left(facts, now)));
  for (const auto& name : facts.constraints.dns) text += " " + name;
  for (const auto& range : facts.constraints.ip) text += " " + range;
  text += '\n';
  const char* label = "files     ";
  for (const auto& file : files) {
    const std::string path = authority.folder() + "/" + file.name;
    if (!ca::exists(path)) continue;
    text += fmt::format("{}{}  {}\n", label, log::escaped(path), file.use);
    label = "          ";
  }
  label = "stores    ";
  if (stores.empty()) text += fmt::format("{}none is here: no system store, no database of a browser\n", label);
  std::vector<std::string> remedies;
  for (const auto& store : stores) {
    text += fmt::format("{}{}, {}: {}{}\n", label, log::escaped(store.name), log::escaped(store.path),
                        in_words(store.state), store.detail.empty() ? "" : ", " + log::escaped(store.detail));
    label = "          ";
    const bool known = std::find(remedies.begin(), remedies.end(), store.remedy) != remedies.end();
    if (!store.remedy.empty() && !known) remedies.push_back(store.remedy);
  }
  for (const auto& remedy : remedies) text += fmt::format("{}{}\n", label, log::escaped(remedy));
  return text;
}

std::string authority_json(const ca::CertificateAuthority& authority, const std::vector<TrustStoreState>& stores,
                           WallTime now) {
  const auto& facts = authority.facts();
  JsonText json;
  json.open('{').key("root").open('{').key("subject").text(facts.root_subject).key("sha256").text(facts.root_sha256);
  json.key("sha1").text(facts.root_sha1).close('}');
  json.key("issuing").open('{').key("subject").text(facts.issuing_subject);
  json.key("sha256").text(facts.issuing_sha256).close('}');
  json.key("not_before").text(format_rfc3339(facts.not_before)).key("not_after").text(format_rfc3339(facts.not_after));
  json.key("days_left").number(ca::days_left(facts, now));
  json.key("permits").open('{').key("dns").open('[');
  for (const auto& name : facts.constraints.dns) json.text(name);
  json.close(']').key("ip").open('[');
  for (const auto& range : facts.constraints.ip) json.text(range);
  json.close(']').close('}').key("files").open('{');
  for (const auto& file : files) {
    const std::string path = authority.folder() + "/" + file.name;
    if (ca::exists(path)) json.key(file.key).text(path);
  }
  json.close('}').key("stores").open('[');
  for (const auto& store : stores) {
    json.element().open('{').key("name").text(store.name).key("kind").text(store_kind_name(store.kind));
    json.key("path").text(store.path).key("state").text(trust_state_name(store.state));
    if (!store.detail.empty()) json.key("detail").text(store.detail);
    if (!store.remedy.empty()) json.key("remedy").text(store.remedy);
    json.close('}');
  }
  return json.close(']').close('}').take();
}

}  // namespace borehole::app
