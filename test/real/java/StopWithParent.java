import java.io.IOException;
import java.util.Arrays;

/**
 * Runs the main class given as the first argument, and ends the machine as soon as standard input ends: when the
 * process that started this one is gone, even by SIGKILL.
 */
public final class StopWithParent {
    public static void main(String[] args) throws Throwable {
        Thread watcher = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // Nothing is ever sent; only the end matters.
                }
            } catch (IOException ignored) {
                // The same as the end.
            }
            Runtime.getRuntime().halt(130);
        }, "stop-with-parent");
        watcher.setDaemon(true);
        watcher.start();
        String[] rest = Arrays.copyOfRange(args, 1, args.length);
        Class.forName(args[0]).getMethod("main", String[].class).invoke(null, (Object) rest);
    }
}
