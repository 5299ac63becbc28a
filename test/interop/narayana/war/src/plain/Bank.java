package plain;

import jakarta.jws.WebMethod;
import jakarta.jws.WebParam;
import jakarta.jws.WebService;

@WebService(name = "Bank", targetNamespace = "urn:plain:bank")
public interface Bank {
    /** Enlists a posting that votes as it is named: prepared, readonly or abort. */
    @WebMethod(action = "urn:plain:bank/Post")
    String post(@WebParam(name = "transfer") String transfer, @WebParam(name = "delta") long delta,
        @WebParam(name = "vote") String vote);
}
