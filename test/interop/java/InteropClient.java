import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.rocketmq.client.consumer.DefaultLitePullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * The reference client doing what it is told, one command a line on standard input, its values URL-encoded:
 *
 * <pre>
 * consume id=.. group=.. topic=.. mode=orderly|concurrent [tags=A||B] [fail=body:times,..] [delayLevel=1]
 *         [maxReconsume=-1] [pop=true] [popInvisible=ms] [reply=true]
 * litepull id=.. group=.. topic=.. mode=subscribe|assign
 * send id=.. topic=.. kind=sync|async|oneway|batch|selector bodies=a,b [key=..] [tags=..] [delayLevel=..] [timerMs=..]
 * transact id=.. group=.. topic=.. messages=body:first[:at check],..   each of commit, rollback, unknown
 * request id=.. topic=.. body=..
 * stop id=..
 * </pre>
 *
 * Standard output carries one JSON object a line: its event (ready, message, sent, checked, replied, answered, done, failed), the id
 * of the command, and more. The program ends when standard input does.
 */
public class InteropClient {
    /** On a busy machine the first message of a client takes longer than the default of 3 s. */
    private static final int SEND_TIMEOUT_MS = 15_000;

    private final String namesrv;
    private final Map<String, Runnable> running = new ConcurrentHashMap<>();

    InteropClient(String namesrv) {
        this.namesrv = namesrv;
    }

    public static void main(String[] args) throws Exception {
        new InteropClient(args[0]).serve();
    }

    final void serve() throws Exception {
        print("started", "");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            Command command = new Command(line);
            Thread thread = new Thread(() -> {
                try {
                    execute(command);
                } catch (Throwable e) {
                    print("failed", command.get("id"), "error", String.valueOf(e));
                }
            });
            thread.setDaemon(true);
            thread.start();
        }
        Runtime.getRuntime().halt(0);
    }

    /** What later clients can do besides is added by a subclass. */
    void execute(Command command) throws Exception {
        switch (command.verb) {
            case "consume":
                consume(command);
                break;
            case "litepull":
                litePull(command);
                break;
            case "send":
                send(command);
                break;
            case "transact":
                transact(command);
                break;
            case "request":
                request(command);
                break;
            case "stop":
                Runnable stop = running.remove(command.get("id"));
                if (stop != null) {
                    stop.run();
                }
                print("stopped", command.get("id"));
                break;
            default:
                throw new IllegalArgumentException("no such command: " + command.verb);
        }
    }

    private void consume(Command command) throws Exception {
        String id = command.get("id");
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(command.get("group"));
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName(id);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setPollNameServerInterval(1000);
        consumer.setHeartbeatBrokerInterval(1000);
        consumer.setConsumeMessageBatchMaxSize(1);
        consumer.setMaxReconsumeTimes(Integer.parseInt(command.get("maxReconsume", "-1")));
        consumer.subscribe(command.get("topic"), command.get("tags", "*"));
        prepare(consumer, command);
        Failures failures = new Failures(command.get("fail", ""));
        DefaultMQProducer replier = command.has("reply") ? producer(id + "-replies") : null;
        if (command.get("mode").equals("orderly")) {
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) -> {
                report(id, messages);
                return failures.next(messages) ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT
                    : ConsumeOrderlyStatus.SUCCESS;
            });
        } else {
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) -> {
                report(id, messages);
                context.setDelayLevelWhenNextConsume(Integer.parseInt(command.get("delayLevel", "1")));
                if (failures.next(messages)) {
                    return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                }
                if (replier != null) {
                    reply(replier, id, messages.get(0));
                }
                return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
        }
        consumer.start();
        running.put(id, consumer::shutdown);
        print("ready", id);
    }

    /** What only later clients know. */
    void prepare(DefaultMQPushConsumer consumer, Command command) throws Exception {
    }

    private static void reply(DefaultMQProducer producer, String id, MessageExt message) {
        try {
            byte[] body = ("re: " + text(message)).getBytes(StandardCharsets.UTF_8);
            producer.send(MessageUtil.createReplyMessage(message, body));
            print("answered", id);
        } catch (Exception e) {
            print("failed", id, "error", String.valueOf(e));
        }
    }

    private void litePull(Command command) throws Exception {
        String id = command.get("id");
        DefaultLitePullConsumer consumer = new DefaultLitePullConsumer(command.get("group"));
        consumer.setNamesrvAddr(namesrv);
        consumer.setInstanceName(id);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setAutoCommitIntervalMillis(1000);
        if (command.get("mode").equals("subscribe")) {
            consumer.subscribe(command.get("topic"), "*");
            consumer.start();
        } else {
            consumer.start();
            consumer.assign(new ArrayList<>(consumer.fetchMessageQueues(command.get("topic"))));
        }
        CountDownLatch end = new CountDownLatch(1);
        Thread poller = new Thread(() -> {
            while (end.getCount() > 0) {
                report(id, consumer.poll(200));
            }
            consumer.commitSync();
            consumer.shutdown();
            running.remove(id);
        });
        running.put(id, () -> {
            end.countDown();
            try {
                poller.join(10_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        poller.start();
        print("ready", id);
    }

    final DefaultMQProducer producer(String id) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(id);
        producer.setNamesrvAddr(namesrv);
        producer.setInstanceName(id);
        producer.setSendMsgTimeout(SEND_TIMEOUT_MS);
        producer.start();
        return producer;
    }

    private void send(Command command) throws Exception {
        String id = command.get("id");
        DefaultMQProducer producer = producer(id);
        List<Message> messages = new ArrayList<>();
        for (String body : command.get("bodies").split(",")) {
            messages.add(message(command, body));
        }
        if (command.get("kind").equals("batch")) {
            sent(id, "batch", producer.send(messages));
        } else {
            CountDownLatch answers = new CountDownLatch(messages.size());
            for (Message message : messages) {
                sendOne(producer, command, message, answers);
            }
            answers.await();
        }
        finish(id, producer);
    }

    void finish(String id, DefaultMQProducer producer) {
        print("done", id);
        producer.shutdown();
    }

    private static void sendOne(DefaultMQProducer producer, Command command, Message message, CountDownLatch answers)
        throws Exception {
        String id = command.get("id");
        switch (command.get("kind")) {
            case "async":
                producer.send(message, new SendCallback() {
                    @Override
                    public void onSuccess(SendResult result) {
                        sent(id, text(message), result);
                        answers.countDown();
                    }

                    @Override
                    public void onException(Throwable e) {
                        print("failed", id, "error", String.valueOf(e));
                        answers.countDown();
                    }
                });
                return;
            case "oneway":
                producer.sendOneway(message);
                break;
            case "selector":
                sent(id, text(message), producer.send(message, new SelectMessageQueueByHash(), command.get("key")));
                break;
            default:
                sent(id, text(message), producer.send(message));
        }
        answers.countDown();
    }

    private static Message message(Command command, String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        Message message = new Message(command.get("topic"), command.get("tags", ""), command.get("key", ""), bytes);
        if (command.has("delayLevel")) {
            message.setDelayTimeLevel(Integer.parseInt(command.get("delayLevel")));
        }
        if (command.has("timerMs")) {
            // What setDelayTimeMs of later clients sets.
            MessageAccessor.putProperty(message, "TIMER_DELAY_MS", command.get("timerMs"));
        }
        return message;
    }

    static void sent(String id, String body, SendResult result) {
        MessageQueue queue = result.getMessageQueue();
        print("sent", id, "body", body, "status", result.getSendStatus().name(), "msgId", result.getMsgId(),
            "offsetMsgId", String.valueOf(result.getOffsetMsgId()), "brokerName", queue.getBrokerName(),
            "queueId", queue.getQueueId(), "queueOffset", result.getQueueOffset());
    }

    private void transact(Command command) throws Exception {
        String id = command.get("id");
        Map<String, String[]> outcomes = new HashMap<>();
        for (String rule : command.get("messages").split(",")) {
            String[] parts = rule.split(":");
            outcomes.put(parts[0], parts);
        }
        TransactionMQProducer producer = new TransactionMQProducer(command.get("group"));
        producer.setSendMsgTimeout(SEND_TIMEOUT_MS);
        producer.setNamesrvAddr(namesrv);
        producer.setInstanceName(id);
        producer.setTransactionListener(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object arg) {
                return state(outcomes.get(text(message))[1]);
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                print("checked", id, "body", text(message), "topic", message.getTopic(), "queueId", message.getQueueId(),
                    "times", String.valueOf(message.getProperty("TRANSACTION_CHECK_TIMES")),
                    "transactionId", String.valueOf(message.getTransactionId()));
                String[] parts = outcomes.get(text(message));
                return state(parts == null || parts.length < 3 ? "unknown" : parts[2]);
            }
        });
        producer.start();
        running.put(id, producer::shutdown);
        for (String rule : command.get("messages").split(",")) {
            Message message = message(command, rule.split(":")[0]);
            sent(id, text(message), producer.sendMessageInTransaction(message, null));
        }
        print("done", id);
    }

    private static LocalTransactionState state(String name) {
        switch (name) {
            case "commit":
                return LocalTransactionState.COMMIT_MESSAGE;
            case "rollback":
                return LocalTransactionState.ROLLBACK_MESSAGE;
            default:
                return LocalTransactionState.UNKNOW;
        }
    }

    private void request(Command command) throws Exception {
        String id = command.get("id");
        DefaultMQProducer producer = producer(id);
        Message answer = producer.request(message(command, command.get("body")), 10_000);
        print("replied", id, "body", text(answer));
        finish(id, producer);
    }

    static void report(String id, List<MessageExt> messages) {
        for (MessageExt message : messages) {
            print("message", id, "topic", message.getTopic(), "brokerName", String.valueOf(message.getBrokerName()),
                "queueId", message.getQueueId(), "queueOffset", message.getQueueOffset(), "body", text(message),
                "keys", String.valueOf(message.getKeys()), "tags", String.valueOf(message.getTags()),
                "reconsumeTimes", message.getReconsumeTimes(), "msgId", message.getMsgId());
        }
    }

    static String text(Message message) {
        return new String(message.getBody(), StandardCharsets.UTF_8);
    }

    /** Which messages fail how often. */
    static final class Failures {
        private final Map<String, Integer> left = new ConcurrentHashMap<>();

        Failures(String rules) {
            for (String rule : rules.split(",")) {
                int colon = rule.lastIndexOf(':');
                if (colon > 0) {
                    left.put(rule.substring(0, colon), Integer.parseInt(rule.substring(colon + 1)));
                }
            }
        }

        boolean next(List<MessageExt> messages) {
            String body = text(messages.get(0));
            if (left.getOrDefault(body, 0) <= 0) {
                return false;
            }
            left.merge(body, -1, Integer::sum);
            return true;
        }
    }

    static final class Command {
        final String verb;
        private final Map<String, String> fields = new HashMap<>();

        Command(String line) {
            String[] words = line.trim().split(" ");
            verb = words[0];
            for (int i = 1; i < words.length; i++) {
                int equals = words[i].indexOf('=');
                fields.put(words[i].substring(0, equals),
                    URLDecoder.decode(words[i].substring(equals + 1), StandardCharsets.UTF_8));
            }
        }

        boolean has(String name) {
            return fields.containsKey(name);
        }

        String get(String name) {
            return fields.get(name);
        }

        String get(String name, String absent) {
            return fields.getOrDefault(name, absent);
        }
    }

    static void print(String event, String id, Object... more) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("event", event);
        fields.put("id", id);
        for (int i = 0; i < more.length; i += 2) {
            fields.put((String) more[i], more[i + 1]);
        }
        List<String> members = new ArrayList<>();
        fields.forEach((name, value) -> members.add(json(name) + ":" + (value instanceof Number ? value : json(value))));
        String line = "{" + String.join(",", members) + "}";
        synchronized (System.out) {
            System.out.println(line);
            System.out.flush();
        }
    }

    private static String json(Object value) {
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
