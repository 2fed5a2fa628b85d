#include "proxy/own_pages.h"

#include <fmt/format.h>

#include "http/target.h"

namespace borehole::proxy {

namespace {

std::string welcome(const OwnPages& pages) {
  return fmt::format(R"(borehole works: this answer came through the proxy.

It opens TLS with certificates of its own CA, which a client must trust. In a container, for example, where HTTPS_PROXY
is the address that led here:

  curl -sf -x $HTTPS_PROXY -o /tmp/borehole-bundle.pem http://{0}/bundle.pem
  curl -sf -x $HTTPS_PROXY -o /tmp/borehole-ca.pem http://{0}/ca.pem
  export AWS_CA_BUNDLE=/tmp/borehole-bundle.pem REQUESTS_CA_BUNDLE=/tmp/borehole-bundle.pem
  export SSL_CERT_FILE=/tmp/borehole-bundle.pem CURL_CA_BUNDLE=/tmp/borehole-bundle.pem
  export NODE_EXTRA_CA_CERTS=/tmp/borehole-ca.pem NODE_USE_ENV_PROXY=1

/ca.pem      the root to trust
/ca.der      the same, in DER
/bundle.pem  the system's roots and ours

This answer is not encrypted. `borehole ca show` on the proxy's machine prints the fingerprint of the root to trust:

  SHA-256 {1}
)",
                     own_host, pages.ca_sha256);
}

struct Page {
  int status = 200;
  std::string_view reason = "OK";
  std::string_view type = "text/plain; charset=utf-8";
  std::string body;
};

Page page_for(const http::RequestHead& head, const OwnPages& pages) {
  if (head.method() != "GET" && head.method() != "HEAD") {
    return {405, "Method Not Allowed", "text/plain; charset=utf-8",
            fmt::format("http://{}/ answers GET and HEAD only.\n", own_host)};
  }
  const auto target = http::split_target(head.method(), head.target());
  const Bytes path = target ? http::path_of(target->origin) : Bytes();
  if (path.empty() || path == "/") return {.body = welcome(pages)};
  const std::string* found = path == "/ca.pem"       ? &pages.ca_pem
                             : path == "/ca.der"     ? &pages.ca_der
                             : path == "/bundle.pem" ? &pages.bundle_pem
                                                     : nullptr;
  if (found == nullptr || found->empty()) {
    return {404, "Not Found", "text/plain; charset=utf-8",
            fmt::format("There are /, /ca.pem, /ca.der and /bundle.pem at http://{}/.\n", own_host)};
  }
  return {200, "OK", path == "/ca.der" ? "application/pkix-cert" : "application/x-pem-file", *found};
}

}  // namespace

bool is_for_own_pages(const http::RequestHead& head, const Surroundings& at) {
  if (at.origin || head.target().starts_with('/')) return false;  // most requests
  const auto target = http::split_target(head.method(), head.target());
  if (!target || target->form != http::TargetForm::absolute || !http::same_name(target->scheme, "http")) return false;
  const auto authority = http::parse_authority(target->authority, 80);
  return authority && authority->host == own_host && authority->port == 80;
}

std::string own_response(const http::RequestHead& head, const OwnPages& pages, bool close) {
  const Page page = page_for(head, pages);
  return fmt::format(
      "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n{}cache-control: no-store\r\n"
      "x-content-type-options: nosniff\r\ncontent-security-policy: default-src 'none'\r\n{}\r\n{}",
      page.status, page.reason, page.type, page.body.size(), page.status == 405 ? "allow: GET, HEAD\r\n" : "",
      close ? "connection: close\r\n" : "", head.method() == "HEAD" ? std::string_view() : page.body);
}

}  // namespace borehole::proxy
