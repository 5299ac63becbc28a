import concordat.transfer.Creditor;
import concordat.transfer.Debtor;
import concordat.transfer.Outcome;
import concordat.transfer.TransferService;
import jakarta.xml.ws.Holder;
import java.net.URI;
import java.util.List;

/**
 * Moves one euro from alice to bob with JAX-WS, over SOAP 1.1 and 1.2, by classes generated from the front door's
 * WSDL alone. Metro's wsimport and CXF's wsdl2java generate the same ones:
 *
 * <pre>
 * wsimport -extension -p concordat.transfer -d classes http://127.0.0.1:10249/transfer?wsdl
 * wsdl2java -compile -classdir classes -p concordat.transfer http://127.0.0.1:10249/transfer?wsdl
 * </pre>
 */
public class Transfer {
  public static void main(String[] args) throws Exception {
    var wsdl = args.length > 0 ? args[0] : "http://127.0.0.1:10249/transfer?wsdl";
    var service = new TransferService(URI.create(wsdl).toURL());

    var debtor = new Debtor();
    debtor.setBank("bank-a");
    debtor.setAccount("alice");
    var creditor = new Creditor();
    creditor.setBank("bank-b");
    creditor.setAccount("bob");
    creditor.setAmountMinor(50);

    var ports = List.of(service.getTransferSoap11Port(), service.getTransferSoap12Port());
    for (var port : ports) {
      var transactionId = new Holder<String>();
      var outcome = new Holder<Outcome>();
      var reason = new Holder<String>();
      port.transfer(debtor, List.of(creditor), "EUR", transactionId, outcome, reason);
      System.out.println(outcome.value.value() + " " + transactionId.value);
      if (outcome.value != Outcome.COMMITTED) System.exit(1);
    }
  }
}
