import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyContext;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueConsistentHash;
import org.apache.rocketmq.client.impl.consumer.ProcessQueue;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

import static java.util.Map.entry;

/**
 * The reference client as a member of a group, or as a producer, for tests that mix it with the client of this project.
 *
 * <pre>
 * OrderlyMember consume namesrv=.. group=.. topic=.. [tags=A||B] [sql=..] [from=FIRST|LAST] [instance=..]
 *               [strategy=AVG|CIRCLE|HASH] [batch=1] [maxReconsume=-1] [delay=ms per call] [suspend=key:times,..]
 *               [broadcast=true] [namespace=..]
 * OrderlyMember produce namesrv=.. topic=.. count=.. [keys=a,b,..] [tags=..] [size=bytes] [delayLevel=..] [batch=..]
 *               [compressAbove=bytes] [group=..] [namespace=..]
 * </pre>
 *
 * Standard output carries one event per line, a name and a JSON object: READY, ASSIGNED, MSG and END (a call's beginning
 * and end, with the machine's monotonic clock in microseconds), SENT, DONE, ERROR. The program ends in order (shutdown())
 * when standard input ends, or on SIGTERM.
 */
public final class OrderlyMember {
    private static final long ASSIGNMENT_POLL_MS = 50;

    private final Map<String, String> options = new HashMap<>();

    public static void main(String[] args) {
        OrderlyMember member = new OrderlyMember();
        for (int i = 1; i < args.length; i++) {
            int equals = args[i].indexOf('=');
            member.options.put(args[i].substring(0, equals), args[i].substring(equals + 1));
        }
        try {
            if (args[0].equals("consume")) {
                member.consume();
            } else {
                member.produce();
            }
            System.exit(0);
        } catch (Throwable e) {
            print("ERROR", entry("message", String.valueOf(e)));
            e.printStackTrace();
            System.exit(1);
        }
    }

    private void consume() throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(options.get("group"));
        consumer.setNamesrvAddr(options.get("namesrv"));
        if (options.containsKey("instance")) {
            consumer.setInstanceName(options.get("instance"));
        }
        if (options.containsKey("namespace")) {
            consumer.setNamespace(options.get("namespace"));
        }
        // A rebalance of this client raises its subscription's version, and when another heartbeat is on its way at that
        // moment, the one with the new version is left out ("lock heartBeat, but failed"): the broker refuses all pulls
        // ("the subscription is not latest") until the next heartbeat, after 30 s by default.
        consumer.setHeartbeatBrokerInterval(3_000);
        consumer.setConsumeFromWhere(ConsumeFromWhere.valueOf("CONSUME_FROM_" + option("from", "FIRST") + "_OFFSET"));
        consumer.setConsumeMessageBatchMaxSize(Integer.parseInt(option("batch", "1")));
        consumer.setMaxReconsumeTimes(Integer.parseInt(option("maxReconsume", "-1")));
        if (Boolean.parseBoolean(option("broadcast", "false"))) {
            // The class of the constant moved between 4.x and 5.x; its setter did not.
            setBroadcasting(consumer);
        }
        switch (option("strategy", "AVG")) {
            case "CIRCLE":
                consumer.setAllocateMessageQueueStrategy(new AllocateMessageQueueAveragelyByCircle());
                break;
            case "HASH":
                consumer.setAllocateMessageQueueStrategy(new AllocateMessageQueueConsistentHash());
                break;
            default:
                consumer.setAllocateMessageQueueStrategy(new AllocateMessageQueueAveragely());
        }
        if (options.containsKey("sql")) {
            consumer.subscribe(options.get("topic"), MessageSelector.bySql(options.get("sql")));
        } else {
            consumer.subscribe(options.get("topic"), option("tags", "*"));
        }
        consumer.registerMessageListener(new Listener());

        CountDownLatch end = new CountDownLatch(1);
        onEnd(end, consumer::shutdown);
        consumer.start();
        print("READY", entry("clientId", consumer.buildMQClientId()));
        reportAssignments(consumer, end);
        consumer.shutdown();
    }

    private static void setBroadcasting(DefaultMQPushConsumer consumer) throws ReflectiveOperationException {
        for (var method : DefaultMQPushConsumer.class.getMethods()) {
            if (method.getName().equals("setMessageModel")) {
                for (Object model : method.getParameterTypes()[0].getEnumConstants()) {
                    if (model.toString().equals("BROADCASTING")) {
                        method.invoke(consumer, model);
                    }
                }
            }
        }
    }

    private final class Listener implements MessageListenerOrderly {
        private final long delay = Long.parseLong(option("delay", "0"));
        private final Map<String, Integer> suspensions = new ConcurrentHashMap<>();

        Listener() {
            for (String rule : option("suspend", "").split(",")) {
                int colon = rule.lastIndexOf(':');
                if (colon > 0) {
                    suspensions.put(rule.substring(0, colon), Integer.parseInt(rule.substring(colon + 1)));
                }
            }
        }

        @Override
        public ConsumeOrderlyStatus consumeMessage(List<MessageExt> messages, ConsumeOrderlyContext context) {
            ConsumeOrderlyStatus status = ConsumeOrderlyStatus.SUCCESS;
            for (MessageExt message : messages) {
                String key = String.valueOf(message.getKeys());
                if (suspensions.getOrDefault(key, 0) > 0) {
                    suspensions.merge(key, -1, Integer::sum);
                    status = ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT;
                }
                print("MSG",
                    entry("brokerName", message.getBrokerName()), entry("queueId", message.getQueueId()),
                    entry("queueOffset", message.getQueueOffset()), entry("topic", message.getTopic()),
                    entry("keys", key), entry("tags", String.valueOf(message.getTags())),
                    entry("shardingKey", String.valueOf(message.getProperty("__SHARDINGKEY"))),
                    entry("reconsumeTimes", message.getReconsumeTimes()), entry("msgId", message.getMsgId()),
                    entry("bodyLength", message.getBody().length),
                    entry("body", new String(message.getBody(), 0, Math.min(200, message.getBody().length), StandardCharsets.UTF_8)),
                    entry("properties", message.getProperties()), entry("at", micros()));
            }
            if (delay > 0) {
                try {
                    Thread.sleep(delay);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            for (MessageExt message : messages) {
                print("END",
                    entry("brokerName", message.getBrokerName()), entry("queueId", message.getQueueId()),
                    entry("queueOffset", message.getQueueOffset()), entry("at", micros()));
            }
            return status;
        }
    }

    /** Prints the queues this member holds and has locked, whenever they change. */
    private void reportAssignments(DefaultMQPushConsumer consumer, CountDownLatch end) throws InterruptedException {
        String last = null;
        while (!end.await(ASSIGNMENT_POLL_MS, java.util.concurrent.TimeUnit.MILLISECONDS)) {
            Map<String, Object> queues = new TreeMap<>();
            for (Map.Entry<MessageQueue, ProcessQueue> held
                : consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().entrySet()) {
                MessageQueue queue = held.getKey();
                if (!held.getValue().isDropped() && !queue.getTopic().startsWith("%RETRY%")) {
                    queues.put(queue.getBrokerName() + "#" + queue.getQueueId(), held.getValue().isLocked());
                }
            }
            String now = json(queues);
            if (!now.equals(last)) {
                last = now;
                print("ASSIGNED", entry("queues", queues));
            }
        }
    }

    private void produce() throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(option("group", "orderly-member-producer"));
        producer.setNamesrvAddr(options.get("namesrv"));
        if (options.containsKey("namespace")) {
            producer.setNamespace(options.get("namespace"));
        }
        producer.setCompressMsgBodyOverHowmuch(Integer.parseInt(option("compressAbove", "4096")));
        producer.start();
        String[] keys = option("keys", "key").split(",");
        int count = Integer.parseInt(option("count", "1"));
        int batch = Integer.parseInt(option("batch", "1"));
        List<Message> waiting = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String key = keys[i % keys.length];
            Message message = new Message(options.get("topic"), option("tags", ""), key, body(key, i));
            MessageAccessor.putProperty(message, "__SHARDINGKEY", key);
            message.putUserProperty("index", String.valueOf(i));
            if (options.containsKey("delayLevel")) {
                message.setDelayTimeLevel(Integer.parseInt(options.get("delayLevel")));
            }
            if (batch > 1) {
                waiting.add(message);
                if (waiting.size() == batch || i == count - 1) {
                    sent(key, producer.send(waiting, producer.fetchPublishMessageQueues(options.get("topic")).get(0)));
                    waiting = new ArrayList<>();
                }
            } else {
                sent(key, producer.send(message, new SelectMessageQueueByHash(), key));
            }
        }
        print("DONE", entry("count", count));
        producer.shutdown();
    }

    private byte[] body(String key, int index) {
        StringBuilder text = new StringBuilder(key + "#" + index);
        int size = Integer.parseInt(option("size", "0"));
        while (text.length() < size) {
            text.append(" and again ").append(key);
        }
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void sent(String key, SendResult result) {
        print("SENT",
            entry("key", key), entry("brokerName", result.getMessageQueue().getBrokerName()),
            entry("queueId", result.getMessageQueue().getQueueId()), entry("queueOffset", result.getQueueOffset()),
            entry("msgId", result.getMsgId()), entry("offsetMsgId", String.valueOf(result.getOffsetMsgId())),
            entry("status", result.getSendStatus().name()));
    }

    /** Releases the latch when standard input ends; on SIGTERM shuts down from the machine's own hook. */
    private static void onEnd(CountDownLatch end, Runnable shutdown) {
        Thread reader = new Thread(() -> {
            try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
                while (in.readLine() != null) {
                    // Only the end matters.
                }
            } catch (java.io.IOException ignored) {
                // The same as the end.
            }
            end.countDown();
        }, "stdin");
        reader.setDaemon(true);
        reader.start();
        Runtime.getRuntime().addShutdownHook(new Thread(shutdown));
    }

    private static long micros() {
        return System.nanoTime() / 1_000;
    }

    private String option(String name, String absent) {
        return options.getOrDefault(name, absent);
    }

    @SafeVarargs
    private static void print(String event, Map.Entry<String, Object>... fields) {
        Map<String, Object> ordered = new java.util.LinkedHashMap<>();
        for (Map.Entry<String, Object> field : fields) {
            ordered.put(field.getKey(), field.getValue());
        }
        String line = event + " " + json(ordered);
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }

    private static String json(Object value) {
        if (value instanceof Map) {
            List<String> members = new ArrayList<>();
            ((Map<?, ?>) value).forEach((name, member) -> members.add(json(String.valueOf(name)) + ":" + json(member)));
            return "{" + String.join(",", members) + "}";
        }
        if (value instanceof Number || value instanceof Boolean) {
            return String.valueOf(value);
        }
        StringBuilder text = new StringBuilder("\"");
        for (char c : String.valueOf(value).toCharArray()) {
            if (c < ' ' || c == '"' || c == '\\' || c > 126) {
                text.append(String.format("\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        return text.append('"').toString();
    }
}
