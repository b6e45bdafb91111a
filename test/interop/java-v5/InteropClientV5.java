import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.AckCallback;
import org.apache.rocketmq.client.consumer.AckResult;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PopCallback;
import org.apache.rocketmq.client.consumer.PopResult;
import org.apache.rocketmq.client.consumer.PopStatus;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.remoting.protocol.header.AckMessageRequestHeader;
import org.apache.rocketmq.remoting.protocol.header.ExtraInfoUtil;
import org.apache.rocketmq.remoting.protocol.header.PopMessageRequestHeader;

/**
 * Also what clients can do since 5.0:
 *
 * <pre>
 * recall id=.. topic=.. bodies=a,b timerMs=.. which=a
 * popOrderly id=.. group=.. topic=.. broker=name address=host:port queue=.. times=.. batch=.. invisible=ms ack=true|false
 * </pre>
 *
 * The first sends messages that are to be seen so much later, and calls one of them back. The second
 * pops a queue in order, so many times one after the other, by the client's own implementation of the request, which is
 * what Apache's proxy uses: the push consumer does not pop in order, though it takes an orderly listener.
 */
public final class InteropClientV5 extends InteropClient {
    private InteropClientV5(String namesrv) {
        super(namesrv);
    }

    public static void main(String[] args) throws Exception {
        new InteropClientV5(args[0]).serve();
    }

    @Override
    void execute(Command command) throws Exception {
        switch (command.verb) {
            case "popOrderly":
                popOrderly(command);
                break;
            case "recall":
                recall(command);
                break;
            default:
                super.execute(command);
        }
    }

    @Override
    void prepare(DefaultMQPushConsumer consumer, Command command) {
        if (command.has("pop")) {
            // Whether it pops is what the broker says.
            consumer.setClientRebalance(false);
            consumer.setPopInvisibleTime(Long.parseLong(command.get("popInvisible", "60000")));
        }
    }

    private void recall(Command command) throws Exception {
        String id = command.get("id");
        String topic = command.get("topic");
        DefaultMQProducer producer = producer(id);
        String handle = null;
        for (String body : command.get("bodies").split(",")) {
            Message message = new Message(topic, body.getBytes(StandardCharsets.UTF_8));
            message.setDelayTimeMs(Long.parseLong(command.get("timerMs")));
            SendResult result = producer.send(message);
            sent(id, body, result);
            if (body.equals(command.get("which"))) {
                handle = result.getRecallHandle();
            }
        }
        print("recalled", id, "msgId", producer.recallMessage(topic, handle));
        finish(id, producer);
    }

    private void popOrderly(Command command) throws Exception {
        String id = command.get("id");
        DefaultMQProducer connected = producer(id);
        MQClientAPIImpl api = connected.getDefaultMQProducerImpl().getMqClientFactory().getMQClientAPIImpl();
        for (int i = 0; i < Integer.parseInt(command.get("times")); i++) {
            PopResult result = pop(api, command);
            List<MessageExt> messages = result.getMsgFoundList() == null ? new ArrayList<>() : result.getMsgFoundList();
            report(id, messages);
            print("popped", id, "status", result.getPopStatus().name(), "count", messages.size());
            if (result.getPopStatus() == PopStatus.FOUND && command.get("ack").equals("true")) {
                for (MessageExt message : messages) {
                    ack(api, command, message);
                }
            }
        }
        finish(id, connected);
    }

    private static PopResult pop(MQClientAPIImpl api, Command command) throws Exception {
        PopMessageRequestHeader header = new PopMessageRequestHeader();
        header.setConsumerGroup(command.get("group"));
        header.setTopic(command.get("topic"));
        header.setQueueId(Integer.parseInt(command.get("queue")));
        header.setMaxMsgNums(Integer.parseInt(command.get("batch")));
        header.setInvisibleTime(Long.parseLong(command.get("invisible")));
        header.setPollTime(3000);
        header.setBornTime(System.currentTimeMillis());
        header.setInitMode(0);
        header.setExpType("TAG");
        header.setExp("*");
        header.setOrder(true);
        CompletableFuture<PopResult> future = new CompletableFuture<>();
        api.popMessageAsync(command.get("broker"), command.get("address"), header, 10_000, new PopCallback() {
            @Override
            public void onSuccess(PopResult result) {
                future.complete(result);
            }

            @Override
            public void onException(Throwable e) {
                future.completeExceptionally(e);
            }
        });
        return future.get(15, TimeUnit.SECONDS);
    }

    private static void ack(MQClientAPIImpl api, Command command, MessageExt message) throws Exception {
        String handle = message.getProperty("POP_CK");
        AckMessageRequestHeader header = new AckMessageRequestHeader();
        header.setConsumerGroup(command.get("group"));
        header.setTopic(command.get("topic"));
        header.setQueueId(message.getQueueId());
        header.setOffset(ExtraInfoUtil.getQueueOffset(ExtraInfoUtil.split(handle)));
        header.setExtraInfo(handle);
        CompletableFuture<AckResult> future = new CompletableFuture<>();
        api.ackMessageAsync(command.get("address"), 5000, new AckCallback() {
            @Override
            public void onSuccess(AckResult result) {
                future.complete(result);
            }

            @Override
            public void onException(Throwable e) {
                future.completeExceptionally(e);
            }
        }, header);
        future.get(10, TimeUnit.SECONDS);
    }
}
