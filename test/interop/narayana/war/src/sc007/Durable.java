package sc007;

import com.arjuna.webservices.util.TransportTimer;
import com.arjuna.wst.Aborted;
import com.arjuna.wst.Durable2PCParticipant;
import com.arjuna.wst.Prepared;
import com.arjuna.wst.ReadOnly;
import com.arjuna.wst.Vote;
import com.arjuna.wst11.messaging.engines.ParticipantEngine;
import java.io.Serializable;
import java.util.TimerTask;

/** A Durable2PC participant that does what its scenario says. */
final class Durable implements Durable2PCParticipant, Serializable {
    private static final long serialVersionUID = 1L;
    private static final long DOWN_MS = 2000;
    private String vote = "prepared";
    private boolean fails;
    private boolean isDown;
    private transient ParticipantEngine engine;

    Durable voting(String name) {
        vote = name;
        return this;
    }

    /** The first commit is not applied; nor are others until it is recovered, where it shall be. */
    Durable failingOnce() {
        fails = true;
        return this;
    }

    /** Then it is as after a crash: the engine says Prepared again. */
    void recoveredBy(ParticipantEngine own) {
        engine = own;
    }

    @Override
    public Vote prepare() {
        return switch (vote) {
            case "abort" -> new Aborted();
            case "readonly" -> new ReadOnly();
            default -> new Prepared();
        };
    }

    @Override
    public synchronized void commit() {
        if (!fails) return;
        if (engine == null) fails = false;
        else if (!isDown) TransportTimer.getTimer().schedule(recovery(), DOWN_MS);
        isDown = true;
        throw new IllegalStateException("not applied: the scenario wants it so");
    }

    private TimerTask recovery() {
        return new TimerTask() {
            @Override
            public void run() {
                up();
                engine.recovery();
            }
        };
    }

    private synchronized void up() {
        fails = false;
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
