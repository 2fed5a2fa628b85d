// One HTTPS request with Java's own settings: the default trust store and proxy, as -D options set them.
// Arguments: URL. Prints how many roots are trusted, and "answered STATUS" or "refused REASON".
import java.net.HttpURLConnection;
import java.net.URL;
import java.security.KeyStore;
import javax.net.ssl.SSLException;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

public final class Ask {
  public static void main(String[] arguments) throws Exception {
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init((KeyStore) null);
    for (TrustManager manager : trust.getTrustManagers()) {
      System.out.println("roots " + ((X509TrustManager) manager).getAcceptedIssuers().length);
    }
    HttpURLConnection connection = (HttpURLConnection) new URL(arguments[0]).openConnection();
    connection.setReadTimeout(60000);
    try {
      System.out.println("answered " + connection.getResponseCode());
    } catch (SSLException error) {
      System.out.println("refused " + error.getMessage());
    }
  }
}
