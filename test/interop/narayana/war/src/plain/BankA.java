package plain;

import jakarta.jws.HandlerChain;
import jakarta.jws.WebService;

@WebService(endpointInterface = "plain.Bank", targetNamespace = "urn:plain:bank",
    serviceName = "BankAService", portName = "BankPort")
@HandlerChain(file = "/service-handlers.xml")
public class BankA extends BankBase {
    @Override
    protected String bank() {
        return "A";
    }
}
