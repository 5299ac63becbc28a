package plain;

import com.arjuna.mw.wst11.client.JaxWSHeaderContextProcessor;
import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.Service;
import jakarta.xml.ws.handler.Handler;
import jakarta.xml.ws.soap.AddressingFeature;
import java.util.List;
import javax.xml.namespace.QName;

/** Proxies whose messages carry the context of the transaction. */
final class Proxies {
    private Proxies() {
    }

    static Bank bank(String base, String name) {
        String ns = "urn:plain:bank";
        Service service = Service.create(new QName(ns, name + "Service"));
        return within(service.getPort(new QName(ns, "BankPort"), Bank.class), base + "/" + name);
    }

    /** The gateway's ports have WS-Addressing. */
    static Call participant(String address) {
        Service service = Service.create(new QName(Call.NS, "Service"));
        return within(service.getPort(new QName(Call.NS, "CallPort"), Call.class, new AddressingFeature()), address);
    }

    private static <Port> Port within(Port port, String address) {
        BindingProvider provider = (BindingProvider) port;
        provider.getRequestContext().put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, address);
        List<Handler> chain = provider.getBinding().getHandlerChain();
        chain.add(new JaxWSHeaderContextProcessor());
        provider.getBinding().setHandlerChain(chain);
        return port;
    }
}
