// One verified TLS connection. Arguments: port, server name, PKCS#12 trust store, its password.
// Prints "accepted" or "refused REASON".
import java.io.FileInputStream;
import java.net.Socket;
import java.security.KeyStore;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public final class Verify {
  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[0]);
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (FileInputStream file = new FileInputStream(arguments[2])) {
      store.load(file, arguments[3].toCharArray());
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    for (String name : arguments[1].split(",")) {
      String[] parts = name.split("=");
      int where = parts.length > 1 ? Integer.parseInt(parts[1]) : port;
      try (Socket plain = new Socket("127.0.0.1", where);
          SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, parts[0], where, true)) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        System.out.println("accepted " + parts[0]);
      } catch (java.io.IOException error) {
        System.out.println("refused " + parts[0] + " " + error.getMessage());
      }
    }
  }
}
