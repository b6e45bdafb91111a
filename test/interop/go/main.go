// The reference Go client doing what it is told, one command a line on standard input, its values URL-encoded:
//
//	consume id=.. group=.. topic=.. mode=orderly|concurrent [tags=..] [fail=body:times,..] [maxReconsume=..]
//	send id=.. topic=.. kind=sync|async|oneway|batch|selector bodies=a,b [key=..] [tags=..] [delayLevel=..]
//	stop id=..
//
// Standard output carries one JSON object a line, as of the Java program. The program ends when standard input does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

type fields map[string]any
type command map[string]string

var (
	namesrv []string
	output  sync.Mutex
	running sync.Map
)

func main() {
	rlog.SetLogLevel("error")
	namesrv = []string{os.Args[1]}
	tell("started", "", nil)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		verb, args := parse(lines.Text())
		go func() {
			if err := execute(verb, args); err != nil {
				tell("failed", args["id"], fields{"error": err.Error()})
			}
		}()
	}
}

func parse(line string) (string, command) {
	words := strings.Fields(line)
	args := command{}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		args[name], _ = url.QueryUnescape(value)
	}
	return words[0], args
}

func execute(verb string, args command) error {
	switch verb {
	case "consume":
		return consume(args)
	case "send":
		return send(args)
	case "stop":
		if stop, found := running.LoadAndDelete(args["id"]); found {
			if err := stop.(func() error)(); err != nil {
				return err
			}
		}
		tell("stopped", args["id"], nil)
		return nil
	}
	return fmt.Errorf("no such command: %s", verb)
}

func consume(args command) error {
	id := args["id"]
	options := []consumer.Option{
		consumer.WithNameServer(namesrv),
		consumer.WithGroupName(args["group"]),
		consumer.WithInstance(id),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
		consumer.WithConsumerOrder(args["mode"] == "orderly"),
		consumer.WithConsumeMessageBatchMaxSize(1),
	}
	if limit, err := strconv.Atoi(args["maxReconsume"]); err == nil {
		options = append(options, consumer.WithMaxReconsumeTimes(int32(limit)))
	}
	created, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return err
	}
	selector := consumer.MessageSelector{}
	if tags := args["tags"]; tags != "" {
		selector = consumer.MessageSelector{Type: consumer.TAG, Expression: tags}
	}
	failures := newFailures(args["fail"])
	err = created.Subscribe(args["topic"], selector, func(ctx context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		failed := false
		for _, message := range messages {
			report(id, message)
			failed = failures.next(string(message.Body)) || failed
		}
		if !failed {
			return consumer.ConsumeSuccess, nil
		}
		if args["mode"] == "orderly" {
			return consumer.SuspendCurrentQueueAMoment, nil
		}
		if concurrent, ok := primitive.GetConcurrentlyCtx(ctx); ok {
			concurrent.DelayLevelWhenNextConsume = 1
		}
		return consumer.ConsumeRetryLater, nil
	})
	if err != nil {
		return err
	}
	if err := created.Start(); err != nil {
		return err
	}
	running.Store(id, created.Shutdown)
	tell("ready", id, nil)
	return nil
}

func send(args command) error {
	id := args["id"]
	options := []producer.Option{
		producer.WithNameServer(namesrv),
		producer.WithGroupName(id),
		producer.WithInstanceName(id),
	}
	if args["kind"] == "selector" {
		options = append(options, producer.WithQueueSelector(producer.NewHashQueueSelector()))
	}
	created, err := rocketmq.NewProducer(options...)
	if err != nil {
		return err
	}
	if err := created.Start(); err != nil {
		return err
	}
	var messages []*primitive.Message
	for _, body := range strings.Split(args["bodies"], ",") {
		messages = append(messages, newMessage(args, body))
	}
	var answers sync.WaitGroup
	if args["kind"] == "batch" {
		result, err := created.SendSync(context.Background(), messages...)
		if err != nil {
			return err
		}
		sent(id, "batch", result)
		messages = nil
	}
	for _, message := range messages {
		if err := sendOne(created, args, message, &answers); err != nil {
			return err
		}
	}
	answers.Wait()
	if args["kind"] == "oneway" {
		// Nobody answers for these: a connection that is closed right behind them may take them along.
		running.Store(id, created.Shutdown)
		tell("done", id, nil)
		return nil
	}
	tell("done", id, nil)
	return created.Shutdown()
}

func newMessage(args command, body string) *primitive.Message {
	message := primitive.NewMessage(args["topic"], []byte(body))
	if tags := args["tags"]; tags != "" {
		message.WithTag(tags)
	}
	if key := args["key"]; key != "" {
		message.WithKeys([]string{key}).WithShardingKey(key)
	}
	if level, err := strconv.Atoi(args["delayLevel"]); err == nil {
		message.WithDelayTimeLevel(level)
	}
	return message
}

func sendOne(created rocketmq.Producer, args command, message *primitive.Message, answers *sync.WaitGroup) error {
	switch args["kind"] {
	case "oneway":
		return created.SendOneWay(context.Background(), message)
	case "async":
		answers.Add(1)
		return created.SendAsync(context.Background(), func(_ context.Context, result *primitive.SendResult, err error) {
			defer answers.Done()
			if err != nil {
				tell("failed", args["id"], fields{"error": err.Error()})
				return
			}
			sent(args["id"], string(message.Body), result)
		}, message)
	}
	result, err := created.SendSync(context.Background(), message)
	if err == nil {
		sent(args["id"], string(message.Body), result)
	}
	return err
}

func sent(id string, body string, result *primitive.SendResult) {
	status := "OTHER"
	if result.Status == primitive.SendOK {
		status = "SEND_OK"
	}
	tell("sent", id, fields{
		"body": body, "status": status, "msgId": result.MsgID, "offsetMsgId": result.OffsetMsgID,
		"brokerName": result.MessageQueue.BrokerName, "queueId": result.MessageQueue.QueueId,
		"queueOffset": result.QueueOffset,
	})
}

func report(id string, message *primitive.MessageExt) {
	tell("message", id, fields{
		"topic": message.Topic, "brokerName": message.Queue.BrokerName, "queueId": message.Queue.QueueId,
		"queueOffset": message.QueueOffset, "body": string(message.Body), "keys": message.GetKeys(),
		"tags": message.GetTags(), "reconsumeTimes": message.ReconsumeTimes, "msgId": message.MsgId,
	})
}

// Which messages fail how often.
type failures struct {
	sync.Mutex
	left map[string]int
}

func newFailures(rules string) *failures {
	left := map[string]int{}
	for _, rule := range strings.Split(rules, ",") {
		if body, times, found := strings.Cut(rule, ":"); found {
			left[body], _ = strconv.Atoi(times)
		}
	}
	return &failures{left: left}
}

func (f *failures) next(body string) bool {
	f.Lock()
	defer f.Unlock()
	if f.left[body] <= 0 {
		return false
	}
	f.left[body]--
	return true
}

func tell(event string, id string, more fields) {
	// The event comes first: by it lines are known from whatever a library prints.
	line, err := json.Marshal(more)
	if err != nil {
		panic(err)
	}
	head := fmt.Sprintf(`{"event":%q,"id":%q`, event, id)
	tail := "}"
	if len(more) > 0 {
		tail = "," + string(line[1:])
	}
	output.Lock()
	defer output.Unlock()
	fmt.Println(head + tail)
}
