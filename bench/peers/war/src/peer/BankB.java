package peer;

import jakarta.jws.HandlerChain;
import jakarta.jws.WebService;

@WebService(endpointInterface = "peer.Bank", targetNamespace = Bank.NS,
    serviceName = "BankBService", portName = "BankPort")
@HandlerChain(file = "/service-handlers.xml")
public class BankB extends BankBase {
    @Override
    protected String bank() {
        return "B";
    }
}
