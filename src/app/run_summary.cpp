#include "app/run_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "bedrock/hosts.h"
#include "bedrock/json_view.h"
#include "calls/call_record.h"
#include "calls/utf8.h"

namespace borehole::app {

namespace {

constexpr std::size_t most_failures = 8;  // kinds that are shown
constexpr std::size_t longest_reason = 400;
constexpr std::size_t widest_model = 72;

// What Amazon's own message leaves open (the error types of Bedrock's API reference); of our own codes the one that
// cannot say it itself.
struct Remedy {
  std::string_view error, text;
};
constexpr std::array<Remedy, 13> remedies{{
    {"AccessDeniedException", "let this identity use the model: in IAM, and under Model access in the Bedrock console"},
    {"ExpiredTokenException", "get new AWS credentials (`aws sso login`, or a new session token)"},
    {"UnrecognizedClientException", "check the AWS credentials of the program (`aws sts get-caller-identity`)"},
    {"InvalidSignatureException", "check the secret key, the clock, and that the program signs for Amazon's host"},
    {"MissingAuthenticationTokenException", "give the program AWS credentials, so that it signs its calls"},
    {"IncompleteSignatureException", "check how the program signs its requests"},
    {"ThrottlingException", "send fewer calls at once, or use an inference profile of several regions"},
    {"ServiceQuotaExceededException", "ask for a higher quota (Service Quotas, Amazon Bedrock)"},
    {"ResourceNotFoundException", "check the model's id and the region"},
    {"ModelNotReadyException", "try again in a minute"},
    {"ModelTimeoutException", "ask for less output, or stream the answer"},
    {"client_tls_failed",
     "most likely it does not trust the CA: it has a setting of its own for that; let it name bundle.pem as "
     "AWS_CA_BUNDLE "
     "does"},
    {"InternalServerException", "try again; the fault is Amazon's"},
}};

std::string remedy_for(std::string_view error_type, std::string_view message) {
  if (message.find("on-demand throughput") != message.npos) {
    return "use the id of an inference profile, such as us.MODEL-ID";
  }
  for (const auto& [error, text] : remedies) {
    if (error_type == error) return std::string(text);
  }
  return {};
}

std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  return std::string(calls::without_partial_utf8(std::string_view(text).substr(0, most - 3))) + "...";
}

bool is_unreachable(std::string_view code) {
  return code == "dns_failed" || code == "connect_failed" || code == "connect_timeout" || code == "tls_failed" ||
         code == "certificate_rejected";
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

void count(std::optional<std::uint64_t>& sum, std::optional<std::uint64_t> value) {
  if (value) sum = sum.value_or(0) + *value;
}

std::string number(const std::optional<std::uint64_t>& value) { return value ? std::to_string(*value) : "-"; }

std::string plural(std::uint64_t amount, std::string_view word) {
  return fmt::format("{} {}{}", amount, word, amount == 1 ? "" : "s");
}

}  // namespace

bool RunSummary::add(std::string_view record_json) {
  const bedrock::JsonDocument document(record_json);
  if (!document.root()) return false;
  const auto& record = *document.root();
  const auto text = [&](std::string_view path) { return std::string(bedrock::json_string(record, path).value_or("")); };
  const auto number = [&](std::string_view path) -> std::optional<double> {
    double value = 0;
    const auto element = bedrock::json_at(record, path);
    if (!element || element->get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
  };
  const std::string id = text("id");
  const std::string outcome = text("outcome");
  if (id.empty() || outcome.empty()) return false;

  const std::string host = text("upstream/host");
  const std::string operation = text("aws/operation");
  const std::string model = text("aws/model_id");
  const std::string target = calls::whole_target(host, text("request/target"));
  const bool is_bedrock = !operation.empty() || !model.empty() || bedrock::parse_endpoint(host).has_value();
  const auto status = bedrock::json_count(record, "response/status");
  const bool bad = outcome != "complete" || status.value_or(0) >= 400 || !text("response/stream/exception").empty();
  const std::string code = text("error/code");
  if (is_unreachable(code)) ++unreachable_;

  if (is_bedrock) {
    ++calls_;
    const std::string without_model = operation.empty() ? "(no model)" : "(" + operation + ")";
    Model& sums = models_[model.empty() ? without_model : model];
    ++sums.calls;
    if (bad) ++sums.errors;
    if (text("usage/source") != "count_tokens") {
      count(sums.input_tokens, bedrock::json_count(record, "usage/input_tokens"));
    }
    count(sums.output_tokens, bedrock::json_count(record, "usage/output_tokens"));
    if (const auto total = number("timing_ms/total")) sums.total_ms.push_back(*total);
  } else {
    ++others_;
    if (code.empty()) return true;  // an error of another service is not ours to explain
  }
  if (!bad) return true;

  ++failed_;
  Failure failure;
  failure.example_id = id;
  const std::string method = text("request/method");
  if (!operation.empty()) {
    failure.what = model.empty() ? operation : operation + " " + model;
  } else {
    failure.what = method.empty() ? "a connection to " + host : method + " " + target;
  }
  const std::string type = text("response/error_type");
  if (!code.empty()) {
    failure.reason = fmt::format("{} {}: {}", outcome, code, text("error/message"));
    failure.remedy = remedy_for(code, {});
  } else if (!type.empty()) {
    const std::string message = text("response/error_message");
    failure.reason = fmt::format("{} {}: {}", status.value_or(0), type, message);
    failure.remedy = remedy_for(type, message);
  } else if (const auto exception = text("response/stream/exception"); !exception.empty()) {
    failure.reason = fmt::format("{} inside the stream", exception);
    failure.remedy = remedy_for(exception, {});
  } else {
    failure.reason = status ? fmt::format("status {}, {}", *status, outcome) : outcome;
  }
  failure.what = cut(calls::for_terminal(failure.what), longest_reason);
  failure.reason = cut(calls::for_terminal(failure.reason), longest_reason);
  const auto known = std::find_if(failures_.begin(), failures_.end(), [&](const Failure& other) {
    return other.what == failure.what && other.reason == failure.reason;
  });
  if (known != failures_.end()) {
    ++known->times;
  } else {
    failure.times = 1;
    failures_.push_back(std::move(failure));
  }
  return true;
}

std::string RunSummary::table() const {
  std::vector<std::pair<std::string, const Model*>> rows;
  std::size_t width = 5;
  for (const auto& [name, model] : models_) {
    rows.emplace_back(cut(calls::for_terminal(name), widest_model), &model);
    width = std::max(width, rows.back().first.size());
  }
  std::string out = fmt::format("  {:<{}}  {:>6}  {:>6}  {:>9}  {:>9}  {:>9}  {:>9}\n", "MODEL", width, "CALLS",
                                "ERRORS", "IN", "OUT", "MEDIAN MS", "MAX MS");
  const auto ms = [](const Model& model, auto&& of) {
    return model.total_ms.empty() ? std::string("-") : fmt::format("{:.1f}", of(model.total_ms));
  };
  for (const auto& [name, model] : rows) {
    out += fmt::format("  {:<{}}  {:>6}  {:>6}  {:>9}  {:>9}  {:>9}  {:>9}\n", name, width, model->calls, model->errors,
                       number(model->input_tokens), number(model->output_tokens), ms(*model, median),
                       ms(*model, [](const auto& all) { return *std::max_element(all.begin(), all.end()); }));
  }
  return out;
}

std::string RunSummary::text() const {
  std::string out;
  const auto to = std::back_inserter(out);
  if (saw_bedrock()) {
    std::optional<std::uint64_t> in, tokens_out;
    for (const auto& [name, model] : models_) {
      count(in, model.input_tokens);
      count(tokens_out, model.output_tokens);
    }
    fmt::format_to(to, "borehole: {}, {} failed", plural(calls_, "Bedrock call"), failed_);
    if (in || tokens_out) fmt::format_to(to, "; {} tokens in, {} out", number(in), number(tokens_out));
    out += '\n';
    out += table();
  }
  const std::size_t shown = std::min(failures_.size(), most_failures);
  for (std::size_t i = 0; i < shown; ++i) {
    const Failure& failure = failures_[i];
    fmt::format_to(to, "  failed{}: {} ({})\n    {}\n",
                   failure.times > 1 ? fmt::format(" {} times", failure.times) : "", failure.what, failure.example_id,
                   failure.reason);
    if (!failure.remedy.empty()) fmt::format_to(to, "    to do: {}\n", failure.remedy);
  }
  if (failures_.size() > shown) fmt::format_to(to, "  and {} more kinds of failure\n", failures_.size() - shown);
  return out;
}

}  // namespace borehole::app
