// Package redis keeps what may be lost when Redis is: the order of events in rooms and their way between nodes, and how
// many people are where. What matters is in PostgreSQL.
package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// The bounds and the rhythm of a broker.
const (
	streamEvents = 2000           // of a room, for nodes that were away
	streamLife   = 24 * time.Hour // without an event
	queueMax     = 2000           // events of one room that wait while Redis is away; with more, the other nodes read the state anew
	patience     = 500 * time.Millisecond
	retryEvery   = 250 * time.Millisecond
	countEvery   = 2 * time.Second
	countLife    = 8 * time.Second // counts of a node that is not heard of are forgotten after this
	catchUp      = 512             // events that a node is given which joins a room, so that it can serve those who come back
)

// publish numbers an event, keeps it and tells it: once, however often it is sent. The epoch is drawn by whoever comes
// first after the keys were lost. It returns nothing of use: the event comes back on the channel, to its sender, too.
//
// KEYS: state hash, stream. ARGV: new epoch, node, sequence of the node in this room, event, stream length, life in s, channel.
var publish = redis.NewScript(`
local seen = tonumber(redis.call('HGET', KEYS[1], 'seen:' .. ARGV[2]) or '0')
if seen >= tonumber(ARGV[3]) then return 0 end
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local epoch = redis.call('HGET', KEYS[1], 'epoch')
local offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
redis.call('HSET', KEYS[1], 'seen:' .. ARGV[2], ARGV[3])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], offset .. '-0', 'n', ARGV[2], 's', ARGV[3], 'e', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[6])
redis.call('EXPIRE', KEYS[2], ARGV[6])
redis.call('PUBLISH', ARGV[7], epoch .. ' ' .. offset .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[4])
return offset`)

// stand says where a room is, having begun its counting when nobody has.
var stand = redis.NewScript(`
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {redis.call('HGET', KEYS[1], 'epoch'), redis.call('HGET', KEYS[1], 'offset') or '0'}`)

// Broker carries the events of rooms between nodes by Redis: a stream for what was, a channel for what is. While Redis is
// away, events are delivered here at once and kept to be sent on, in their order, when it is back. It is what
// signaling.Broker asks for.
type Broker struct {
	client *redis.Client
	prefix string
	node   string
	log    *slog.Logger

	deliver func(room, epoch string, offset int64, event []byte)
	behind  func(room string)

	pubsub *redis.PubSub
	wake   chan struct{} // of 1: something is to be sent

	mu    sync.Mutex // guards what follows
	rooms map[string]*channel
	away  bool // the last word of Redis was none
}

// channel is what a broker knows of a room.
type channel struct {
	name   string
	joined bool
	joins  uint64 // how often it was
	synced bool   // it has been heard where the room stands, since it was joined

	order  sync.Mutex // held while events are delivered, so that they are in their order; taken before Broker.mu
	epoch  string
	offset int64

	queue []waiting // published here and not sent yet, the oldest first
	next  uint64    // of this node in this room
	early map[uint64]bool
	lost  bool // more waited than are kept

	here, elsewhere int
	counted         time.Time
}

// waiting is an event on its way to Redis.
type waiting struct {
	seq   uint64
	event []byte
}

// New prepares a broker for a Redis by its URL, redis://user:password@host:port/db. It starts nothing.
func New(url string, log *slog.Logger) (*Broker, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	options.ContextTimeoutEnabled = true
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = patience, patience, patience
	options.MaxRetries = -1
	b := &Broker{
		client: redis.NewClient(options), prefix: "lectern:", node: rand.Text()[:10], log: log,
		rooms: map[string]*channel{}, wake: make(chan struct{}, 1),
	}
	b.pubsub = b.client.Subscribe(context.Background()) // of nothing: it does not connect
	return b, nil
}

// Attach keeps who is to be told.
func (b *Broker) Attach(deliver func(room, epoch string, offset int64, event []byte), behind func(room string)) {
	b.deliver, b.behind = deliver, behind
}

func (b *Broker) keys(room string) []string {
	// The braces keep both keys on one node of a Redis cluster.
	return []string{b.prefix + "{" + room + "}:state", b.prefix + "{" + room + "}:events"}
}

func (b *Broker) channelOf(room string) string { return b.prefix + "room:" + room }

// room returns a channel, made when it is not there. b.mu is held.
func (b *Broker) room(name string) *channel {
	c := b.rooms[name]
	if c == nil {
		c = &channel{name: name, early: map[uint64]bool{}}
		b.rooms[name] = c
	}
	return c
}

// Publish queues an event for Redis. While that is away, who is here is told at once.
func (b *Broker) Publish(room string, event []byte) {
	b.mu.Lock()
	c := b.room(room)
	c.next++
	seq := c.next
	if len(c.queue) >= queueMax {
		c.queue, c.lost = c.queue[1:], true
	}
	c.queue = append(c.queue, waiting{seq, event})
	now := b.away && c.joined
	if now {
		c.early[seq] = true
	}
	b.mu.Unlock()
	if now {
		c.order.Lock()
		b.deliver(room, "", 0, event)
		c.order.Unlock()
	}
	b.wakeUp()
}

func (b *Broker) wakeUp() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Join has the events of a room come to this node.
func (b *Broker) Join(room string) {
	b.mu.Lock()
	c := b.room(room)
	c.joined, c.synced = true, false
	c.joins++
	b.mu.Unlock()
	b.wakeUp()
}

// Leave ends that.
func (b *Broker) Leave(room string) {
	b.mu.Lock()
	if c := b.rooms[room]; c != nil {
		c.joined, c.synced, c.here = false, false, 0
	}
	b.mu.Unlock()
	b.wakeUp()
}

// Count keeps the number of viewers here for the next exchange.
func (b *Broker) Count(room string, here int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.room(room)
	c.here = here
	if time.Since(c.counted) > countLife { // Redis is away: who is elsewhere is not known any more
		c.elsewhere = 0
	}
	return c.elsewhere
}

// Run talks to Redis until ctx ends.
func (b *Broker) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	for _, part := range []func(context.Context){b.listen, b.send, b.exchange} {
		parts.Go(func() { part(ctx) })
	}
	<-ctx.Done()
	_ = b.pubsub.Close()
	parts.Wait()
	return b.client.Close()
}

func (b *Broker) all() []*channel {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*channel, 0, len(b.rooms))
	for _, c := range b.rooms {
		all = append(all, c)
	}
	return all
}

// reached notes whether Redis answers.
func (b *Broker) reached(err error) bool {
	b.mu.Lock()
	was := b.away
	b.away = err != nil
	b.mu.Unlock()
	switch {
	case err != nil && !was:
		b.log.Warn("Redis is away: events go to those who are here", "err", err)
	case err == nil && was:
		b.log.Info("Redis is back")
	}
	return err == nil
}

// send keeps the subscriptions as they should be and sends what waits, room by room.
func (b *Broker) send(ctx context.Context) {
	subscribed := map[string]uint64{}
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		case <-tick.C:
		}
		for _, c := range b.all() {
			b.subscribe(ctx, c, subscribed)
			if !b.sendRoom(ctx, c) {
				break // the others fail, too
			}
		}
	}
}

// subscribe asks for a room's channel, or asks no more. The answer comes to listen.
func (b *Broker) subscribe(ctx context.Context, c *channel, subscribed map[string]uint64) {
	b.mu.Lock()
	want := uint64(0)
	if c.joined {
		want = c.joins
	}
	b.mu.Unlock()
	if want == subscribed[c.name] {
		return
	}
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	change := b.pubsub.Unsubscribe
	if want > 0 {
		change = b.pubsub.Subscribe // one that is subscribed already is answered, too
	}
	// An error here is one of the network: the subscription is kept and asked for again when there is a connection.
	if err := change(short, b.channelOf(c.name)); err != nil && ctx.Err() == nil {
		b.reached(err)
	}
	subscribed[c.name] = want
}

// sendRoom sends what waits, and tells those who are here at once when that fails.
func (b *Broker) sendRoom(ctx context.Context, c *channel) (ok bool) {
	for {
		b.mu.Lock()
		if len(c.queue) == 0 {
			lost := c.lost && !b.away
			b.mu.Unlock()
			if !lost {
				return true
			}
			return b.tellLost(ctx, c)
		}
		first := c.queue[0]
		b.mu.Unlock()
		if err := b.sendOne(ctx, c.name, first.seq, first.event); err != nil {
			if ctx.Err() == nil {
				b.reached(err)
				b.deliverEarly(c)
			}
			return false
		}
		b.reached(nil)
		b.mu.Lock()
		if len(c.queue) > 0 && c.queue[0].seq == first.seq {
			c.queue = c.queue[1:]
		}
		b.mu.Unlock()
	}
}

func (b *Broker) sendOne(ctx context.Context, room string, seq uint64, event []byte) error {
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return publish.Run(short, b.client, b.keys(room), rand.Text()[:10], b.node, seq, event, streamEvents, int(streamLife.Seconds()), b.channelOf(room)).Err()
}

// lostEvent stands for events that could not be kept.
var lostEvent = []byte("lost")

// tellLost has every node read the state anew.
func (b *Broker) tellLost(ctx context.Context, c *channel) bool {
	b.mu.Lock()
	c.next++
	seq := c.next
	b.mu.Unlock()
	if err := b.sendOne(ctx, c.name, seq, lostEvent); err != nil {
		return b.reached(err)
	}
	b.mu.Lock()
	c.lost = false
	b.mu.Unlock()
	return true
}

// deliverEarly tells those who are here what waits for Redis.
func (b *Broker) deliverEarly(c *channel) {
	c.order.Lock()
	defer c.order.Unlock()
	b.mu.Lock()
	var events [][]byte
	for _, w := range c.queue {
		if c.joined && !c.early[w.seq] {
			c.early[w.seq] = true
			events = append(events, w.event)
		}
	}
	b.mu.Unlock()
	for _, event := range events {
		b.deliver(c.name, "", 0, event)
	}
}

func parseOffset(id string) int64 {
	n, _ := strconv.ParseInt(id[:max(0, len(id)-len("-0"))], 10, 64)
	return n
}
