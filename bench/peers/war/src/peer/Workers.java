package peer;

import com.arjuna.services.framework.task.TaskManager;
import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.servlet.annotation.WebListener;

/**
 * XTS handles all protocol messages of a server with 10 threads, and the commit of a client keeps one until its
 * transaction has ended: 10 commits at once leave none for the votes, and all time out.
 */
@WebListener
public class Workers implements ServletContextListener {
    @Override
    public void contextInitialized(ServletContextEvent event) {
        TaskManager.getManager().setMaximumWorkerCount(Integer.getInteger("xts.workers", 10));
    }
}
