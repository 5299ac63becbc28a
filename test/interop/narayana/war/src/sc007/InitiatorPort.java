package sc007;

import com.arjuna.webservices11.wsaddr.AddressingHelper;
import jakarta.annotation.Resource;
import jakarta.xml.soap.SOAPMessage;
import jakarta.xml.ws.Provider;
import jakarta.xml.ws.Service;
import jakarta.xml.ws.ServiceMode;
import jakarta.xml.ws.WebServiceContext;
import jakarta.xml.ws.WebServiceProvider;
import jakarta.xml.ws.soap.Addressing;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** InitiatorPortType of sc007.wsdl: takes the Response. */
@WebServiceProvider(targetNamespace = Messages.NS, serviceName = "InitiatorService", portName = "InitiatorPort")
@ServiceMode(Service.Mode.MESSAGE)
@Addressing(required = true)
public class InitiatorPort implements Provider<SOAPMessage> {
    private static final Map<String, CompletableFuture<String>> EXPECTED = new ConcurrentHashMap<>();

    @Resource
    private WebServiceContext context;

    /** Completes with the name of the message that answers the one with this id. */
    static CompletableFuture<String> expect(String messageId) {
        return EXPECTED.computeIfAbsent(messageId, id -> new CompletableFuture<>());
    }

    @Override
    public SOAPMessage invoke(SOAPMessage message) {
        try {
            String relatesTo = AddressingHelper.inboundMap(context.getMessageContext()).getRelatesTo().getRelatesTo();
            CompletableFuture<String> expected = EXPECTED.remove(relatesTo);
            if (expected != null) expected.complete(Messages.bodyOf(message).getLocalName());
        } catch (Exception e) {
            throw new RuntimeException(e);
        }
        return null;
    }
}
