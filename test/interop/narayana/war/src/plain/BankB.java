package plain;

import jakarta.jws.HandlerChain;
import jakarta.jws.WebService;

@WebService(endpointInterface = "plain.Bank", targetNamespace = "urn:plain:bank",
    serviceName = "BankBService", portName = "BankPort")
@HandlerChain(file = "/service-handlers.xml")
public class BankB extends BankBase {
    @Override
    protected String bank() {
        return "B";
    }
}
