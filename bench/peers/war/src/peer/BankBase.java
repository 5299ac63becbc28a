package peer;

import com.arjuna.mw.wst11.TransactionManagerFactory;
import java.util.UUID;

/** A bank that enlists a Durable2PC participant for each posting. */
public abstract class BankBase implements Bank {
    protected abstract String bank();

    @Override
    public String post(String account, long delta) {
        Book book = Book.of(bank());
        book.hold(account, delta);
        String id = bank() + "-" + UUID.randomUUID();
        try {
            TransactionManagerFactory.transactionManager()
                .enlistForDurableTwoPhase(new Posting(bank(), account, delta), id);
        } catch (Exception e) {
            book.release(account, delta);
            throw new RuntimeException("not enlisted: " + e, e);
        }
        return id;
    }
}
