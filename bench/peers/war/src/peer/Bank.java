package peer;

import jakarta.jws.WebMethod;
import jakarta.jws.WebParam;
import jakarta.jws.WebService;

@WebService(name = "Bank", targetNamespace = Bank.NS)
public interface Bank {
    String NS = "urn:peer:bank";

    /** Enlists a posting in the transaction that the message carries. */
    @WebMethod(action = NS + "/Post")
    String post(@WebParam(name = "account") String account, @WebParam(name = "delta") long delta);
}
