package sc007;

import com.arjuna.wst.Prepared;
import com.arjuna.wst.ReadOnly;
import com.arjuna.wst.SystemException;
import com.arjuna.wst.Volatile2PCParticipant;
import com.arjuna.wst.Vote;

/** A Volatile2PC participant: votes Prepared, or enlists a durable one while it prepares, and votes ReadOnly. */
final class Volatile implements Volatile2PCParticipant {
    private Enlistment enlistment;

    Volatile enlisting(Enlistment own) {
        enlistment = own;
        return this;
    }

    @Override
    public Vote prepare() throws SystemException {
        if (enlistment == null) return new Prepared();
        try {
            enlistment.durable(new Durable());
        } catch (Exception e) {
            throw new SystemException(e.toString());
        }
        return new ReadOnly();
    }

    @Override
    public void commit() {
    }

    @Override
    public void rollback() {
    }

    @Override
    public void unknown() {
    }

    @Override
    public void error() {
    }
}
