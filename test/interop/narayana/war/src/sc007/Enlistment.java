package sc007;

import com.arjuna.webservices11.ServiceRegistry;
import com.arjuna.webservices11.wsarj.InstanceIdentifier;
import com.arjuna.webservices11.wsat.AtomicTransactionConstants;
import com.arjuna.webservices11.wsat.processors.ParticipantProcessor;
import com.arjuna.wsc11.RegistrationCoordinator;
import com.arjuna.wsc11.messaging.MessageId;
import com.arjuna.wst.Participant;
import com.arjuna.wst11.messaging.engines.ParticipantEngine;
import jakarta.xml.ws.wsaddressing.W3CEndpointReference;
import jakarta.xml.ws.wsaddressing.W3CEndpointReferenceBuilder;
import java.util.UUID;
import org.oasis_open.docs.ws_tx.wscoor._2006._06.CoordinationContextType;

/** Registers participants as XTS's transaction manager does, and has their engines: some scenarios vote unasked. */
final class Enlistment {
    private final CoordinationContextType context;

    Enlistment(CoordinationContextType context) {
        this.context = context;
    }

    ParticipantEngine durable(Durable participant) throws Exception {
        return register(participant, AtomicTransactionConstants.WSAT_SUB_PROTOCOL_DURABLE_2PC);
    }

    ParticipantEngine volatileOne(Volatile participant) throws Exception {
        return register(participant, AtomicTransactionConstants.WSAT_SUB_PROTOCOL_VOLATILE_2PC);
    }

    private ParticipantEngine register(Participant participant, String protocol) throws Exception {
        String id = "sc007-" + UUID.randomUUID();
        W3CEndpointReference coordinator =
            RegistrationCoordinator.register(context, MessageId.getMessageId(), endpoint(id), protocol);
        ParticipantEngine engine = new ParticipantEngine(participant, id, coordinator);
        ParticipantProcessor.getProcessor().activateParticipant(engine, id);
        return engine;
    }

    private static W3CEndpointReference endpoint(String id) {
        W3CEndpointReferenceBuilder builder = new W3CEndpointReferenceBuilder();
        builder.serviceName(AtomicTransactionConstants.PARTICIPANT_SERVICE_QNAME);
        builder.endpointName(AtomicTransactionConstants.PARTICIPANT_PORT_QNAME);
        builder.address(ServiceRegistry.getRegistry().getServiceURI(AtomicTransactionConstants.PARTICIPANT_SERVICE_NAME));
        InstanceIdentifier.setEndpointInstanceIdentifier(builder, id);
        return builder.build();
    }
}
