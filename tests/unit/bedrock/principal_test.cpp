#include "bedrock/principal.h"

#include "catch.h"

using namespace borehole::bedrock;

TEST_CASE("the caller is read out of a refusal, with the session of an assumed role") {
  const Principal role = read_principal(
      "User: arn:aws:sts::123456789012:assumed-role/Agents/ci-run@4711 is not authorized to perform: "
      "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/m");
  CHECK(role.arn == "arn:aws:sts::123456789012:assumed-role/Agents/ci-run@4711");
  CHECK(role.session_name == "ci-run@4711");
  const Principal user = read_principal("User: arn:aws-cn:iam::123456789012:user/team/ada is not authorized");
  CHECK(user.arn == "arn:aws-cn:iam::123456789012:user/team/ada");
  CHECK(user.session_name.empty());
  CHECK(read_principal("it was User: arn:aws:sts::1:assumed-role/R/s.").session_name == "s");
  CHECK(read_principal("User: arn:aws:sts::1:federated-user/bob has").arn == "arn:aws:sts::1:federated-user/bob");
}

TEST_CASE("what only looks like a caller is none") {
  for (const char* text :
       {"", "User: ", "User: arn:", "User: arn:aws", "User: arn:aws:s3:::bucket/User", "User: arn:aws:sts::1",
        "User: anonymous is not authorized", "arn:aws:sts::1:assumed-role/R/s", "User: arn:aws:sts::1:2:3:4 x"}) {
    CAPTURE(text);
    CHECK(read_principal(text).arn.empty());
    CHECK(read_principal(text).session_name.empty());
  }
  CHECK(read_principal("User: arn:aws:iam::1:user/" + std::string(5000, 'a')).arn.empty());
}
