package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// listen takes what comes on the channels. go-redis connects anew by itself and asks for all channels again; each answer
// to that makes us look what was missed.
func (b *Broker) listen(ctx context.Context) {
	for ctx.Err() == nil {
		message, err := b.pubsub.Receive(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, redis.ErrClosed) {
				select {
				case <-ctx.Done():
				case <-time.After(retryEvery):
				}
			}
			continue
		}
		switch m := message.(type) {
		case *redis.Subscription:
			if m.Kind == "subscribe" {
				b.catchUp(ctx, strings.TrimPrefix(m.Channel, b.channelOf("")))
			}
		case *redis.Message:
			b.hear(ctx, strings.TrimPrefix(m.Channel, b.channelOf("")), m.Payload)
		}
	}
}

// hear takes an event from the channel, and before it what the channel did not bring.
func (b *Broker) hear(ctx context.Context, room, payload string) {
	parts := strings.SplitN(payload, " ", 5)
	if len(parts) != 5 {
		return
	}
	offset, err := strconv.ParseInt(parts[1], 10, 64)
	seq, err2 := strconv.ParseUint(parts[3], 10, 64)
	if err != nil || err2 != nil {
		return
	}
	b.mu.Lock()
	c := b.rooms[room]
	known := c != nil && c.joined && c.synced
	b.mu.Unlock()
	if !known {
		return // catchUp will bring it
	}
	if parts[0] != c.epoch || offset > c.offset+1 {
		b.catchUp(ctx, room)
		return
	}
	if offset == c.offset+1 {
		b.take(c, parts[0], offset, parts[2], seq, []byte(parts[4]))
	}
}

// take delivers the next event of a room. Only listen's goroutine calls it, so c.epoch and c.offset are its own.
func (b *Broker) take(c *channel, epoch string, offset int64, node string, seq uint64, event []byte) {
	c.order.Lock()
	defer c.order.Unlock()
	b.mu.Lock()
	early := node == b.node && c.early[seq]
	if early {
		delete(c.early, seq)
	}
	b.mu.Unlock()
	c.epoch, c.offset = epoch, offset
	switch {
	case string(event) == string(lostEvent):
		b.deliver(c.name, epoch, offset, nil)
		b.behind(c.name)
	case early: // those who are here know it; only its number is new
		b.deliver(c.name, epoch, offset, nil)
	default:
		b.deliver(c.name, epoch, offset, event)
	}
}

// catchUp reads what a room's stream has beyond what is known here. It tries until it succeeds or the room is left.
func (b *Broker) catchUp(ctx context.Context, room string) {
	for ctx.Err() == nil {
		b.mu.Lock()
		c := b.rooms[room]
		joined := c != nil && c.joined
		b.mu.Unlock()
		if !joined {
			return
		}
		err := b.catchUpOnce(ctx, c)
		if b.reached(err) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryEvery):
		}
	}
}

func (b *Broker) catchUpOnce(ctx context.Context, c *channel) error {
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	answer, err := stand.Run(ctx, b.client, b.keys(c.name)[:1], rand.Text()[:10], int(streamLife.Seconds())).StringSlice()
	if err != nil {
		return err
	}
	offset, err := strconv.ParseInt(answer[1], 10, 64)
	if err != nil {
		return fmt.Errorf("offset of %s: %w", c.name, err)
	}
	b.mu.Lock()
	first := !c.synced
	b.mu.Unlock()
	from, anew := c.offset+1, answer[0] != c.epoch
	if anew || first {
		from = max(1, offset-catchUp+1)
	}
	var missed []redis.XMessage
	if from <= offset {
		if missed, err = b.client.XRange(ctx, b.keys(c.name)[1], fmt.Sprintf("%d-0", from), "+").Result(); err != nil {
			return err
		}
	}
	gap := !first && !anew && from <= offset && (len(missed) == 0 || parseOffset(missed[0].ID) != from)
	if first || anew || gap {
		at := offset
		if len(missed) > 0 {
			at = parseOffset(missed[0].ID) - 1
		}
		c.order.Lock()
		c.epoch, c.offset = answer[0], at
		b.deliver(c.name, c.epoch, at, nil)
		c.order.Unlock()
	}
	b.mu.Lock()
	c.synced = true
	b.mu.Unlock()
	for _, m := range missed {
		node, _ := m.Values["n"].(string)
		text, _ := m.Values["s"].(string)
		event, _ := m.Values["e"].(string)
		seq, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			continue
		}
		b.take(c, answer[0], parseOffset(m.ID), node, seq, []byte(event))
	}
	if gap {
		b.behind(c.name)
	}
	return nil
}

// exchange tells how many viewers are here, and hears how many are elsewhere.
func (b *Broker) exchange(ctx context.Context) {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, c := range b.all() {
			b.mu.Lock()
			joined, here := c.joined, c.here
			b.mu.Unlock()
			if !joined {
				continue
			}
			elsewhere, err := b.exchangeRoom(ctx, c.name, here)
			if ctx.Err() != nil || !b.reached(err) {
				break
			}
			b.mu.Lock()
			c.elsewhere, c.counted = elsewhere, time.Now()
			b.mu.Unlock()
		}
	}
}

// exchangeRoom writes "viewers until" of this node, by Redis' clock, and adds those of the others that are not too old.
func (b *Broker) exchangeRoom(ctx context.Context, room string, here int) (elsewhere int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return counts.Run(ctx, b.client, []string{b.prefix + "{" + room + "}:viewers"}, b.node, here, int(countLife.Seconds())).Int()
}

var counts = redis.NewScript(`
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. (now + tonumber(ARGV[3])))
redis.call('EXPIRE', KEYS[1], 60)
local sum = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] ~= ARGV[1] then
    local n, till = string.match(all[i + 1], '^(%d+) (%d+)$')
    if till and tonumber(till) >= now then sum = sum + tonumber(n) else redis.call('HDEL', KEYS[1], all[i]) end
  end
end
return sum`)
