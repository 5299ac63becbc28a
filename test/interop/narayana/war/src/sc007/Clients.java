package sc007;

import com.arjuna.mw.wst11.UserTransaction;
import com.arjuna.mwlabs.wst11.at.remote.UserTransactionImple;
import java.util.HashMap;
import java.util.Map;
import org.jboss.jbossts.xts.environment.WSCEnvironmentBean;
import org.jboss.jbossts.xts.environment.XTSPropertyManager;

/** Narayana's own client, one for each coordinator: it takes the coordinator from the configuration when it is made. */
final class Clients {
    private static final Map<String, UserTransaction> CLIENTS = new HashMap<>();

    private Clients() {
    }

    static synchronized UserTransaction of(String activation) {
        return CLIENTS.computeIfAbsent(activation, url -> {
            WSCEnvironmentBean bean = XTSPropertyManager.getWSCEnvironmentBean();
            String usual = bean.getCoordinatorURL11();
            bean.setCoordinatorURL11(url);
            try {
                return new UserTransactionImple();
            } finally {
                bean.setCoordinatorURL11(usual);
            }
        });
    }
}
