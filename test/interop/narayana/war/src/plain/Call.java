package plain;

import jakarta.jws.WebMethod;
import jakarta.jws.WebParam;
import jakarta.jws.WebResult;
import jakarta.jws.WebService;

/** The port of a participant of the cluster, as wsdl/service.wsdl has it. */
@WebService(name = "CallPortType", targetNamespace = Call.NS)
public interface Call {
    String NS = "urn:concordat:2026";

    @WebMethod(operationName = "Call", action = NS + "/Call")
    @WebResult(name = "Result", targetNamespace = NS)
    String call(@WebParam(name = "Number", targetNamespace = NS) long number,
        @WebParam(name = "Operation", targetNamespace = NS) String operation,
        @WebParam(name = "Payload", targetNamespace = NS) String payload);
}
