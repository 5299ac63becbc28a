import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads JSON, which the JDK does not: maps, lists, strings, booleans, null, and numbers as doubles. */
final class Json {
    private static final int DEPTH_MAX = 64;
    private final String text;
    private int at = 0;
    private int depth = 0;

    private Json(String text) {
        this.text = text;
    }

    /** Throws IllegalArgumentException where the text is no JSON. */
    static Object read(String text) {
        Json json = new Json(text);
        Object value = json.value();
        if (json.peek() != 0) throw json.fault();
        return value;
    }

    /** The text as a string of JSON, in ASCII. */
    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            boolean isPlain = letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
            quoted.append(isPlain ? String.valueOf(letter) : String.format("\\u%04x", (int) letter));
        }
        return quoted.append('"').toString();
    }

    private Object value() {
        if (++depth > DEPTH_MAX) throw fault();
        Object value = switch (peek()) {
            case '{' -> map();
            case '[' -> list();
            case '"' -> string();
            default -> word();
        };
        depth--;
        return value;
    }

    private Map<String, Object> map() {
        Map<String, Object> map = new LinkedHashMap<>();
        expect('{');
        for (boolean isMore = !skip('}'); isMore; isMore = !ends('}')) {
            if (peek() != '"') throw fault();
            String name = string();
            expect(':');
            map.put(name, value());
        }
        return map;
    }

    private List<Object> list() {
        List<Object> list = new ArrayList<>();
        expect('[');
        for (boolean isMore = !skip(']'); isMore; isMore = !ends(']')) list.add(value());
        return list;
    }

    private String string() {
        StringBuilder string = new StringBuilder();
        expect('"');
        for (char letter = take(); letter != '"'; letter = take()) {
            string.append(letter == '\\' ? escaped() : letter);
        }
        return string.toString();
    }

    private char escaped() {
        char letter = take();
        return switch (letter) {
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> (char) Integer.parseInt("" + take() + take() + take() + take(), 16);
            default -> letter;
        };
    }

    private Object word() {
        int start = at;
        while (at < text.length() && "{}[]:,\" \t\r\n".indexOf(text.charAt(at)) < 0) at++;
        String word = text.substring(start, at);
        return switch (word) {
            case "null" -> null;
            case "true", "false" -> Boolean.valueOf(word);
            default -> Double.valueOf(word);
        };
    }

    /** After an element: whether the closing letter comes, and no comma. */
    private boolean ends(char close) {
        if (skip(close)) return true;
        expect(',');
        return false;
    }

    private boolean skip(char letter) {
        boolean isThere = peek() == letter;
        if (isThere) at++;
        return isThere;
    }

    private void expect(char letter) {
        if (!skip(letter)) throw fault();
    }

    /** The next letter that is no white space; 0 at the end. */
    private char peek() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
        return at < text.length() ? text.charAt(at) : 0;
    }

    private char take() {
        if (at == text.length()) throw fault();
        return text.charAt(at++);
    }

    private IllegalArgumentException fault() {
        return new IllegalArgumentException("not JSON at letter " + at);
    }
}
