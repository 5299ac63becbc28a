package peer;

import com.arjuna.mw.wst11.UserTransaction;
import com.arjuna.mw.wst11.UserTransactionFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;

/** Clients that make transfers in a loop without think time, each in a thread of its own. */
final class Load {
    private final CountDownLatch answered;
    private final List<Thread> clients = new ArrayList<>();
    private volatile boolean stopped;
    private long[] latencies = new long[1024];
    private int count;
    private long beganAt = System.nanoTime();
    private long committed;
    private String failure;

    Load(int number, String bankA, String bankB) {
        answered = new CountDownLatch(number);
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        for (int client = 0; client < number; client++) {
            String account = "client-" + client;
            Thread thread = new Thread(() -> run(account, bankA, bankB), account);
            thread.setContextClassLoader(loader);
            thread.setDaemon(true);
            clients.add(thread);
        }
        clients.forEach(Thread::start);
    }

    /** Until each client has had its first answer. */
    void awaitAnswers() throws InterruptedException {
        answered.await();
    }

    private void run(String account, String bankA, String bankB) {
        boolean isFirst = true;
        try {
            Banks banks = new Banks(bankA, bankB);
            UserTransaction transaction = UserTransactionFactory.userTransaction();
            while (!stopped) {
                long begun = System.nanoTime();
                transaction.begin(60);
                banks.debtor.post(account, -1);
                banks.creditor.post(account, 1);
                transaction.commit();
                add(System.nanoTime() - begun);
                if (isFirst) answered.countDown();
                isFirst = false;
            }
        } catch (Throwable e) {
            fail(e);
            if (isFirst) answered.countDown();
        }
    }

    private synchronized void add(long nanos) {
        committed += 1;
        if (count == latencies.length) latencies = Arrays.copyOf(latencies, 2 * count);
        latencies[count++] = nanos;
    }

    /** XTS puts stack traces into messages. */
    private synchronized void fail(Throwable e) {
        stopped = true;
        if (failure == null) failure = e.toString().lines().findFirst().orElse("");
    }

    synchronized void begin() {
        count = 0;
        beganAt = System.nanoTime();
    }

    /** What ended since `begin`, as JSON. */
    synchronized String end() {
        double seconds = (System.nanoTime() - beganAt) / 1e9;
        long[] sorted = Arrays.copyOf(latencies, count);
        Arrays.sort(sorted);
        return String.format(Locale.ROOT, "{\"transfers\":%d,\"seconds\":%.4f,\"p50Ms\":%.3f,\"p99Ms\":%.3f}",
            count, seconds, percentile(sorted, 50), percentile(sorted, 99));
    }

    private static double percentile(long[] sorted, int percent) {
        if (sorted.length == 0) return 0;
        int rank = (int) Math.ceil(percent / 100.0 * sorted.length);
        return sorted[Math.max(0, rank - 1)] / 1e6;
    }

    /** Ends the load; what it has committed, and the first failure, as JSON. */
    String stop() throws InterruptedException {
        stopped = true;
        for (Thread client : clients) client.join();
        synchronized (this) {
            String why = failure == null ? "" : ",\"failure\":\"" + failure.replaceAll("[\"\\\\\\p{Cntrl}]", "'") + "\"";
            return "{\"committed\":" + committed + why + "}";
        }
    }
}
