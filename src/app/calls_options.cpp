#include "app/calls_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string_view>
#include <vector>

#include "app/foundation.h"
#include "app/moments.h"

namespace borehole::app {

namespace {

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// An option whose value is one of a few names.
void add_choice(CLI::App& command, const std::string& name, std::optional<std::string>& value,
                std::vector<std::string> names) {
  const std::string all = fmt::format("{}", fmt::join(names, ", "));
  command.add_option_function<std::string>(
      name,
      [name, &value, all, names = std::move(names)](const std::string& text) {
        value = lower(text);
        if (std::find(names.begin(), names.end(), *value) == names.end()) {
          throw CLI::ValidationError(name, "one of these is wanted: " + all);
        }
      },
      "one of " + all);
}

void add_moment(CLI::App& command, const std::string& name, std::optional<WallTime>& value, const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [name, &value](const std::string& text) {
            value = parse_moment(text, SystemClock().wall());
            if (!value) {
              throw CLI::ValidationError(
                  name, "a time is wanted: 10m, 2h or 1d ago, 2026-01-31, 2026-01-31T15:04, or RFC 3339 with a zone");
            }
          },
          help)
      ->type_name("TIME");
}

}  // namespace

bool CallsOptions::filtered() const noexcept {
  const auto& f = filter;
  return f.model || f.operation || f.outcome || f.way_in || f.access_key || f.region || f.sdk || f.host || f.session ||
         f.text || f.status || f.errors || f.since || f.until || f.before;
}

void add_filters(CLI::App& command, CallsOptions& options) {
  store::CallFilter& filter = options.filter;
  command.add_option("--model", filter.model, "calls of this model (a part of its id is enough)");
  command.add_option("--operation", filter.operation, "calls of this operation, e.g. Converse");
  command
      .add_option_function<std::string>(
          "--status",
          [&filter](const std::string& text) {
            if (store::choose_status(filter, text)) return;
            throw CLI::ValidationError("--status", "a status (429), a class of them (4xx) or `error` is wanted");
          },
          "calls with this HTTP status (429), of this class (4xx), or `error`: 400 and above, or not complete")
      ->type_name("STATUS");
  add_choice(command, "--outcome", filter.outcome, {"complete", "client_aborted", "upstream_failed", "refused"});
  add_choice(command, "--way-in", filter.way_in, {"connect", "absolute", "gateway", "direct"});
  add_moment(command, "--since", filter.since, "calls that started at this time (10m, 2h, 1d ago, a date) or later");
  add_moment(command, "--until", filter.until, "calls that started before this time");
  command
      .add_option("--key,--access-key", filter.access_key,
                  "calls signed with this access key id or API key, or with those that record.key_aliases names so")
      ->type_name("KEY");
  command.add_option("--sdk", filter.sdk, "calls of this SDK (a part of its name is enough)");
  command.add_option("--host", filter.host, "calls to this host (a part of its name is enough)");
  command.add_option("--region", filter.region, "calls to this region");
  command.add_option("--session", filter.session,
                     "calls of this session: the whole value of the header that record.session_header names");
  command.add_option("--text", filter.text, "calls whose record holds this text");
  command.add_option("--before", filter.before, "calls that started before this one did")->type_name("ID");
}

bool load(const CommandLine& line, CallsOptions& options) {
  options.config = load_configuration(line);
  if (!options.config) return false;
  if (!options.filter.access_key) return true;
  for (const auto& [key, name] : options.config->record.key_aliases) {
    if (lower(name) == lower(*options.filter.access_key)) options.filter.aliased_keys.push_back(key);
  }
  return true;
}

std::string alias_of(const CallsOptions& options, const std::string& key) {
  const auto& aliases = options.config->record.key_aliases;
  const auto found = aliases.find(key);
  return found == aliases.end() ? std::string() : found->second;
}

std::string named_key(const CallsOptions& options, const std::string& key) {
  const std::string alias = alias_of(options, key);
  return alias.empty() ? key : fmt::format("{} ({})", alias, key);
}

std::optional<std::string> store_path(const CallsOptions& options, int& status) {
  status = 1;
  const auto& config = options.config;
  if (!config->record.store) {
    std::cerr << "borehole: `record.store` is null, so no calls are kept; set it to a file\n";
    return std::nullopt;
  }
  return *config->record.store;
}

std::unique_ptr<store::CallStoreReader> open_store(const CallsOptions& options, int& status) {
  const auto path = store_path(options, status);
  if (!path) return nullptr;
  auto reader = store::CallStoreReader::open(*path);
  if (!reader) {
    if (reader.error().code == ErrorCode::not_found) {
      std::cerr << fmt::format("borehole: there are no calls at {} yet; {}\n", *path, how_to_send);
    } else {
      failed(reader.error());
    }
    return nullptr;
  }
  return *std::move(reader);
}

int failed(const Error& error) {
  std::cerr << "borehole: " << error.detail << '\n';
  return 1;
}

int failed_records(std::uint64_t damaged) {
  std::cerr << fmt::format(
      "borehole: {} of the records {} damaged and left out, all others are written; a copy of the store from before "
      "may "
      "still hold what is lost\n",
      damaged, damaged == 1 ? "is" : "are");
  return 1;
}

int told_of_unreadable(std::uint64_t unreadable, int status) {
  if (unreadable == 0) return status;
  std::cerr << fmt::format(
      "borehole: {} of the records {} damaged and could not be searched for the text, all others were; without --text "
      "the list has {} as well\n",
      unreadable, unreadable == 1 ? "is" : "are", unreadable == 1 ? "it" : "them");
  return 1;
}

}  // namespace borehole::app
