package peer;

import jakarta.jws.HandlerChain;
import jakarta.jws.WebService;

@WebService(endpointInterface = "peer.Bank", targetNamespace = Bank.NS,
    serviceName = "BankAService", portName = "BankPort")
@HandlerChain(file = "/service-handlers.xml")
public class BankA extends BankBase {
    @Override
    protected String bank() {
        return "A";
    }
}
