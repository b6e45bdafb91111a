import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.MessageQueueSelector;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * The reference client doing what the benchmarks measure, at its default options. The topics must exist.
 *
 * <pre>
 * BenchPeer consume namesrv=.. topic=.. group=.. messages=.. [batch=1]
 * BenchPeer latency namesrv=.. topic=.. group=.. messages=.. [rate=300] [warmup=300]
 * BenchPeer member  namesrv=.. topic=.. group=..
 * BenchPeer produce namesrv=.. topic=.. messages=.. [size=512] [keys=64] [inFlight=100]
 * </pre>
 *
 * The last line of standard output is RESULT and a JSON object: times in milliseconds, memory in bytes. A member has no
 * result: it writes `GOT brokerName queueId` for each message, and leaves in good order when its standard input ends.
 */
public final class BenchPeer {
    private static final com.sun.management.OperatingSystemMXBean SYSTEM =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final Map<String, String> options = new HashMap<>();

    public static void main(String[] args) {
        BenchPeer peer = new BenchPeer();
        try {
            if (args.length == 0) {
                throw new IllegalArgumentException("the mode is missing: consume, latency, member or produce");
            }
            for (int i = 1; i < args.length; i++) {
                int equals = args[i].indexOf('=');
                if (equals == -1) {
                    throw new IllegalArgumentException(args[i] + " is no name=value");
                }
                peer.options.put(args[i].substring(0, equals), args[i].substring(equals + 1));
            }
            String result = switch (args[0]) {
                case "consume" -> peer.consume();
                case "latency" -> peer.latency();
                case "member" -> peer.member();
                case "produce" -> peer.produce();
                default -> throw new IllegalArgumentException("no such mode: " + args[0]);
            };
            System.out.println("RESULT " + result);
            System.exit(0);
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    /** A moment, on the clock and in processor time of the whole process. */
    private record Mark(long nanos, long cpuNanos) {
        static Mark now() {
            return new Mark(System.nanoTime(), SYSTEM.getProcessCpuTime());
        }
    }

    private String consume() throws Exception {
        long wanted = Long.parseLong(text("messages"));
        AtomicReference<Mark> first = new AtomicReference<>();
        AtomicReference<Mark> last = new AtomicReference<>();
        AtomicLong count = new AtomicLong();
        AtomicLong counted = new AtomicLong();
        CountDownLatch done = new CountDownLatch(1);

        DefaultMQPushConsumer consumer = newConsumer((messages, context) -> {
            if (first.get() == null) {
                first.compareAndSet(null, Mark.now());
            }
            int size = messages.size();
            long total = count.addAndGet(size);
            // Only the call that reaches the wanted count sees both; calls go on until the consumer is shut down.
            if (total >= wanted && total - size < wanted) {
                last.set(Mark.now());
                counted.set(total);
                done.countDown();
            }
            return ConsumeOrderlyStatus.SUCCESS;
        });
        long startedAt = System.nanoTime();
        consumer.start();
        done.await();
        long peakRss = peakRss();
        consumer.shutdown();
        return String.format(Locale.ROOT,
            "{\"messages\":%d,\"firstMs\":%.3f,\"wallMs\":%.3f,\"cpuMs\":%.3f,\"cpuTotalMs\":%.3f,\"peakRss\":%d}",
            counted.get(), millis(first.get().nanos - startedAt), millis(last.get().nanos - first.get().nanos),
            millis(last.get().cpuNanos - first.get().cpuNanos), millis(last.get().cpuNanos), peakRss);
    }

    private String member() throws Exception {
        DefaultMQPushConsumer consumer = newConsumer((messages, context) -> {
            for (MessageExt message : messages) {
                System.out.println("GOT " + message.getBrokerName() + " " + message.getQueueId());
            }
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        while (System.in.read() != -1) {
            // Until whoever started it has enough.
        }
        consumer.shutdown();
        return "{}";
    }

    private String latency() throws Exception {
        int wanted = number("messages", null);
        int warmUp = number("warmup", "300");
        long interval = 1_000_000_000L / number("rate", "300");
        long run = ThreadLocalRandom.current().nextLong();
        long[] latencies = new long[wanted];
        CountDownLatch warm = new CountDownLatch(warmUp);
        CountDownLatch done = new CountDownLatch(wanted);

        DefaultMQPushConsumer consumer = newConsumer((messages, context) -> {
            long now = System.nanoTime();
            for (MessageExt message : messages) {
                ByteBuffer body = ByteBuffer.wrap(message.getBody());
                // What an earlier run left in the topic is not ours to measure.
                if (body.remaining() != 20 || body.getLong() != run) {
                    continue;
                }
                int index = body.getInt();
                if (index < warmUp) {
                    warm.countDown();
                } else {
                    latencies[index - warmUp] = now - body.getLong();
                    done.countDown();
                }
            }
            return ConsumeOrderlyStatus.SUCCESS;
        });
        DefaultMQProducer producer = newProducer();
        consumer.start();
        producer.start();
        sendPaced(producer, run, 0, warmUp, interval);
        // Until every queue is locked and pulled from, it is the start that would be measured.
        warm.await();
        sendPaced(producer, run, warmUp, wanted, interval);
        done.await();
        consumer.shutdown();
        producer.shutdown();
        Arrays.sort(latencies);
        return String.format(Locale.ROOT,
            "{\"messages\":%d,\"p50Ms\":%.3f,\"p90Ms\":%.3f,\"p99Ms\":%.3f,\"maxMs\":%.3f}",
            wanted, percentile(latencies, 0.5), percentile(latencies, 0.9), percentile(latencies, 0.99),
            percentile(latencies, 1));
    }

    /** Sends at a fixed rate, however long a send takes, to one queue after the other. */
    private void sendPaced(DefaultMQProducer producer, long run, int from, int count, long interval) throws Exception {
        MessageQueueSelector inTurn = (queues, message, index) -> queues.get((Integer) index % queues.size());
        long begin = System.nanoTime();
        for (int i = 0; i < count; i++) {
            for (long left; (left = begin + i * interval - System.nanoTime()) > 0;) {
                LockSupport.parkNanos(left);
            }
            int index = from + i;
            byte[] body = ByteBuffer.allocate(20).putLong(run).putInt(index).putLong(System.nanoTime()).array();
            producer.send(new Message(text("topic"), body), inTurn, index, new Sent(() -> { }));
        }
    }

    private String produce() throws Exception {
        int wanted = number("messages", null);
        int keys = number("keys", "64");
        int inFlight = number("inFlight", "100");
        byte[] body = new byte[number("size", "512")];
        byte[] filling = "rocketmq-ordered ".getBytes();
        for (int i = 0; i < body.length; i++) {
            body[i] = filling[i % filling.length];
        }
        MessageQueueSelector byHash = new SelectMessageQueueByHash();

        DefaultMQProducer producer = newProducer();
        producer.start();
        // The route and the connection belong to the start.
        producer.send(newMessage(body, 0, 0), byHash, "order-0");
        Mark begin = Mark.now();
        for (int sent = 0; sent < wanted;) {
            int size = Math.min(inFlight, wanted - sent);
            CountDownLatch confirmed = new CountDownLatch(size);
            for (int i = 0; i < size; i++, sent++) {
                Message message = newMessage(body, sent % keys, sent);
                producer.send(message, byHash, message.getProperty("__SHARDINGKEY"), new Sent(confirmed::countDown));
            }
            confirmed.await();
        }
        Mark end = Mark.now();
        long peakRss = peakRss();
        producer.shutdown();
        return String.format(Locale.ROOT, "{\"messages\":%d,\"wallMs\":%.3f,\"cpuMs\":%.3f,\"peakRss\":%d}",
            wanted, millis(end.nanos - begin.nanos), millis(end.cpuNanos - begin.cpuNanos), peakRss);
    }

    private Message newMessage(byte[] body, int key, int number) {
        String shardingKey = "order-" + key;
        Message message = new Message(text("topic"), "Created", shardingKey + "-" + number, body);
        message.putUserProperty("__SHARDINGKEY", shardingKey);
        return message;
    }

    /** A send that fails makes the figures worthless: the program ends. */
    private record Sent(Runnable confirmed) implements SendCallback {
        @Override
        public void onSuccess(SendResult result) {
            confirmed.run();
        }

        @Override
        public void onException(Throwable e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private DefaultMQPushConsumer newConsumer(MessageListenerOrderly listener) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(text("group"));
        consumer.setNamesrvAddr(text("namesrv"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        if (options.containsKey("batch")) {
            consumer.setConsumeMessageBatchMaxSize(number("batch", null));
        }
        consumer.subscribe(text("topic"), "*");
        consumer.registerMessageListener(listener);
        return consumer;
    }

    private DefaultMQProducer newProducer() {
        DefaultMQProducer producer = new DefaultMQProducer("bench-peer-producer");
        producer.setNamesrvAddr(text("namesrv"));
        return producer;
    }

    private String text(String name) {
        String value = options.get(name);
        if (value == null) {
            throw new IllegalArgumentException("the argument " + name + "=... is missing");
        }
        return value;
    }

    private int number(String name, String byDefault) {
        return Integer.parseInt(byDefault == null ? text(name) : options.getOrDefault(name, byDefault));
    }

    private static double millis(long nanos) {
        return nanos / 1e6;
    }

    private static double percentile(long[] sorted, double share) {
        return millis(sorted[Math.max(0, (int) Math.ceil(sorted.length * share) - 1)]);
    }

    /** The kernel's high-water mark, or 0 where there is none to be read. */
    private static long peakRss() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
                }
            }
        } catch (IOException e) {
            // Not Linux.
        }
        return 0;
    }
}
