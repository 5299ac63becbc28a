package plain;

import com.arjuna.wst.Aborted;
import com.arjuna.wst.Durable2PCParticipant;
import com.arjuna.wst.Prepared;
import com.arjuna.wst.ReadOnly;
import com.arjuna.wst.Vote;
import java.nio.charset.StandardCharsets;
import org.jboss.jbossts.xts.recovery.participant.at.PersistableATParticipant;

/** A posting of one transfer at one bank. XTS writes its recovery state before it sends Prepared. */
public final class Posting implements Durable2PCParticipant, PersistableATParticipant {
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

    static Posting recovered(byte[] state) {
        String[] parts = new String(state, StandardCharsets.UTF_8).split(" ");
        return new Posting(parts[0], parts[1], Long.parseLong(parts[2]), "prepared");
    }

    @Override
    public byte[] getRecoveryState() {
        return (bank + " " + transfer + " " + delta).getBytes(StandardCharsets.UTF_8);
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
