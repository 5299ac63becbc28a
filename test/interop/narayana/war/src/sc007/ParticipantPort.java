package sc007;

import com.arjuna.mw.wst11.UserTransaction;
import com.arjuna.mw.wst11.common.CoordinationContextHelper;
import com.arjuna.webservices11.wsaddr.AddressingHelper;
import com.arjuna.wsc11.messaging.MessageId;
import jakarta.annotation.Resource;
import jakarta.jws.HandlerChain;
import jakarta.xml.soap.SOAPMessage;
import jakarta.xml.ws.Provider;
import jakarta.xml.ws.Service;
import jakarta.xml.ws.ServiceMode;
import jakarta.xml.ws.WebServiceContext;
import jakarta.xml.ws.WebServiceProvider;
import jakarta.xml.ws.soap.Addressing;
import org.jboss.ws.api.addressing.MAP;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** ParticipantPortType of sc007.wsdl: registers what the scenario asks for, and answers by a Response of its own. */
@WebServiceProvider(targetNamespace = Messages.NS, serviceName = "ParticipantService", portName = "ParticipantPort")
@ServiceMode(Service.Mode.MESSAGE)
@Addressing(required = true)
@HandlerChain(file = "/sc007-handlers.xml")
public class ParticipantPort implements Provider<SOAPMessage> {
    @Resource
    private WebServiceContext service;

    @Override
    public SOAPMessage invoke(SOAPMessage message) {
        MAP map = AddressingHelper.inboundMap(service.getMessageContext());
        try {
            Node body = Messages.bodyOf(message);
            String name = body.getLocalName();
            Element context = ContextHandler.contextIn(message);
            if (context == null) complete(name, body.getTextContent());
            else enlist(name, new Enlistment(CoordinationContextHelper.deserialise(context)));
            MAP answer = AddressingHelper.createResponseContext(map, MessageId.getMessageId());
            AddressingHelper.installNoneReplyTo(answer);
            Messages.send(answer, "Response", null);
        } catch (Exception e) {
            throw new RuntimeException(e);
        }
        return null;
    }

    private static void complete(String name, String activation) throws Exception {
        UserTransaction transaction = Clients.of(activation);
        transaction.begin();
        switch (name) {
            case "CompletionCommit" -> transaction.commit();
            case "CompletionRollback" -> transaction.rollback();
            default -> throw new IllegalArgumentException(name + " without a context");
        }
    }

    private static void enlist(String name, Enlistment enlistment) throws Exception {
        switch (name) {
            case "Commit", "Rollback", "RetryPreparedAbort", "LostCommitted" -> enlistment.durable(new Durable());
            case "Phase2Rollback" -> {
                enlistment.volatileOne(new Volatile());
                enlistment.durable(new Durable().voting("abort"));
            }
            case "Readonly" -> {
                enlistment.durable(new Durable().voting("readonly"));
                enlistment.durable(new Durable());
            }
            case "VolatileAndDurable" -> enlistment.volatileOne(new Volatile().enlisting(enlistment));
            case "EarlyReadonly", "EarlyAborted" -> {
                var early = enlistment.volatileOne(new Volatile());
                enlistment.durable(new Durable());
                if (name.equals("EarlyReadonly")) early.earlyReadonly();
                else early.earlyRollback();
            }
            case "ReplayCommit" -> {
                Durable crashing = new Durable().failingOnce();
                crashing.recoveredBy(enlistment.durable(crashing));
            }
            case "RetryPreparedCommit" -> {
                enlistment.durable(new Durable());
                enlistment.durable(new Durable());
            }
            case "RetryCommit" -> enlistment.durable(new Durable().failingOnce());
            case "PreparedAfterTimeout" -> {
                enlistment.volatileOne(new Volatile());
                enlistment.durable(new Durable());
            }
            default -> throw new IllegalArgumentException(name);
        }
    }
}
