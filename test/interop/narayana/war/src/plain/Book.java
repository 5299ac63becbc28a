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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What has become of the postings of one bank, in the order in which it happened; on disk before it is true. */
final class Book {
    private static final Map<String, Book> BOOKS = new LinkedHashMap<>();

    private final Map<String, List<String>> steps = new LinkedHashMap<>();
    private final Map<String, Long> deltas = new LinkedHashMap<>();
    private final FileChannel journal;

    private Book(Path file) throws IOException {
        if (Files.exists(file)) Files.readAllLines(file).forEach(this::take);
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
        String line = step + " " + transfer + " " + delta;
        try {
            journal.write(ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
            journal.force(false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        take(line);
    }

    private void take(String line) {
        String[] parts = line.split(" ");
        steps.computeIfAbsent(parts[1], key -> new ArrayList<>()).add(parts[0]);
        deltas.put(parts[1], Long.parseLong(parts[2]));
    }

    synchronized String json() {
        List<String> rows = new ArrayList<>();
        steps.forEach((transfer, each) -> rows.add("{\"transfer\":\"" + transfer + "\",\"delta\":" + deltas.get(transfer)
            + ",\"steps\":[\"" + String.join("\",\"", each) + "\"]}"));
        return "[" + String.join(",", rows) + "]";
    }
}
