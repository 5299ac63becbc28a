package plain;

import com.arjuna.mw.wst11.TransactionManagerFactory;

/** A bank that enlists a Durable2PC participant for each posting. */
public abstract class BankBase implements Bank {
    protected abstract String bank();

    @Override
    public String post(String transfer, long delta, String vote) {
        String id = bank() + "-" + transfer;
        try {
            TransactionManagerFactory.transactionManager()
                .enlistForDurableTwoPhase(new Posting(bank(), transfer, delta, vote), id);
        } catch (Exception e) {
            throw new RuntimeException("not enlisted: " + TransferServlet.firstLine(e), e);
        }
        return id;
    }
}
