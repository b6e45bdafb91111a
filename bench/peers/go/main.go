// The reference Go client doing what the benchmarks measure, at its default options. The topics must exist.
//
//	bench-peer consume namesrv=.. topic=.. group=.. messages=.. [batch=1]
//	bench-peer latency namesrv=.. topic=.. group=.. messages=.. [rate=300] [warmup=300]
//	bench-peer produce namesrv=.. topic=.. messages=.. [size=512] [keys=64] [inFlight=100]
//
// The last line of standard output is RESULT and a JSON object: times in milliseconds, memory in bytes.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func main() {
	rlog.SetLogLevel("error")
	if len(os.Args) < 2 {
		fail(fmt.Errorf("the mode is missing: consume, latency or produce"))
	}
	args := parse(os.Args[2:])
	modes := map[string]func(arguments) (any, error){"consume": consume, "latency": latency, "produce": produce}
	mode, known := modes[os.Args[1]]
	if !known {
		fail(fmt.Errorf("no such mode: %s", os.Args[1]))
	}
	result, err := mode(args)
	if err != nil {
		fail(err)
	}
	line, err := json.Marshal(result)
	if err != nil {
		fail(err)
	}
	fmt.Printf("RESULT %s\n", line)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

type consumeResult struct {
	Messages   int64   `json:"messages"`
	FirstMs    float64 `json:"firstMs"`
	WallMs     float64 `json:"wallMs"`
	CPUMs      float64 `json:"cpuMs"`
	CPUTotalMs float64 `json:"cpuTotalMs"`
	PeakRss    int64   `json:"peakRss"`
}

type latencyResult struct {
	Messages int     `json:"messages"`
	P50Ms    float64 `json:"p50Ms"`
	P90Ms    float64 `json:"p90Ms"`
	P99Ms    float64 `json:"p99Ms"`
	MaxMs    float64 `json:"maxMs"`
}

type produceResult struct {
	Messages int     `json:"messages"`
	WallMs   float64 `json:"wallMs"`
	CPUMs    float64 `json:"cpuMs"`
	PeakRss  int64   `json:"peakRss"`
}

type listener func(context.Context, ...*primitive.MessageExt) (consumer.ConsumeResult, error)

func consume(args arguments) (any, error) {
	wanted := int64(args.number("messages"))
	var first atomic.Pointer[mark]
	var count atomic.Int64
	type end struct {
		at      mark
		counted int64
	}
	done := make(chan end, 1)

	c, err := newConsumer(args, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		if first.Load() == nil {
			now := newMark()
			first.CompareAndSwap(nil, &now)
		}
		size := int64(len(messages))
		total := count.Add(size)
		// Only the call that reaches the wanted count sees both; calls go on until the consumer is shut down.
		if total >= wanted && total-size < wanted {
			done <- end{newMark(), total}
		}
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return nil, err
	}
	startedAt := time.Now()
	if err := c.Start(); err != nil {
		return nil, err
	}
	last := <-done
	begin := first.Load()
	result := consumeResult{
		Messages:   last.counted,
		FirstMs:    millis(begin.at.Sub(startedAt)),
		WallMs:     millis(last.at.at.Sub(begin.at)),
		CPUMs:      millis(last.at.cpu - begin.cpu),
		CPUTotalMs: millis(last.at.cpu),
		PeakRss:    peakRss(),
	}
	return result, c.Shutdown()
}

// The body of a message of the latency mode: which run, which message, and when it was sent.
const latencyBody = 20

func latency(args arguments) (any, error) {
	wanted, warmUp := args.number("messages"), args.number("warmup", 300)
	interval := time.Second / time.Duration(args.number("rate", 300))
	run := rand.Uint64()
	base := time.Now()
	latencies := make([]time.Duration, wanted)
	var warm, done sync.WaitGroup
	warm.Add(warmUp)
	done.Add(wanted)

	c, err := newConsumer(args, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		now := time.Since(base)
		for _, message := range messages {
			body := message.Body
			// What an earlier run left in the topic is not ours to measure.
			if len(body) != latencyBody || binary.BigEndian.Uint64(body) != run {
				continue
			}
			index := int(binary.BigEndian.Uint32(body[8:]))
			if index < warmUp {
				warm.Done()
			} else {
				latencies[index-warmUp] = now - time.Duration(binary.BigEndian.Uint64(body[12:]))
				done.Done()
			}
		}
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return nil, err
	}
	p, err := newProducer(args, producer.WithQueueSelector(&inTurn{}))
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}

	// Sends at a fixed rate, however long a send takes, to one queue after the other.
	sendPaced := func(from, count int) error {
		begin := time.Now()
		for i := range count {
			time.Sleep(time.Until(begin.Add(time.Duration(i) * interval)))
			body := make([]byte, 0, latencyBody)
			body = binary.BigEndian.AppendUint64(body, run)
			body = binary.BigEndian.AppendUint32(body, uint32(from+i))
			body = binary.BigEndian.AppendUint64(body, uint64(time.Since(base)))
			if err := send(p, primitive.NewMessage(args.text("topic"), body), func() {}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := sendPaced(0, warmUp); err != nil {
		return nil, err
	}
	// Until every queue is locked and pulled from, it is the start that would be measured.
	warm.Wait()
	if err := sendPaced(warmUp, wanted); err != nil {
		return nil, err
	}
	done.Wait()
	if err := c.Shutdown(); err != nil {
		return nil, err
	}
	if err := p.Shutdown(); err != nil {
		return nil, err
	}
	slices.Sort(latencies)
	percentile := func(share float64) float64 {
		return millis(latencies[max(0, int(math.Ceil(float64(wanted)*share))-1)])
	}
	return latencyResult{wanted, percentile(0.5), percentile(0.9), percentile(0.99), percentile(1)}, nil
}

// inTurn selects one queue after the other.
type inTurn struct{ next atomic.Uint32 }

func (s *inTurn) Select(_ *primitive.Message, queues []*primitive.MessageQueue, _ string) *primitive.MessageQueue {
	return queues[int(s.next.Add(1)-1)%len(queues)]
}

func produce(args arguments) (any, error) {
	wanted, size := args.number("messages"), args.number("size", 512)
	keys, inFlight := args.number("keys", 64), args.number("inFlight", 100)
	filling := []byte("rocketmq-ordered ")
	body := bytes.Repeat(filling, size/len(filling)+1)[:size]
	newMessage := func(key, number int) *primitive.Message {
		shardingKey := "order-" + strconv.Itoa(key)
		message := primitive.NewMessage(args.text("topic"), body).WithTag("Created").WithShardingKey(shardingKey)
		return message.WithKeys([]string{shardingKey + "-" + strconv.Itoa(number)})
	}

	p, err := newProducer(args, producer.WithQueueSelector(producer.NewHashQueueSelector()))
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	// The route and the connection belong to the start.
	if _, err := p.SendSync(context.Background(), newMessage(0, 0)); err != nil {
		return nil, err
	}
	begin := newMark()
	for sent := 0; sent < wanted; {
		var confirmed sync.WaitGroup
		for range min(inFlight, wanted-sent) {
			confirmed.Add(1)
			if err := send(p, newMessage(sent%keys, sent), confirmed.Done); err != nil {
				return nil, err
			}
			sent++
		}
		confirmed.Wait()
	}
	end := newMark()
	result := produceResult{wanted, millis(end.at.Sub(begin.at)), millis(end.cpu - begin.cpu), peakRss()}
	return result, p.Shutdown()
}

// A send that fails makes the figures worthless: the program ends.
func send(p rocketmq.Producer, message *primitive.Message, confirmed func()) error {
	return p.SendAsync(context.Background(), func(_ context.Context, _ *primitive.SendResult, err error) {
		if err != nil {
			fail(err)
		}
		confirmed()
	}, message)
}

func newConsumer(args arguments, listen listener) (rocketmq.PushConsumer, error) {
	options := []consumer.Option{
		consumer.WithGroupName(args.text("group")),
		consumer.WithNsResolver(primitive.NewPassthroughResolver([]string{args.text("namesrv")})),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
		consumer.WithConsumerOrder(true),
	}
	if _, given := args["batch"]; given {
		options = append(options, consumer.WithConsumeMessageBatchMaxSize(args.number("batch")))
	}
	c, err := rocketmq.NewPushConsumer(options...)
	if err != nil {
		return nil, err
	}
	return c, c.Subscribe(args.text("topic"), consumer.MessageSelector{}, listen)
}

func newProducer(args arguments, selector producer.Option) (rocketmq.Producer, error) {
	return rocketmq.NewProducer(
		producer.WithGroupName("bench-peer-producer"),
		producer.WithNsResolver(primitive.NewPassthroughResolver([]string{args.text("namesrv")})),
		selector,
	)
}

type arguments map[string]string

func parse(args []string) arguments {
	parsed := arguments{}
	for _, arg := range args {
		name, value, found := strings.Cut(arg, "=")
		if !found {
			fail(fmt.Errorf("%s is no name=value", arg))
		}
		parsed[name] = value
	}
	return parsed
}

func (a arguments) text(name string) string {
	value, given := a[name]
	if !given {
		fail(fmt.Errorf("the argument %s=... is missing", name))
	}
	return value
}

func (a arguments) number(name string, byDefault ...int) int {
	if _, given := a[name]; !given && len(byDefault) > 0 {
		return byDefault[0]
	}
	value, err := strconv.Atoi(a.text(name))
	if err != nil {
		fail(fmt.Errorf("%s is no number", name))
	}
	return value
}

// mark is a moment, on the monotonic clock and in processor time of the whole process.
type mark struct {
	at  time.Time
	cpu time.Duration
}

func newMark() mark {
	now := time.Now()
	usage := rusage()
	return mark{now, time.Duration(usage.Utime.Nano() + usage.Stime.Nano())}
}

func rusage() syscall.Rusage {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return usage
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// peakRss is the kernel's high-water mark where there is one to be read.
func peakRss() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for _, line := range strings.Split(string(status), "\n") {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
				kib, _ := strconv.ParseInt(fields[1], 10, 64)
				return kib * 1024
			}
		}
	}
	return rusage().Maxrss * 1024
}
