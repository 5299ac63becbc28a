package sc007;

import com.arjuna.webservices11.wscoor.CoordinationConstants;
import jakarta.xml.soap.SOAPException;
import jakarta.xml.soap.SOAPMessage;
import jakarta.xml.ws.handler.MessageContext;
import jakarta.xml.ws.handler.soap.SOAPHandler;
import jakarta.xml.ws.handler.soap.SOAPMessageContext;
import java.util.Set;
import javax.xml.namespace.QName;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Understands the context and leaves it in the message: a message that is answered by another one is handled on another
 * thread than the one to which XTS's own handler would give the transaction.
 */
public class ContextHandler implements SOAPHandler<SOAPMessageContext> {
    private static final QName CONTEXT = CoordinationConstants.WSCOOR_ELEMENT_COORDINATION_CONTEXT_QNAME;

    /** Null where there is none. */
    static Element contextIn(SOAPMessage message) throws SOAPException {
        if (message.getSOAPHeader() == null) return null;
        NodeList found =
            message.getSOAPHeader().getElementsByTagNameNS(CONTEXT.getNamespaceURI(), CONTEXT.getLocalPart());
        return (Element) found.item(0);
    }

    @Override
    public Set<QName> getHeaders() {
        return Set.of(CONTEXT);
    }

    @Override
    public boolean handleMessage(SOAPMessageContext context) {
        return true;
    }

    @Override
    public boolean handleFault(SOAPMessageContext context) {
        return true;
    }

    @Override
    public void close(MessageContext context) {
    }
}
