import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A hotel that takes part in transactions, behind a sidecar of Concordat (docs/other-languages.md).
 *
 * <pre>javac -d out *.java && java -cp out Hotel PORT DIRECTORY [ROOMS]</pre>
 *
 * A room is free, held by a try, or booked by its confirm; each has a file in the directory. A held or booked room
 * keeps the names of its enlistment: so a message that comes twice finds what the first one did. A file is replaced as
 * a whole, and is on disk before the message is answered.
 */
public final class Hotel {
    private static final int BODY_BYTES_MAX = 64 * 1024;
    /** What one answer of /held may name; the sidecar asks again for the rest. */
    private static final int HELD_MAX = 4096;

    private enum State { FREE, HELD, BOOKED }

    private record Names(String transactionId, String enlistment) {
        Names {
            for (String name : List.of(transactionId, enlistment)) {
                if (!name.matches("[\\w.-]{1,200}")) throw new IllegalArgumentException("no names of an enlistment");
            }
        }
    }

    private record Room(int number, State state, Names names, String guest) {
        static Room free(int number) {
            return new Room(number, State.FREE, null, null);
        }

        boolean isOf(Names others) {
            return others.equals(names);
        }

        Room booked() {
            return new Room(number, State.BOOKED, names, guest);
        }
    }

    /** The hotel says no; the reason is a code that the client sees. */
    private static final class Refusal extends Exception {
        private static final long serialVersionUID = 1;

        Refusal(String reason) {
            super(reason);
        }
    }

    private final Path directory;
    private final TreeMap<Integer, Room> rooms = new TreeMap<>();

    private Hotel(Path directory, int count) throws IOException {
        this.directory = Files.createDirectories(directory);
        for (int number = 1; number <= count; number++) rooms.put(number, read(number));
    }

    /** Holds a room. The same names again: the same room. */
    private synchronized int attempt(Names names, Object operation, Object payload)
            throws IOException, Refusal {
        if (!"reserve".equals(operation)) throw new Refusal("UnknownOperation");
        if (!(payload instanceof Map<?, ?> fields) || !(fields.get("guest") instanceof String guest)
                || guest.isEmpty() || guest.length() > 100) {
            throw new Refusal("NoGuest");
        }
        Room held = find(names);
        if (held != null) return held.number;
        for (Room room : rooms.values()) {
            if (room.state != State.FREE) continue;
            write(new Room(room.number, State.HELD, names, guest));
            return room.number;
        }
        throw new Refusal("FullyBooked");
    }

    /** Books what is held; does nothing where it is booked. False where it is neither. */
    private synchronized boolean confirm(Names names) throws IOException {
        Room room = find(names);
        if (room != null && room.state == State.HELD) write(room.booked());
        return room != null;
    }

    /** Frees what is held; does nothing where nothing is. */
    private synchronized void cancel(Names names) throws IOException {
        Room room = find(names);
        if (room != null && room.state == State.HELD) write(Room.free(room.number));
    }

    private synchronized String held() {
        return list(rooms.values().stream().filter(room -> room.state == State.HELD).limit(HELD_MAX).map(
            room -> "{\"transactionId\":%s,\"enlistment\":%s}".formatted(
                Json.quoted(room.names.transactionId), Json.quoted(room.names.enlistment))));
    }

    private synchronized String rooms() {
        return list(rooms.values().stream().map(
            room -> "{\"room\":%d,\"state\":\"%s\",\"guest\":%s}".formatted(
                room.number, room.state.name().toLowerCase(), room.guest == null ? "null" : Json.quoted(room.guest))));
    }

    private static String list(Stream<String> elements) {
        return elements.collect(Collectors.joining(",", "[", "]"));
    }

    private Room find(Names names) {
        for (Room room : rooms.values()) if (room.isOf(names)) return room;
        return null;
    }

    private Path file(int number) {
        return directory.resolve(number + ".room");
    }

    private Room read(int number) throws IOException {
        if (!Files.exists(file(number))) return Room.free(number);
        Properties fields = new Properties();
        fields.load(new StringReader(Files.readString(file(number))));
        State state = State.valueOf(fields.getProperty("state"));
        if (state == State.FREE) return Room.free(number);
        Names names = new Names(fields.getProperty("transactionId"), fields.getProperty("enlistment"));
        return new Room(number, state, names, fields.getProperty("guest"));
    }

    /** Replaces the room's file; what was there before is there until all of the new one is on disk. */
    private void write(Room room) throws IOException {
        Properties fields = new Properties();
        fields.setProperty("state", room.state.name());
        if (room.state != State.FREE) {
            fields.setProperty("transactionId", room.names.transactionId);
            fields.setProperty("enlistment", room.names.enlistment);
            fields.setProperty("guest", room.guest);
        }
        StringWriter text = new StringWriter();
        fields.store(text, null);
        Path next = directory.resolve("next");
        ByteBuffer bytes = ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8));
        try (FileChannel channel = FileChannel.open(next, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING)) {
            while (bytes.hasRemaining()) channel.write(bytes);
            channel.force(true);
        }
        Files.move(next, file(room.number), StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel folder = FileChannel.open(directory, StandardOpenOption.READ)) {
            folder.force(true);
        }
        rooms.put(room.number, room);
    }

    private void get(HttpExchange exchange) throws IOException {
        switch (exchange.getRequestURI().getPath()) {
            case "/held" -> answer(exchange, 200, held());
            case "/rooms" -> answer(exchange, 200, rooms());
            default -> answer(exchange, 404, "{}");
        }
    }

    private void post(HttpExchange exchange) throws IOException {
        Map<?, ?> message;
        Names names;
        try {
            byte[] body = exchange.getRequestBody().readNBytes(BODY_BYTES_MAX + 1);
            if (body.length > BODY_BYTES_MAX) throw new IllegalArgumentException("too long");
            message = (Map<?, ?>) Json.read(new String(body, StandardCharsets.UTF_8));
            names = new Names((String) message.get("transactionId"), (String) message.get("enlistment"));
        } catch (IllegalArgumentException | ClassCastException | NullPointerException error) {
            answer(exchange, 400, "{\"error\":\"not such a message\"}");
            return;
        }
        try {
            carryOut(exchange, names, message);
        } catch (Refusal refusal) {
            answer(exchange, 409, "{\"reason\":\"%s\"}".formatted(refusal.getMessage()));
        }
    }

    private void carryOut(HttpExchange exchange, Names names, Map<?, ?> message) throws IOException, Refusal {
        switch (exchange.getRequestURI().getPath()) {
            case "/try" -> {
                int room = attempt(names, message.get("operation"), message.get("payload"));
                answer(exchange, 200, "{\"result\":{\"room\":%d}}".formatted(room));
            }
            case "/confirm" -> {
                if (confirm(names)) answer(exchange, 200, "{}");
                else answer(exchange, 404, "{\"error\":\"nothing of it is held or booked\"}");
            }
            case "/cancel" -> {
                cancel(names);
                answer(exchange, 200, "{}");
            }
            default -> answer(exchange, 404, "{}");
        }
    }

    private static void answer(HttpExchange exchange, int status, String json) throws IOException {
        byte[] body = json.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("content-type", "application/json");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    /** Where this throws, the connection is closed without an answer, and the sidecar asks again. */
    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            switch (exchange.getRequestMethod()) {
                case "GET" -> get(exchange);
                case "POST" -> post(exchange);
                default -> answer(exchange, 405, "{}");
            }
        }
    }

    public static void main(String[] arguments) throws IOException {
        int count = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 12;
        Hotel hotel = new Hotel(Path.of(arguments[1]), count);
        System.setProperty("sun.net.httpserver.nodelay", "true");
        int port = Integer.parseInt(arguments[0]);
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", hotel::handle);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
    }
}
