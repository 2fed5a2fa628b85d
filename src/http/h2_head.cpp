#include "http/h2_head.h"

#include <algorithm>
#include <utility>

#include "http/head_indexer.h"
#include "http/syntax.h"

namespace borehole::http {

namespace {

void append_line(std::string& out, Bytes name, Bytes value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

}  // namespace

H2Pseudo pseudo_of(const H2Fields& fields) {
  H2Pseudo out;
  for (const H2Field& field : fields) {
    if (!field.name.starts_with(':')) break;  // RFC 9113 section 8.3: they come first
    if (field.name == ":method") out.method = field.value;
    if (field.name == ":scheme") out.scheme = field.value;
    if (field.name == ":authority") out.authority = field.value;
    if (field.name == ":path") out.path = field.value;
    if (field.name == ":protocol") out.protocol = field.value;
  }
  return out;
}

H2RequestHead as_request_head(const H2Fields& fields, Bytes target) {
  const H2Pseudo pseudo = pseudo_of(fields);
  H2RequestHead out;
  std::string raw(pseudo.method.value_or("GET"));
  raw += ' ';
  raw += target;
  raw += " HTTP/1.1\r\n";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name != ":authority") continue;
    append_line(raw, "host", fields[i].value);
    out.origin.push_back(i);
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const H2Field& field = fields[i];
    if (field.name.starts_with(':')) continue;
    if (field.name == "host" && pseudo.authority && field.value == *pseudo.authority) continue;
    append_line(raw, field.name, field.value);
    out.origin.push_back(i);
  }
  raw += "\r\n";
  out.head = HeadIndexer::request(std::move(raw));
  return out;
}

ResponseHead as_response_head(const H2Fields& fields) {
  std::string raw = "HTTP/1.1 ";
  for (const H2Field& field : fields) {
    if (field.name == ":status") raw += field.value;
  }
  raw += " \r\n";
  for (const H2Field& field : fields) {
    if (!field.name.starts_with(':')) append_line(raw, field.name, field.value);
  }
  raw += "\r\n";
  return HeadIndexer::response(std::move(raw));
}

H2Fields edited(const H2Fields& fields, const H2RequestHead& of, const HeadEdit& edit, Bytes scheme) {
  std::vector<bool> removed(fields.size());
  for (const std::size_t field : edit.removed_fields) removed[of.origin[field]] = true;
  H2Fields out;
  out.reserve(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (removed[i]) continue;
    out.push_back(fields[i]);
    if (edit.target && fields[i].name == ":path") out.back().value = *edit.target;
    if (!scheme.empty() && fields[i].name == ":scheme") out.back().value = scheme;
    for (const HeadEdit::Replacement& replacement : edit.replaced_values) {
      const H2Field& replaced = fields[of.origin[replacement.field]];
      // A Host field that says the same as `:authority` goes with it.
      const bool twin = replaced.name == ":authority" && fields[i].name == "host" && fields[i].value == replaced.value;
      if (of.origin[replacement.field] == i || twin) out.back().value = replacement.value;
    }
  }
  return out;
}

H2Fields as_response_fields(Bytes response, Bytes& body) {
  const std::size_t end = std::min(response.find("\r\n\r\n"), response.size() - 4) + 4;
  body = response.substr(end);
  const ResponseHead head = HeadIndexer::response(std::string(response.substr(0, end)));
  H2Fields out{{":status", std::to_string(head.status())}};
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    if (same_name(head.name(i), "connection")) continue;
    std::string name(head.name(i));
    std::transform(name.begin(), name.end(), name.begin(), to_lower);
    out.push_back({std::move(name), std::string(head.value(i))});
  }
  return out;
}

}  // namespace borehole::http
