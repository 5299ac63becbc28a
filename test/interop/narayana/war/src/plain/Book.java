package plain;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What has become of the postings of one bank, in the order in which it happened; on disk before it is true. */
final class Book {
    private static final Map<String, Book> BOOKS = new LinkedHashMap<>();

    private final Map<String, List<String>> steps = new LinkedHashMap<>();
    private final Map<String, Long> deltas = new LinkedHashMap<>();
    private final FileChannel journal;
    /** Those that prepared before the server was started; XTS may not have written them when it was killed. */
    private final Set<String> unheld = new HashSet<>();
    private final Set<String> restored;

    private Book(Path file) throws IOException {
        if (Files.exists(file)) Files.readAllLines(file).forEach(this::take);
        steps.forEach((transfer, each) -> {
            if (last(transfer).equals("prepared")) unheld.add(transfer);
        });
        restored = Set.copyOf(steps.keySet());
        journal = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    static synchronized Book of(String bank) {
        return BOOKS.computeIfAbsent(bank, name -> {
            try {
                return new Book(Path.of(System.getProperty("jboss.server.data.dir"), "book-" + name));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    synchronized void record(String step, String transfer, long delta) {
        // XTS may have been killed before it noted that this was done.
        if (restored.contains(transfer) && last(transfer).equals(step)) return;
        String line = step + " " + transfer + " " + delta;
        try {
            journal.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
            journal.force(false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        take(line);
    }

    private String last(String transfer) {
        List<String> each = steps.get(transfer);
        return each.get(each.size() - 1);
    }

    private void take(String line) {
        String[] parts = line.split(" ");
        steps.computeIfAbsent(parts[1], key -> new ArrayList<>()).add(parts[0]);
        deltas.put(parts[1], Long.parseLong(parts[2]));
    }

    synchronized void held(String transfer) {
        unheld.remove(transfer);
    }

    /** What XTS has not written has not voted: it is rolled back. */
    synchronized void scanned() {
        for (String transfer : unheld) record("rolledBack", transfer, deltas.get(transfer));
        unheld.clear();
    }

    synchronized String json() {
        List<String> rows = new ArrayList<>();
        steps.forEach((transfer, each) -> rows.add("{\"transfer\":\"" + transfer + "\",\"delta\":" + deltas.get(transfer)
            + ",\"steps\":[\"" + String.join("\",\"", each) + "\"]}"));
        return "[" + String.join(",", rows) + "]";
    }
}
