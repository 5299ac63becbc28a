package peer;

import com.arjuna.mw.wst11.client.JaxWSHeaderContextProcessor;
import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.Service;
import jakarta.xml.ws.handler.Handler;
import java.util.List;
import javax.xml.namespace.QName;

/** Proxies of both banks for one thread; messages carry the context of its transaction. */
final class Banks {
    final Bank debtor;
    final Bank creditor;

    /** Base addresses of bank A and bank B. */
    Banks(String a, String b) {
        debtor = proxy(a, "BankA");
        creditor = proxy(b, "BankB");
    }

    private static Bank proxy(String base, String name) {
        Service service = Service.create(new QName(Bank.NS, name + "Service"));
        Bank bank = service.getPort(new QName(Bank.NS, "BankPort"), Bank.class);
        BindingProvider provider = (BindingProvider) bank;
        provider.getRequestContext().put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, base + "/" + name);
        List<Handler> chain = provider.getBinding().getHandlerChain();
        chain.add(new JaxWSHeaderContextProcessor());
        provider.getBinding().setHandlerChain(chain);
        return bank;
    }
}
