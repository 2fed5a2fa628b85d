// What a program's calls came to, by model, as text for a person. Reads records; never a store, never a proxy.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace borehole::app {

class RunSummary {
 public:
  // One record as JSON (CONTRACT section 8); headers and bodies need not be there. False: it is no record.
  bool add(std::string_view record_json);

  bool saw_bedrock() const noexcept { return calls_ > 0; }
  std::uint64_t others() const noexcept { return others_; }  // requests to other hosts, over plain HTTP
  // Failures whose reason is that the other side could not be reached at all.
  bool could_not_reach() const noexcept { return unreachable_ > 0; }

  // Lines ended by newlines: a sum, a row for each model, and each kind of failure with the id of its first call. What
  // is not known is shown as `-`. Without a Bedrock call there are failures at most.
  std::string text() const;

 private:
  struct Model {
    std::uint64_t calls = 0, errors = 0;
    std::optional<std::uint64_t> input_tokens, output_tokens;
    std::vector<double> total_ms;
  };
  struct Failure {
    std::string what, reason, remedy, example_id;
    std::uint64_t times = 0;
  };
  std::string table() const;

  std::map<std::string, Model> models_;
  std::vector<Failure> failures_;  // each kind once, in the order of the first of it
  std::uint64_t calls_ = 0, failed_ = 0, others_ = 0, unreachable_ = 0;
};

}  // namespace borehole::app
