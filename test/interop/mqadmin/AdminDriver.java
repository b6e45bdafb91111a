import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * Runs `mqadmin` many times in one Java machine, whose start takes longer than most commands: a line of standard input is
 * one command line, its words separated by tabs. What a command writes, to either stream, comes out as it is, and then
 * the line `@@END`. Ends with its input.
 */
public class AdminDriver extends MQAdminStartup {
    public static void main(String[] args) {
        System.setErr(System.out);
        wakeThoseWaitedFor(Thread.currentThread());
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try {
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                run(line.split("\t"));
                System.out.printf("%n@@END%n");
                System.out.flush();
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        // Clients of the commands may have left threads behind.
        System.exit(0);
    }

    /**
     * The end of each client waits for a thread that looks up every three seconds only. It is woken when it is waited for,
     * or most of the time would go into that.
     */
    private static void wakeThoseWaitedFor(Thread main) {
        Thread waker = new Thread(() -> {
            while (true) {
                try {
                    Thread.sleep(20);
                } catch (InterruptedException error) {
                    return;
                }
                for (StackTraceElement frame : main.getStackTrace()) {
                    if (!frame.getClassName().endsWith(".NettyRemotingClient") || !frame.getMethodName().equals("shutdown")) continue;
                    for (Thread thread : Thread.getAllStackTraces().keySet()) {
                        if (thread.getName().startsWith("NettyEventExecutor")) thread.interrupt();
                    }
                }
            }
        });
        waker.setDaemon(true);
        waker.start();
    }

    private static void run(String[] words) {
        // Some commands keep a client for good, as if they were run once only: each run gets new ones.
        SUB_COMMANDS.clear();
        try {
            main0(words, null);
        } catch (Throwable error) {
            error.printStackTrace();
        }
    }
}
