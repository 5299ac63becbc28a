package plain;

import com.arjuna.services.framework.task.TaskManager;
import com.arjuna.wst.Durable2PCParticipant;
import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.servlet.annotation.WebListener;
import java.io.ObjectInputStream;
import org.jboss.jbossts.xts.recovery.participant.at.XTSATRecoveryManager;
import org.jboss.jbossts.xts.recovery.participant.at.XTSATRecoveryModule;

/** Postings that had voted when the server was killed are there again; and more of the protocol is handled at a time. */
@WebListener
public class Recovery implements ServletContextListener, XTSATRecoveryModule {
    @Override
    public void contextInitialized(ServletContextEvent event) {
        TaskManager.getManager().setMaximumWorkerCount(Integer.getInteger("xts.workers", 10));
        XTSATRecoveryManager.getRecoveryManager().registerRecoveryModule(this);
    }

    @Override
    public void contextDestroyed(ServletContextEvent event) {
        XTSATRecoveryManager.getRecoveryManager().unregisterRecoveryModule(this);
    }

    @Override
    public Durable2PCParticipant deserialize(String id, ObjectInputStream stream) throws Exception {
        if (!id.startsWith("A-") && !id.startsWith("B-")) return null;
        Posting posting = (Posting) stream.readObject();
        posting.recovered();
        return posting;
    }

    @Override
    public Durable2PCParticipant recreate(String id, byte[] state) {
        return null;
    }

    @Override
    public void endScan() {
        Book.of("A").scanned();
        Book.of("B").scanned();
    }
}
