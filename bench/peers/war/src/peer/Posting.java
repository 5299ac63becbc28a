package peer;

import com.arjuna.wst.Durable2PCParticipant;
import com.arjuna.wst.Prepared;
import com.arjuna.wst.Vote;
import java.io.Serializable;

/** A posting of one transfer at one bank. Serializable: XTS writes it before it sends Prepared. */
public final class Posting implements Durable2PCParticipant, Serializable {
    private static final long serialVersionUID = 1L;
    private final String bank;
    private final String account;
    private final long delta;

    Posting(String bank, String account, long delta) {
        this.bank = bank;
        this.account = account;
        this.delta = delta;
    }

    @Override
    public Vote prepare() {
        return new Prepared();
    }

    @Override
    public void commit() {
        Book.of(bank).apply(account, delta);
    }

    @Override
    public void rollback() {
        Book.of(bank).release(account, delta);
    }

    @Override
    public void unknown() {
    }

    @Override
    public void error() {
    }
}
