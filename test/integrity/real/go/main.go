// The reference Go client as a member of a group that consumes in order:
//
//	go-member namesrv=.. group=.. topic=.. [waitMs=..]
//
// Standard output carries the lines of test/support/member.ts: ready, begin and end of each call, with the machine's
// monotonic clock in microseconds. The member leaves when standard input ends.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

const clockMonotonic = 1

var output sync.Mutex

func main() {
	rlog.SetLogLevel("error")
	args := map[string]string{}
	for _, arg := range os.Args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		args[name] = value
	}
	if err := run(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args map[string]string) error {
	waitMs, _ := strconv.Atoi(args["waitMs"])
	member, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer([]string{args["namesrv"]}),
		consumer.WithGroupName(args["group"]),
		consumer.WithInstance("go-member"),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
		consumer.WithConsumerOrder(true),
		consumer.WithConsumeMessageBatchMaxSize(1),
	)
	if err != nil {
		return err
	}
	listen := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, message := range messages {
			tell("begin", message, string(message.Body))
			time.Sleep(time.Duration(waitMs) * time.Millisecond)
			tell("end", message, "done")
		}
		return consumer.ConsumeSuccess, nil
	}
	if err := member.Subscribe(args["topic"], consumer.MessageSelector{}, listen); err != nil {
		return err
	}
	if err := member.Start(); err != nil {
		return err
	}
	write("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return member.Shutdown()
}

func tell(word string, message *primitive.MessageExt, last string) {
	queue := message.Queue
	write(fmt.Sprintf("%s %s %d %d %d %s", word, queue.BrokerName, queue.QueueId, message.QueueOffset, micros(), last))
}

func write(line string) {
	output.Lock()
	defer output.Unlock()
	fmt.Println(line)
}

// micros is the time of the clock that Node's process.hrtime() and Java's System.nanoTime() go by.
func micros() int64 {
	var now syscall.Timespec
	if _, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0); failed != 0 {
		panic(failed)
	}
	return now.Nano() / 1_000
}
