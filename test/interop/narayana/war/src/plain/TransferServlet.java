package plain;

import com.arjuna.mw.wst11.UserTransaction;
import com.arjuna.mw.wst11.UserTransactionFactory;
import com.arjuna.wst.TransactionRolledBackException;
import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.jboss.jbossts.xts.environment.WSCEnvironmentBean;
import org.jboss.jbossts.xts.environment.XTSPropertyManager;

/**
 * One transfer from bank A to bank B, as a client of the coordinator that the server is configured with:
 * ?transfer=NAME&amount=1&end=commit|rollback&a=prepared|readonly|abort&b=...|none&timeout=SECONDS&async=1
 * and &participant=URL&payload=JSON for a credit at a bank of the cluster in the same transaction.
 * Answers what the client knows of the outcome: committed, rolledBack (it was told so, or never asked for the commit),
 * or unknown.
 */
@WebServlet("/transfer")
public class TransferServlet extends HttpServlet {
    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        XTSPropertyManager.getWSCEnvironmentBean().setUseAsynchronousRequest(request.getParameter("async") == null
            ? WSCEnvironmentBean.NO_ASYNC_REQUEST : WSCEnvironmentBean.PLAIN_ASYNC_REQUEST);
        long begun = System.nanoTime();
        String step = "begin";
        String outcome;
        String error = "";
        UserTransaction transaction = UserTransactionFactory.userTransaction();
        try {
            transaction.begin(Integer.parseInt(or(request, "timeout", "30")));
            step = "work";
            work(request);
            step = or(request, "end", "commit");
            if (step.equals("commit")) transaction.commit();
            else transaction.rollback();
            outcome = step.equals("commit") ? "committed" : "rolledBack";
        } catch (Throwable e) {
            error = causes(e);
            boolean isTold = e instanceof TransactionRolledBackException;
            outcome = isTold || !step.equals("commit") ? "rolledBack" : "unknown";
            if (step.equals("work")) error += rollBack(transaction);
        }
        long ms = (System.nanoTime() - begun) / 1_000_000;
        response.setContentType("application/json");
        response.getWriter().println("{\"outcome\":\"" + outcome + "\",\"step\":\"" + step + "\",\"ms\":" + ms
            + ",\"error\":\"" + error.replaceAll("[\"\\\\\\p{Cntrl}]", "'") + "\"}");
    }

    private static void work(HttpServletRequest request) {
        String here = "http://" + request.getLocalAddr() + ":" + request.getLocalPort() + request.getContextPath();
        String transfer = request.getParameter("transfer");
        long amount = Long.parseLong(or(request, "amount", "1"));
        Proxies.bank(here, "BankA").post(transfer, -amount, or(request, "a", "prepared"));
        String b = or(request, "b", "prepared");
        if (!b.equals("none")) Proxies.bank(here, "BankB").post(transfer, amount, b);
        String participant = request.getParameter("participant");
        if (participant == null) return;
        Proxies.participant(participant).call(0, "credit", request.getParameter("payload"));
    }

    private static String rollBack(UserTransaction transaction) {
        try {
            transaction.rollback();
            return "";
        } catch (Throwable e) {
            return "; rollback: " + causes(e);
        }
    }

    private static String causes(Throwable e) {
        StringBuilder text = new StringBuilder(firstLine(e));
        for (Throwable c = e.getCause(); c != null; c = c.getCause()) text.append("; ").append(firstLine(c));
        return text.toString();
    }

    /** XTS puts stack traces into messages. */
    static String firstLine(Throwable e) {
        return e.toString().lines().findFirst().orElse("");
    }

    private static String or(HttpServletRequest request, String name, String otherwise) {
        String value = request.getParameter(name);
        return value == null ? otherwise : value;
    }
}
