// One POST with Java's own client, as its system properties say. Argument: the URL
// (a Bedrock call without one), with the API key of the environment if there is one. Prints the status.
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;

public final class Call {
  public static void main(String[] arguments) throws Exception {
    String url = arguments.length > 0 ? arguments[0]
        : "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse";
    HttpURLConnection connection = (HttpURLConnection) URI.create(url).toURL().openConnection();
    connection.setRequestMethod("POST");
    String key = System.getenv("AWS_BEARER_TOKEN_BEDROCK");
    if (key != null) connection.setRequestProperty("Authorization", "Bearer " + key);
    connection.setDoOutput(true);
    connection.getOutputStream().write("{}".getBytes(StandardCharsets.UTF_8));
    System.out.println(connection.getResponseCode());
  }
}
