package peer;

import jakarta.servlet.annotation.WebServlet;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** What the benchmark controls the load with: ?do=start&clients=16&a=URL&b=URL, then begin, end and stop. */
@WebServlet("/load")
public class LoadServlet extends HttpServlet {
    private Load load;

    @Override
    protected synchronized void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        response.setContentType("application/json");
        try {
            response.getWriter().println(answer(request));
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private String answer(HttpServletRequest request) throws InterruptedException {
        switch (request.getParameter("do")) {
            case "start":
                int clients = Integer.parseInt(request.getParameter("clients"));
                load = new Load(clients, request.getParameter("a"), request.getParameter("b"));
                load.awaitAnswers();
                return "{}";
            case "begin":
                load.begin();
                return "{}";
            case "end":
                return load.end();
            case "stop":
                return load.stop();
            default:
                throw new IllegalArgumentException("do what?");
        }
    }
}
