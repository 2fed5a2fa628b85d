#include "config/from_gecholog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "config/gecholog_text.h"
#include "config/gecholog_yaml.h"
#include "config/hosts.h"
#include "config/scalars.h"
#include "config/value.h"

namespace borehole::config {
namespace {

constexpr std::string_view any_value = "regex:.+";  // Gecholog's condition "the header is there"

class Translator {
 public:
  Translator(const std::string& name, std::string_view json) : name_(name), json_(json) {}

  Translation run() {
    try {
      const Value root(source_, YAML::Load(json_for_yaml(json_)), YAML::Mark(), "");
      read_root(root);
    } catch (const YAML::Exception& wrong) {
      source_.complain(wrong.mark, fmt::format("this is not JSON ({}): mend it, or name Gecholog's gl_config.json",
                                               log::escaped(wrong.msg)));
    }
    if (!problems_.empty()) return {{}, {}, std::move(problems_)};
    auto yaml = gecholog_yaml(name_, found_, notes_);
    return {std::move(yaml), std::move(notes_), {}};
  }

 private:
  using Read = void (Translator::*)(const Value&);

  void note(YAML::Mark mark, const std::string& key, std::string_view what) {
    notes_.push_back(source_.at(mark, fmt::format("{}: {}", log::escaped(key), what)));
  }
  void note(const Value& value, std::string_view what) { note(value.mark(), value.key(), what); }

  // The entries of an object; of anything else a note.
  std::vector<Value::Pair> entries(const Value& value) {
    if (value.is_null()) return {};
    if (!value.node().IsMap()) {
      note(value, "is no object here, as it is in a gl_config.json; it was left out");
      return {};
    }
    bool good = true;
    return value.pairs(good);
  }
  std::vector<Value> elements(const Value& value) {
    bool good = true;
    if (value.node().IsSequence() || value.node().IsScalar()) return value.items(good);
    if (!value.is_null()) note(value, "is no list here, as it is in a gl_config.json; it was left out");
    return {};
  }
  // A scalar with our variables.
  std::optional<std::string> text(const Value& value) {
    if (!value.node().IsScalar()) {
      if (!value.is_null()) note(value, "is no single value here, as it is in a gl_config.json; it was left out");
      return std::nullopt;
    }
    auto ours = with_our_variables(value.node().Scalar());
    if (!ours) note(value, "holds a $ right before a variable, which cannot be written here; write it by hand");
    return ours;
  }
  bool is_true(const Value& value) { return value.is_text("true"); }
  static bool is_empty(const Value& value) {
    return value.is_null() || value.is_text("") || (!value.node().IsScalar() && value.node().size() == 0);
  }
  // Fits what ours is read with; where a variable is in it, that is seen when it is loaded.
  template <class Parse>
  bool fits(const Value& value, const std::string& ours, Parse parse) {
    if (holds_variable(ours)) return true;
    const auto parsed = parse(std::string_view(ours));
    if (!parsed) note(value, fmt::format("{}; it was left out", parsed.error()));
    return parsed.has_value();
  }

  void read_root(const Value& root) {
    bool good = true;
    const auto pairs = root.pairs(good);
    if (!good) return;
    constexpr std::array<std::pair<std::string_view, Read>, 16> keys{{
        {"gl_port", &Translator::read_port},
        {"log_level", &Translator::read_log_level},
        {"routers", &Translator::read_routers},
        {"tls", &Translator::read_tls},
        {"session_id_header", &Translator::read_session_header},
        {"masked_headers", &Translator::read_masked_headers},
        {"remove_headers", &Translator::read_remove_headers},
        {"request", &Translator::read_processors},
        {"response", &Translator::read_processors},
        {"logger", &Translator::read_logger},
        {"service_bus", &Translator::read_service_bus},
        {"log_unauthorized", &Translator::read_log_unauthorized},
        {"gateway_id", &Translator::read_gateway_id},
        {"version", &Translator::read_own},
        {"license_file", &Translator::read_own},
        {"license", &Translator::read_own},
    }};
    bool any = false;
    for (const auto& pair : pairs) {
      const auto known = std::ranges::find(keys, std::string_view(pair.key), &std::pair<std::string_view, Read>::first);
      if (known == keys.end()) {
        unknown(pair);
      } else {
        any = true;
        (this->*known->second)(pair.value);
      }
    }
    if (!any)
      source_.complain(root.mark(),
                       "holds no key of a gl_config.json: name the configuration of Gecholog's gl service");
  }

  void unknown(const Value::Pair& pair) {
    note(pair.key_mark, pair.value.key(), "not known; see conf/borehole.yaml for what borehole can be told");
  }

  void read_port(const Value& value) {
    const auto port = text(value);
    const auto parse = [](std::string_view given) { return parse_number(given, 1, 65535); };
    if (port && fits(value, *port, parse)) found_.port = *port;
  }

  void read_log_level(const Value& value) {
    const auto level = text(value);
    constexpr std::array<std::string_view, 4> levels{"debug", "info", "warn", "error"};
    if (!level) return;
    const auto ours = holds_variable(*level) ? *level : lower_case(*level);
    if (holds_variable(ours) || std::ranges::find(levels, ours) != levels.end())
      found_.log_level = ours;
    else
      note(value, "is none of DEBUG, INFO, WARN and ERROR; it was left out");
  }

  void read_session_header(const Value& value) {
    const auto header = text(value);
    if (!header || !fits(value, *header, parse_header_name)) return;
    found_.session_header = *header;
    note(value,
         "borehole keeps the session that a client names there, makes none up and sends none back; set "
         "record.answer_header to get each call's id with its answer");
  }

  void read_masked_headers(const Value& value) {
    for (const auto& item : elements(value)) {
      const auto header = text(item);
      if (header && fits(item, *header, parse_header_name)) found_.masked.push_back(*header);
    }
  }

  void read_remove_headers(const Value& value) {
    if (!is_empty(value)) note(value, "borehole takes no header away, so that signatures hold; nothing to do");
  }

  void read_processors(const Value& value) {
    for (const auto& pair : entries(value)) {
      if (pair.key != "processors") {
        unknown(pair);
        continue;
      }
      if (!is_empty(pair.value))
        note(pair.value,
             "no program is asked while a call is under way: tokens are counted without one, and for the "
             "rest read the records (`borehole calls`, record.jsonl)");
    }
  }

  void read_logger(const Value& value) {
    for (const auto& side : entries(value)) {
      for (const auto& pair : entries(side.value)) {
        if (pair.key != "fields_include" && pair.key != "fields_exclude")
          unknown(pair);
        else if (!is_empty(pair.value))
          note(pair.value,
               "records are whole: leave out values with record.mask_headers and bodies with "
               "record.bodies.max_bytes");
      }
    }
  }

  void read_service_bus(const Value& value) {
    note(value, "there is no bus: read the records with `borehole calls`, or name a file for them in record.jsonl");
  }
  void read_log_unauthorized(const Value& value) { note(value, "refused calls are always recorded; nothing to do"); }
  void read_gateway_id(const Value& value) {
    note(value, "it stood in the session ids that Gecholog made, which borehole does not; nothing to do");
  }
  void read_own(const Value& value) { note(value, "it concerned Gecholog alone; nothing to do"); }

  void read_tls(const Value& value) {
    for (const auto& side : entries(value)) {
      if (side.key == "ingress")
        read_tls_ingress(side.value);
      else if (side.key == "outbound")
        read_tls_outbound(side.value);
      else
        unknown(side);
    }
  }

  void read_tls_ingress(const Value& value) {
    for (const auto& pair : entries(value)) {
      if (pair.key == "enabled") {
        if (is_true(pair.value))
          note(pair.value, "the port takes TLS and plain HTTP at once; let clients trust ca.pem (`borehole ca path`)");
      } else if (pair.key != "certificate_file" && pair.key != "private_key_file") {
        unknown(pair);
      } else if (!is_empty(pair.value)) {
        note(pair.value,
             "borehole has certificates of its own CA and takes no other; let clients trust ca.pem "
             "(`borehole ca path`)");
      }
    }
  }

  void read_tls_outbound(const Value& value) {
    for (const auto& pair : entries(value)) {
      if (pair.key == "insecure") {
        if (is_true(pair.value))
          note(pair.value,
               "an upstream must prove itself, there is no switch for that: name its CA in "
               "upstream.ca_files");
      } else if (pair.key == "system_cert_pool") {
        if (!is_true(pair.value)) note(pair.value, "the system's roots are always trusted, besides upstream.ca_files");
      } else if (pair.key == "cert_files") {
        for (const auto& item : elements(pair.value))
          if (auto file = text(item); file && !file->empty()) found_.ca_files.push_back(*std::move(file));
      } else {
        unknown(pair);
      }
    }
  }

  void read_routers(const Value& value) {
    for (const auto& item : elements(value)) read_router(item);
  }

  void read_router(const Value& value) {
    GechologParts::Router router;
    std::optional<Value> path, url, outbound_headers;
    for (const auto& pair : entries(value)) {
      if (pair.key == "path") {
        path = pair.value;
      } else if (pair.key == "ingress") {
        for (const auto& below : entries(pair.value)) {
          if (below.key == "headers")
            for (const auto& header : entries(below.value)) read_required(header, router);
          else
            unknown(below);
        }
      } else if (pair.key == "outbound") {
        for (const auto& below : entries(pair.value)) {
          if (below.key == "url")
            url = below.value;
          else if (below.key == "headers")
            outbound_headers = below.value;
          else if (below.key != "endpoint")
            unknown(below);
          else if (!is_empty(below.value))
            note(below.value, "borehole passes on the path that the client sends: let clients send this one");
        }
      } else {
        unknown(pair);
      }
    }
    if (!path || !path_of(*path, router)) {
      if (!path) note(value, "has no path; it was left out");
      return;
    }
    if (outbound_headers) look_at_outbound_headers(*outbound_headers, router);
    if (router.path == "/") {
      if (url)
        note(*url,
             "calls through a proxy setting go to the host that they name, so the router / needs none; let "
             "clients that send bare paths to this port use the path of another router");
    } else if (!url) {
      return note(value, "has no outbound.url; it was left out");
    } else if (!upstream_of(*url, router)) {
      return;
    }
    found_.routers.push_back(std::move(router));
  }

  bool path_of(const Value& value, GechologParts::Router& router) {
    const auto path = text(value);
    if (!path || !fits(value, *path, parse_router_path)) return false;
    if (*path == "/echo" || path->starts_with("/echo/")) {
      note(value, "Gecholog answered this path itself, borehole has no echo; it was left out");
      return false;
    }
    if (std::ranges::any_of(found_.routers, [&](const auto& other) { return other.path == *path; })) {
      note(value, "stands in another router too; it was left out");
      return false;
    }
    router.path = *path;
    return true;
  }

  bool upstream_of(const Value& value, GechologParts::Router& router) {
    auto url = text(value);
    if (!url) return false;
    if (holds_variable(*url)) {
      note(value, "the variable must hold https:// and a host, perhaps a port, and no path, also no / at its end");
    } else {
      const auto scheme = url->find("://");
      const auto rest = scheme == url->npos ? url->npos : url->find_first_of("/?#", scheme + 3);
      if (rest != url->npos) {
        if (url->substr(rest) != "/")
          note(value, "its path is not put before the client's: let clients send the whole path behind the router's");
        url->resize(rest);
      }
      if (!fits(value, *url, parse_origin)) return false;
    }
    router.upstream = *std::move(url);
    return true;
  }

  void read_required(const Value::Pair& pair, GechologParts::Router& router) {
    const auto values = elements(pair.value);
    const auto name = parse_header_name(pair.key);
    if (!name) return note(pair.key_mark, pair.value.key(), fmt::format("{}; it was left out", name.error()));
    if (values.size() != 1)
      return note(pair.value, "a router compares a header with one value; this condition was left out");
    const auto wanted = text(values.front());
    if (!wanted) return;
    if (*wanted == any_value)
      return note(pair.value, "a router cannot ask for a header of any value; this condition was left out");
    if (std::ranges::any_of(router.headers, [&](const auto& other) { return lower_case(other.first) == *name; }))
      return note(pair.value, "stands twice in other case; it was left out");
    if (fits(pair.value, *wanted, parse_header_value)) router.headers.emplace_back(pair.key, *wanted);
  }

  void look_at_outbound_headers(const Value& value, const GechologParts::Router& router) {
    for (const auto& pair : entries(value)) {
      const auto values = elements(pair.value);
      const bool as_required = values.size() == 1 && values.front().node().IsScalar() &&
                               std::ranges::any_of(router.headers, [&](const auto& header) {
                                 return lower_case(header.first) == lower_case(pair.key) &&
                                        header.second == with_our_variables(values.front().node().Scalar());
                               });
      if (!as_required)
        note(pair.key_mark, pair.value.key(), "borehole adds no header and changes none: let the client send it");
    }
  }

  const std::string& name_;
  std::string_view json_;
  Environment environment_;  // of no use: variables stay variables
  std::vector<Problem> problems_;
  std::vector<Problem> notes_;
  Source source_{name_, {}, true, environment_, problems_};

  GechologParts found_;
};

}  // namespace

Translation from_gecholog(const std::string& name, std::string_view json) { return Translator(name, json).run(); }

}  // namespace borehole::config
