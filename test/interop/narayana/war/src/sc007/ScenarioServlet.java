package sc007;

import com.arjuna.mw.wst11.UserTransaction;
import com.arjuna.webservices11.wsaddr.AddressingHelper;
import com.arjuna.wsc11.messaging.MessageId;
import com.arjuna.wst.TransactionRolledBackException;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jboss.jbossts.xts.environment.WSCEnvironmentBean;
import org.jboss.jbossts.xts.environment.XTSPropertyManager;
import org.jboss.ws.api.addressing.MAP;
import org.jboss.ws.api.addressing.MAPBuilderFactory;

/**
 * The initiator of one scenario: ?name=NAME&participant=URL&initiator=URL&activation=URL&end=commit|rollback|none.
 * Without an end it begins no transaction: the participant does. Answers what came of it.
 */
@WebServlet("/scenario")
public class ScenarioServlet extends HttpServlet {
    private static final long RESPONSE_SECONDS = 20;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        // Another servlet may have left it otherwise.
        XTSPropertyManager.getWSCEnvironmentBean().setUseAsynchronousRequest(WSCEnvironmentBean.NO_ASYNC_REQUEST);
        String end = request.getParameter("end");
        UserTransaction transaction = Clients.of(request.getParameter("activation"));
        String answer = "none";
        String outcome;
        String error = "";
        try {
            if (!end.equals("none")) transaction.begin();
            answer = exchange(request, end.equals("none") ? request.getParameter("activation") : null);
            if (end.equals("commit")) transaction.commit();
            if (end.equals("rollback")) transaction.rollback();
            outcome = end.equals("commit") ? "committed" : end.equals("rollback") ? "rolledBack" : "none";
        } catch (Throwable e) {
            error = e.toString().lines().findFirst().orElse("");
            outcome = e instanceof TransactionRolledBackException ? "rolledBack" : "unknown";
        }
        response.setContentType("application/json");
        response.getWriter().println("{\"answer\":\"" + answer + "\",\"outcome\":\"" + outcome + "\",\"error\":\""
            + error.replaceAll("[\"\\\\\\p{Cntrl}]", "'") + "\"}");
    }

    private static String exchange(HttpServletRequest request, String text) throws Exception {
        String id = MessageId.getMessageId();
        CompletableFuture<String> answer = InitiatorPort.expect(id);
        MAP map = AddressingHelper.createRequestContext(request.getParameter("participant"), id);
        map.setReplyTo(MAPBuilderFactory.getInstance().getBuilderInstance().newEndpoint(request.getParameter("initiator")));
        Messages.send(map, request.getParameter("name"), text);
        return answer.get(RESPONSE_SECONDS, TimeUnit.SECONDS);
    }
}
