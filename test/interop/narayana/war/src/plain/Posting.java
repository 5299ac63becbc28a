package plain;

import com.arjuna.wst.Aborted;
import com.arjuna.wst.Durable2PCParticipant;
import com.arjuna.wst.Prepared;
import com.arjuna.wst.ReadOnly;
import com.arjuna.wst.Vote;
import java.io.Serializable;

/**
 * A posting of one transfer at one bank. XTS writes it before it sends Prepared. It is Serializable because WildFly's
 * own recovery module fails for every participant that writes its state by itself.
 */
public final class Posting implements Durable2PCParticipant, Serializable {
    private static final long serialVersionUID = 1L;
    private final String bank;
    private final String transfer;
    private final long delta;
    private final String vote;

    Posting(String bank, String transfer, long delta, String vote) {
        this.bank = bank;
        this.transfer = transfer;
        this.delta = delta;
        this.vote = vote;
    }

    /** It was prepared before the server was killed, and XTS has it still. */
    void recovered() {
        Book.of(bank).held(transfer);
    }

    @Override
    public Vote prepare() {
        if (vote.equals("abort")) return new Aborted();
        if (vote.equals("readonly")) return new ReadOnly();
        Book.of(bank).record("prepared", transfer, delta);
        return new Prepared();
    }

    @Override
    public void commit() {
        Book.of(bank).record("committed", transfer, delta);
    }

    @Override
    public void rollback() {
        Book.of(bank).record("rolledBack", transfer, delta);
    }

    @Override
    public void unknown() {
    }

    @Override
    public void error() {
    }
}
