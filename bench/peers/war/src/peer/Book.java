package peer;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The accounts of one bank, in memory. Each begins with a million. */
final class Book {
    private static final long OPENING = 1_000_000L;
    private static final Map<String, Book> BOOKS = new ConcurrentHashMap<>();

    private static final class Account {
        long balance = OPENING;
        long held;
    }

    private final Map<String, Account> accounts = new ConcurrentHashMap<>();

    static Book of(String bank) {
        return BOOKS.computeIfAbsent(bank, name -> new Book());
    }

    private Account account(String name) {
        return accounts.computeIfAbsent(name, key -> new Account());
    }

    void hold(String name, long delta) {
        Account account = account(name);
        synchronized (account) {
            if (delta >= 0) return;
            if (account.balance - account.held + delta < 0) throw new IllegalStateException("insufficient funds");
            account.held -= delta;
        }
    }

    void release(String name, long delta) {
        Account account = account(name);
        synchronized (account) {
            if (delta < 0) account.held += delta;
        }
    }

    void apply(String name, long delta) {
        Account account = account(name);
        synchronized (account) {
            if (delta < 0) account.held += delta;
            account.balance += delta;
        }
    }

    /** What the transfers have changed in sum. */
    long change() {
        long sum = 0;
        for (Account account : accounts.values()) synchronized (account) {
            sum += account.balance - OPENING;
        }
        return sum;
    }
}
