#include "bedrock/price.h"

#include <limits>
#include <string>

#include "catch.h"

using namespace borehole::bedrock;

namespace {

using Count = std::optional<std::uint64_t>;

// Dollars for a million tokens, in millionths: 3'000'000 is $3.
constexpr ModelPrice sonnet{{3'000'000, 15'000'000, 300'000, 3'750'000, 6'000'000},
                            TokenPrices{6'000'000, 22'500'000, 600'000, 7'500'000, 12'000'000},
                            {1'500'000, 7'500'000, {}, {}, {}},
                            {}};
constexpr ModelPrice nova_micro{{35'000, 140'000, {}, {}, {}}, {}, {}, {}};
constexpr ModelPrice embedding{{20'000, 0, {}, {}, {}}, {}, {}, {}};
constexpr ModelPrice canvas{{}, {}, {}, 60'000'000'000};
constexpr ModelPrice dear{{999'999'999'999, 999'999'999'999, {}, {}, {}}, {}, {}, {}};

struct Row {
  const char* what;
  const ModelPrice& price;
  Count input, output, cache_read, cache_write, cache_write_1h, images;
  bool batch;
  const char* dollars;  // by hand; null: unknown
};

const Row rows[] = {
    {"input and output: 0.0003 + 0.003", sonnet, 100, 200, {}, {}, {}, {}, false, "0.0033"},
    {"one token of each: 0.000003 + 0.000015", sonnet, 1, 1, 0, 0, 0, {}, false, "0.000018"},
    {"nothing", sonnet, 0, 0, {}, {}, {}, {}, false, "0"},
    {"cache read: 0.00006 + 0.0003 + 0.0003", sonnet, 20, 20, 1000, {}, {}, {}, false, "0.00066"},
    {"cache write, five minutes: 0.00006 + 0.0003 + 0.00375", sonnet, 20, 20, {}, 1000, {}, {}, false, "0.00411"},
    {"cache write, 600 of 1000 for an hour: 0.0003 + 0.0015 + 0.0036",
     sonnet,
     0,
     20,
     0,
     1000,
     600,
     {},
     false,
     "0.0054"},
    {"all at once: 0.00006 + 0.000675 + 0.0003 + 0.00015 + 0.00036",
     sonnet,
     20,
     45,
     1000,
     100,
     60,
     {},
     false,
     "0.001545"},
    {"200,000 of a prompt are not long: 0.6 + 0.0015", sonnet, 200'000, 100, {}, {}, {}, {}, false, "0.6015"},
    {"200,001 are: 1.200006 + 0.00225", sonnet, 200'001, 100, {}, {}, {}, {}, false, "1.202256"},
    {"cached tokens make a prompt long: 0.6 + 0.09 + 0.00225",
     sonnet,
     100'000,
     100,
     150'000,
     0,
     {},
     {},
     false,
     "0.69225"},
    {"writes too: 0.000006 + 0.00225 + 1.8 (of which none for an hour)",
     sonnet,
     1,
     100,
     {},
     240'000,
     {},
     {},
     false,
     "1.802256"},
    {"batch: 0.0015 + 0.0075", sonnet, 1000, 1000, {}, {}, {}, {}, true, "0.009"},
    {"batch has no price of caches here", sonnet, 1000, 1000, 1, {}, {}, {}, true, nullptr},
    {"a small model: 0.000000035 + 0.00000014", nova_micro, 1, 1, {}, {}, {}, {}, false, "0.000000175"},
    {"a hundred million tokens: 3.5 + 14", nova_micro, 100'000'000, 100'000'000, {}, {}, {}, {}, false, "17.5"},
    {"no price of cache reads: unknown, not free", nova_micro, 1, 1, 1, {}, {}, {}, false, nullptr},
    {"output is not told", sonnet, 1, {}, {}, {}, {}, {}, false, nullptr},
    {"embeddings have none: 0.00000002 * 12", embedding, 12, {}, {}, {}, {}, {}, false, "0.00000024"},
    {"three images", canvas, {}, {}, {}, {}, {}, 3, false, "0.18"},
    {"how many images is not told", canvas, {}, {}, {}, {}, {}, {}, false, nullptr},
    {"more than can be added up", dear, 40'000'000, 1, {}, {}, {}, {}, false, nullptr},
    {"more kept for an hour than written", sonnet, 1, 1, 0, 5, 6, {}, false, nullptr},
};

}  // namespace

TEST_CASE("costs that were computed by hand", "[price]") {
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Consumption used;
    used.usage.input_tokens = row.input;
    used.usage.output_tokens = row.output;
    used.usage.cache_read_tokens = row.cache_read;
    used.usage.cache_write_tokens = row.cache_write;
    used.usage.cache_write_1h_tokens = row.cache_write_1h;
    used.images = row.images;
    used.batch = row.batch;
    const auto amount = cost(row.price, used);
    CHECK((amount ? dollars_text(*amount) : "unknown") == (row.dollars == nullptr ? "unknown" : row.dollars));
  }
}

TEST_CASE("amounts are written exactly", "[price]") {
  CHECK(dollars_text(0) == "0");
  CHECK(dollars_text(1) == "0.000000000001");
  CHECK(dollars_text(1'000'000'000'000) == "1");
  CHECK(dollars_text(10'500'000'000'000) == "10.5");
  CHECK(dollars_text(std::numeric_limits<Picodollars>::max()) == "18446744.073709551615");
}

TEST_CASE("the most particular price of a model is found", "[price]") {
  const auto priced = [](Picodollars input) {
    ModelPrice price;
    price.standard.input = input;
    return price;
  };
  PriceTable table;
  CHECK(table.empty());
  table.add("", "", "anthropic.claude-sonnet-4-20250514-v1:0", priced(1));
  table.add("", "", "us.anthropic.claude-sonnet-4-20250514-v1:0", priced(2));
  table.add("", "ap-south-1", "anthropic.claude-sonnet-4-20250514-v1:0", priced(3));
  table.add("bedrock-mantle", "", "openai.gpt-oss-120b", priced(4));
  table.add("", "", "openai.gpt-oss-120b", priced(5));
  const auto found = [&](std::string_view service, std::string_view region, std::string_view model) -> Picodollars {
    const ModelPrice* const price = table.find(service, region, model);
    return price == nullptr ? 0 : *price->standard.input;
  };
  CHECK(found("bedrock-runtime", "us-east-1", "anthropic.claude-sonnet-4-20250514-v1:0") == 1);
  CHECK(found("bedrock-runtime", "us-east-1", "us.anthropic.claude-sonnet-4-20250514-v1:0") == 2);
  CHECK(found("bedrock-runtime", "eu-west-1", "eu.anthropic.claude-sonnet-4-20250514-v1:0") == 1);
  CHECK(found("bedrock-runtime", "ap-south-1", "anthropic.claude-sonnet-4-20250514-v1:0") == 3);
  CHECK(found("bedrock-runtime", "ap-south-1", "apac.anthropic.claude-sonnet-4-20250514-v1:0") == 3);
  CHECK(found("bedrock-mantle", "us-east-1", "openai.gpt-oss-120b") == 4);
  CHECK(found("bedrock-runtime", "us-east-1", "openai.gpt-oss-120b") == 5);
  CHECK(found("bedrock-runtime", "us-east-1",
              "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0") ==
        2);
  CHECK(found("bedrock-runtime", "us-east-1",
              "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0") == 1);
  CHECK(found("bedrock-runtime", "us-east-1",
              "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl") == 0);
  CHECK(found("bedrock-runtime", "us-east-1",
              "arn:aws:bedrock:us-east-1:123456789012:custom-model/anthropic.claude-sonnet-4-20250514-v1:0.x/"
              "abcdefghijkl") == 0);
  CHECK(found("bedrock-runtime", "us-east-1", "unknown.model") == 0);
  CHECK(found("", "", "") == 0);
}
