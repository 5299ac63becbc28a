package peer;

import bftsmart.tom.ServiceProxy;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;

/**
 * Clients of BFT-SMaRt that have empty requests ordered in a loop, each in a thread of its own. Controlled by lines on
 * standard input (start N, begin, end, stop); each is answered by a line "answer JSON" on standard output.
 */
public final class OrderedLoad {
    private static final int FIRST_ID = 10_000;
    /** What its own microbenchmark sends: the lengths of a request and a signature, both 0. */
    private static final byte[] REQUEST = new byte[2 * Integer.BYTES];
    private static final List<ServiceProxy> PROXIES = new ArrayList<>();

    private final List<Thread> clients = new ArrayList<>();
    private final CountDownLatch answered;
    private volatile boolean stopped;
    private long[] latencies = new long[65_536];
    private int count;
    private long beganAt = System.nanoTime();
    private long answers;
    private String failure;

    private OrderedLoad(int number) {
        answered = new CountDownLatch(number);
        while (PROXIES.size() < number) PROXIES.add(new ServiceProxy(FIRST_ID + PROXIES.size()));
        for (ServiceProxy proxy : PROXIES.subList(0, number)) {
            Thread thread = new Thread(() -> run(proxy));
            thread.setDaemon(true);
            clients.add(thread);
        }
        clients.forEach(Thread::start);
    }

    private void run(ServiceProxy proxy) {
        boolean isFirst = true;
        try {
            while (!stopped) {
                long begun = System.nanoTime();
                if (proxy.invokeOrdered(REQUEST) == null) throw new IllegalStateException("a request was not answered");
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
        answers += 1;
        if (count == latencies.length) latencies = Arrays.copyOf(latencies, 2 * count);
        latencies[count++] = nanos;
    }

    private synchronized void fail(Throwable e) {
        stopped = true;
        if (failure == null) failure = e.toString();
    }

    private synchronized void begin() {
        count = 0;
        beganAt = System.nanoTime();
    }

    private synchronized String end() {
        double seconds = (System.nanoTime() - beganAt) / 1e9;
        long[] sorted = Arrays.copyOf(latencies, count);
        Arrays.sort(sorted);
        return String.format(Locale.ROOT, "{\"requests\":%d,\"seconds\":%.4f,\"p50Ms\":%.3f,\"p99Ms\":%.3f}",
            count, seconds, percentile(sorted, 50), percentile(sorted, 99));
    }

    private static double percentile(long[] sorted, int percent) {
        if (sorted.length == 0) return 0;
        int rank = (int) Math.ceil(percent / 100.0 * sorted.length);
        return sorted[Math.max(0, rank - 1)] / 1e6;
    }

    private String stop() throws InterruptedException {
        stopped = true;
        for (Thread client : clients) client.join();
        synchronized (this) {
            String why = failure == null ? "" : ",\"failure\":\"" + failure.replaceAll("[\"\\\\\\p{Cntrl}]", "'") + "\"";
            return "{\"answers\":" + answers + why + "}";
        }
    }

    public static void main(String[] args) throws Exception {
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        OrderedLoad load = null;
        for (String line; (line = commands.readLine()) != null; ) {
            String answer = "{}";
            if (line.startsWith("start ")) {
                load = new OrderedLoad(Integer.parseInt(line.substring("start ".length())));
                load.answered.await();
            } else if (line.equals("begin")) load.begin();
            else if (line.equals("end")) answer = load.end();
            else if (line.equals("stop")) answer = load.stop();
            else throw new IllegalArgumentException(line);
            System.out.println("answer " + answer);
        }
        // Its benchmark is gone.
        System.exit(0);
    }
}
