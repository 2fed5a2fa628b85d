#include "export/curl.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/shell_word.h"
#include "unit/export/records.h"

using namespace borehole;
using exporting::curl_command;
using exporting::test::contains;
using exporting::test::read;
using exporting::test::record_of;

namespace {

// What the shell makes of a script: its output.
std::string run(const std::string& script) {
  char path[] = "/tmp/borehole-curl-test-XXXXXX";  // too long for an argument
  const int file = mkstemp(path);
  REQUIRE(file >= 0);
  REQUIRE(write(file, script.data(), script.size()) == static_cast<ssize_t>(script.size()));
  close(file);
  std::FILE* pipe = popen(("sh " + std::string(path)).c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
  REQUIRE(pclose(pipe) == 0);
  unlink(path);
  return out;
}

// The command's body, as curl would get it: `curl` is a function that prints its last argument, or what is piped.
std::string body_of(const std::string& command) {
  return run(R"(curl() { for last; do :; done; if [ "$last" = @- ]; then cat; else printf %s "$last"; fi; }
)" + command);
}

}  // namespace

TEST_CASE("a word of the shell holds anything") {
  CHECK(shell_quoted("") == "''");
  CHECK(shell_quoted("it's") == R"('it'\''s')");
  for (const std::string text :
       {"it's", "''", "$HOME `id` \\ \"x\" !", "two\nlines\n", "gr\u00fc\u00df \U0001F600", "-n", "*"}) {
    CAPTURE(text);
    CHECK(run("printf %s " + shell_quoted(text)) == text);
  }
}

TEST_CASE("a body comes through the shell octet for octet") {
  for (const std::string& body :
       {std::string(R"({"text":"it's \"quoted\" \\ $HOME `id`"})"), std::string("two\nlines\n"),
        std::string("{\"t\":\"gr\u00fc\u00df \U0001F600\"}"), std::string("@/etc/passwd"), std::string("a\x1b[2Jb"),
        std::string("\x00\xff\x01 binary", 10), std::string(300'000, '\''), std::string(200'000, '\x01')}) {
    const std::string command = curl_command(read(record_of("InvokeModel", "/model/m/invoke", body)));
    CAPTURE(command.substr(0, 600));
    CHECK(body_of(command) == body);
    CHECK_FALSE(contains(command, "\x1b"));
  }
}

TEST_CASE("a body that is recorded decoded is sent without the coding that it came in") {
  auto record = record_of("InvokeModel", "/model/m/invoke", R"({"a":1})");
  record.request.headers.emplace_back("Content-Encoding", "gzip");
  record.request.coding.names = "gzip";
  record.request.coding.decoded = true;
  CHECK_FALSE(contains(curl_command(read(record)), "Content-Encoding"));
  CHECK(body_of(curl_command(read(record))) == R"({"a":1})");
  record.request.coding.decoded = false;
  CHECK(contains(curl_command(read(record)), "-H 'Content-Encoding: gzip'"));
}

TEST_CASE("a command is unsigned and says how to sign") {
  auto record = record_of("Converse", "/model/amazon.nova-lite-v1%3A0/converse?x=[1]", "{}");
  record.request.headers.emplace_back("X-Api-Key", "***");
  record.request.headers.emplace_back("X-Amzn-Trace", "it's");
  const std::string command = curl_command(read(record));
  CHECK(contains(command,
                 "'https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse?x=[1]'"));
  CHECK(contains(command,
                 R"(--aws-sigv4 "aws:amz:us-east-1:bedrock" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY")"));
  CHECK(contains(command, R"(-H "x-amz-security-token: $AWS_SESSION_TOKEN")"));
  CHECK(contains(command, R"(-H 'X-Amzn-Trace: it'\''s')"));
  CHECK(contains(command, "masked in the record: X-Api-Key"));
  for (const char* absent : {"'Authorization", "X-Amz-Date:", "'X-Amz-Security-Token", "'Host:", "***"}) {
    CAPTURE(absent);
    CHECK_FALSE(contains(command, absent));
  }

  record.request.headers = {{"authorization", "Bearer ***"}};
  record.aws.access_key_id.clear();
  CHECK(contains(curl_command(read(record)), R"(-H "Authorization: Bearer $AWS_BEARER_TOKEN_BEDROCK")"));
}

TEST_CASE("the command goes where the call went") {
  auto record = record_of("Converse", "/service/standard/model/m/converse", "{}");
  record.way_in = calls::WayIn::gateway;
  record.router = "/service/standard/";
  record.upstream.port = 8443;
  CHECK(
      contains(curl_command(read(record)), "'https://bedrock-runtime.us-east-1.amazonaws.com:8443/model/m/converse'"));
  record = record_of("", "http://box.test:81/a//b/../c?d", "");
  record.request.method = "GET";
  record.upstream.host = "box.test";
  record.upstream.port = 81;
  record.upstream.tls_version.clear();
  const std::string get = curl_command(read(record));
  CHECK(contains(get, "curl --globoff --path-as-is 'http://box.test:81/a//b/../c?d'"));
  CHECK(contains(get, "newer versions of curl do not sign"));
  CHECK_FALSE(contains(get, "--data"));
  record.request.target = "http://box.test:81/a//b/c.d?c=/../d";
  CHECK(contains(curl_command(read(record)), "curl --globoff 'http://box.test:81/a//b/c.d?c=/../d'"));
  record.request.method = "DELETE";
  CHECK(contains(curl_command(read(record)), "--request 'DELETE'"));
}

TEST_CASE("what was not kept is said") {
  auto record = record_of("InvokeModel", "/model/m/invoke", "abc");
  record.request.body_bytes = 10;
  record.request.body_truncated = true;
  CHECK(contains(curl_command(read(record)), "Only the first 3 of the body's 10 octets were kept"));
  record.request.body.clear();
  const std::string without = curl_command(read(record));
  CHECK(contains(without, "Its body of 10 octets was not kept"));
  CHECK_FALSE(contains(without, "--data"));
}
