// The small programs that the doctor runs with the SDKs it finds: one call each, credentials that are none. They print
// NAME=VALUE lines; what a script could not do is `error`. Never retried, never sent to a region that exists.
#pragma once

#include <string_view>

namespace borehole::app::doctor {

// python3 -c SCRIPT REGION
inline constexpr std::string_view python_script = R"py(
import sys
def say(name, value):
    print(name + "=" + " ".join(str(value).split()))
try:
    import botocore, botocore.session
    from botocore.config import Config
except ImportError:
    say("missing", "botocore")
    sys.exit(0)
say("botocore", botocore.__version__)
try:
    import boto3
    say("boto3", boto3.__version__)
except ImportError:
    pass
region = sys.argv[1]
try:
    session = botocore.session.get_session()
    known = "bedrock-runtime" in session.get_available_services()
    say("knows", "yes" if known else "no")
    options = {"region_name": region, "aws_access_key_id": "AKIDBOREHOLEDOCTOR", "aws_secret_access_key": "none",
               "config": Config(connect_timeout=8, read_timeout=8, retries={"max_attempts": 0})}
    if known:
        session.create_client("bedrock-runtime", **options).invoke_model(modelId="borehole.doctor", body=b"{}")
    else:
        address = "https://bedrock-runtime." + region + ".amazonaws.com"
        session.create_client("sts", endpoint_url=address, **options).get_caller_identity()
    say("answer", "yes")
except Exception as error:
    say("error", type(error).__name__ + ": " + str(error))
)py";

// node --input-type=module -e SCRIPT PROXY-URL REGION REGION-FOR-THE-HANDLER
inline constexpr std::string_view javascript_sdk_script = R"js(
const [proxy, region, regionOfHandler] = process.argv.slice(1);
const say = (name, value) => console.log(name + "=" + String(value).replace(/\s+/g, " "));
const told = (error) => [error, error.cause, ...(error.errors ?? [])].filter(Boolean)
  .map((one) => [one.code, one.name, one.message].filter(Boolean).join(": ")).join("; ");
let sdk;
try {
  sdk = await import("@aws-sdk/client-bedrock-runtime");
} catch (error) {
  say("missing", told(error));
  process.exit(0);
}
const ask = async (name, options) => {
  try {
    const credentials = { accessKeyId: "AKIDBOREHOLEDOCTOR", secretAccessKey: "none" };
    const client = new sdk.BedrockRuntimeClient({ maxAttempts: 1, credentials, ...options });
    const body = new TextEncoder().encode("{}");
    await client.send(new sdk.InvokeModelCommand({ modelId: "borehole.doctor", contentType: "application/json", body }));
    say(name + "answer", "yes");
  } catch (error) {
    say(name + "error", told(error));
  }
};
const withHandler = async () => {
  let requestHandler;
  try {
    const { NodeHttpHandler } = await import("@smithy/node-http-handler");
    const { HttpsProxyAgent } = await import("https-proxy-agent");
    requestHandler = new NodeHttpHandler({ httpsAgent: new HttpsProxyAgent(proxy) });
  } catch (error) {
    return say("handler.missing", told(error));
  }
  await ask("handler.", { region: regionOfHandler, requestHandler });
};
await Promise.all([ask("", { region }), withHandler()]);
process.exit(0);
)js";

// node --input-type=module -e SCRIPT REGION
inline constexpr std::string_view anthropic_script = R"js(
const [awsRegion] = process.argv.slice(1);
const say = (name, value) => console.log(name + "=" + String(value).replace(/\s+/g, " "));
const told = (error) => [error, error.cause, error.cause?.cause].filter(Boolean)
  .map((one) => [one.code, one.name, one.message].filter(Boolean).join(": ")).join("; ");
try {
  const { AnthropicBedrock } = await import("@anthropic-ai/bedrock-sdk");
  const client = new AnthropicBedrock({
    awsAccessKey: "AKIDBOREHOLEDOCTOR", awsSecretKey: "none", awsRegion, maxRetries: 0, timeout: 8000 });
  const messages = [{ role: "user", content: "?" }];
  await client.messages.create({ model: "anthropic.borehole-doctor", max_tokens: 1, messages });
  say("answer", "yes");
} catch (error) {
  say("error", told(error));
}
process.exit(0);
)js";

// java FILE REGION
inline constexpr std::string_view java_source = R"java(
import java.net.URI;
import javax.net.ssl.HttpsURLConnection;

public class BoreholeProbe {
  public static void main(String[] arguments) {
    try {
      URI address = URI.create("https://bedrock-runtime." + arguments[0] + ".amazonaws.com/");
      HttpsURLConnection connection = (HttpsURLConnection) address.toURL().openConnection();
      connection.setConnectTimeout(8000);
      connection.setReadTimeout(8000);
      System.out.println("answer=" + connection.getResponseCode());
    } catch (Exception error) {
      System.out.println("error=" + error.toString().replaceAll("\\s+", " "));
    }
  }
}
)java";

}  // namespace borehole::app::doctor
