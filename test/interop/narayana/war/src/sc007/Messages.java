package sc007;

import com.arjuna.mw.wst11.client.JaxWSHeaderContextProcessor;
import com.arjuna.webservices11.wsaddr.AddressingHelper;
import jakarta.xml.soap.MessageFactory;
import jakarta.xml.soap.SOAPBodyElement;
import jakarta.xml.soap.SOAPException;
import jakarta.xml.soap.SOAPMessage;
import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.Dispatch;
import jakarta.xml.ws.Service;
import jakarta.xml.ws.handler.Handler;
import jakarta.xml.ws.soap.AddressingFeature;
import jakarta.xml.ws.soap.SOAPBinding;
import java.util.List;
import javax.xml.namespace.QName;
import org.jboss.ws.api.addressing.MAP;
import org.w3c.dom.Node;

/** The application messages of sc007.wsdl: one-way, with WS-Addressing. */
final class Messages {
    static final String NS = "http://www.wstf.org/sc007";
    private static final String ACTIONS = "http://www.wstf.org/docs/scenarios/sc007/";

    private Messages() {
    }

    /** With the context of the thread's transaction, where it has one. */
    static void send(MAP map, String name, String text) throws SOAPException {
        QName port = new QName(NS, "Port");
        Service service = Service.create(new QName(NS, "Service"));
        service.addPort(port, SOAPBinding.SOAP11HTTP_BINDING, map.getTo());
        Dispatch<SOAPMessage> dispatch = service.createDispatch(port, SOAPMessage.class, Service.Mode.MESSAGE,
            new AddressingFeature(true, true));
        List<Handler> chain = dispatch.getBinding().getHandlerChain();
        chain.add(new JaxWSHeaderContextProcessor());
        dispatch.getBinding().setHandlerChain(chain);
        dispatch.getRequestContext().put(BindingProvider.SOAPACTION_USE_PROPERTY, true);
        AddressingHelper.configureRequestContext(dispatch.getRequestContext(), map, map.getTo(), ACTIONS + name);
        SOAPMessage message = MessageFactory.newInstance().createMessage();
        SOAPBodyElement body = message.getSOAPBody().addBodyElement(new QName(NS, name, "sc007"));
        if (text != null) body.addTextNode(text);
        dispatch.invokeOneWay(message);
    }

    static Node bodyOf(SOAPMessage message) throws SOAPException {
        for (Node n = message.getSOAPBody().getFirstChild(); n != null; n = n.getNextSibling()) {
            if (n.getNodeType() == Node.ELEMENT_NODE) return n;
        }
        throw new SOAPException("an empty body");
    }
}
