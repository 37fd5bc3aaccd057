// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"math"
	"sync"
	"time"
)

// limiter applies an issuer's limits: maximum calls in flight, and requests per second. It never blocks. A request
// that has to wait is refused with a time to retry, and keeps its position in the queue until it retries with the
// same ID.
//
// Slots are shared between groups, such as namespaces, in rounds. Within a group the most urgent request comes first.
// A free slot goes to the caller, unless requests ahead of it are expected to retry at about the same time.
type limiter struct {
	now         func() time.Time
	maxInFlight int
	perSecond   float64 // 0 is unlimited
	onThrottle  func()  // called once for every request that has to wait

	mu           sync.Mutex
	available    float64 // requests that perSecond allows now
	filledAt     time.Time
	running      []*slot
	meanDuration time.Duration // by a turn, on average; 0: none has ended yet
	waiting      map[string]*waiter
	groups       map[string]*group
	sequence     int
}

// ticket is a request for a slot.
type ticket struct {
	id, group string // a request with an empty id does not keep its position
	expiry    time.Time
}

// waiter is a request in the queue.
type waiter struct {
	ticket
	arrived  int
	refusals int       // how often it was refused
	retryAt  time.Time // when it is expected to retry
}

// group is the state of a group while requests wait.
type group struct {
	served  int // the value of sequence at its last slot
	waiting int
	soon    int // waiting requests that are expected about now
}

// slot is a call in flight.
type slot struct {
	limiter *limiter
	id      string
	began   time.Time
}

const (
	// reservationTimeout is how long a request that does not retry in time keeps its position.
	reservationTimeout = time.Minute
	// maxWait is the maximum time until a retry, so that abandoned positions are noticed.
	maxWait = 2 * time.Minute
	// initialMaxWait limits the first wait, because it is based on an estimate.
	initialMaxWait = 250 * time.Millisecond
	// minWait prevents immediate retries.
	minWait = 5 * time.Millisecond
	// lateness is how late a request may retry, because workers are busy, without affecting the rate or losing its
	// position.
	lateness = 100 * time.Millisecond
	// rounding compensates for the rounding error of summed fractions.
	rounding = 1e-6
)

func newLimiter(c Config) *limiter {
	g := &limiter{
		now: c.Now, maxInFlight: c.MaxInFlight, perSecond: c.RatePerSecond, onThrottle: c.OnThrottle,
		waiting: map[string]*waiter{}, groups: map[string]*group{},
	}
	g.available, g.filledAt = g.burst(), g.now()
	return g
}

func (g *limiter) burst() float64 { return 1 + math.Floor(g.perSecond*lateness.Seconds()) }

// enter acquires a slot, which must be released, or returns when to retry.
func (g *limiter) enter(t ticket) (*slot, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.refill(now)
	w := g.waiting[t.id]
	if w == nil {
		w = &waiter{ticket: t, arrived: g.sequence}
	}
	w.expiry = t.expiry
	if notBefore, busy := g.refuse(w, now); busy {
		return nil, notBefore
	}
	g.drop(w)
	if g.perSecond > 0 {
		g.available--
	}
	if len(g.waiting) > 0 {
		g.sequence++
		g.groupOf(t.group).served = g.sequence
	}
	return g.start(t.id, now), time.Time{}
}

// peek is enter for a request in the queue, without acquiring a slot. busy is false if the request is not in the
// queue.
func (g *limiter) peek(id string) (notBefore time.Time, busy bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.refill(now)
	w := g.waiting[id]
	if w == nil {
		return time.Time{}, false
	}
	return g.refuse(w, now)
}

// refuse reports whether a request has to wait, and if so, when to retry.
func (g *limiter) refuse(w *waiter, now time.Time) (notBefore time.Time, busy bool) {
	soon, ahead := g.countAhead(w, now)
	free := min(float64(g.maxInFlight-len(g.running)), g.available+rounding)
	if free < float64(soon+1) || g.inFlight(w.id) {
		return g.reserve(w, ahead, now), true
	}
	return time.Time{}, false
}

// enterUnrated is enter for calls that count as in flight and are not limited per second.
func (g *limiter) enterUnrated() (*slot, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if len(g.running) >= g.maxInFlight {
		return nil, now.Add(g.pace(now))
	}
	return g.start("", now), time.Time{}
}

func (g *limiter) start(id string, now time.Time) *slot {
	t := &slot{limiter: g, id: id, began: now}
	g.running = append(g.running, t)
	return t
}

// release ends a call. unused returns its share of the rate limit.
func (t *slot) release(unused bool) {
	g := t.limiter
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, other := range g.running {
		if other == t {
			g.running = append(g.running[:i], g.running[i+1:]...)
			break
		}
	}
	took := g.now().Sub(t.began)
	switch {
	case unused:
		g.available = min(g.available+1, g.burst())
	case g.meanDuration == 0:
		g.meanDuration = took
	default:
		g.meanDuration += (took - g.meanDuration) / 8
	}
}

// withdraw removes a request that will not retry from the queue.
func (g *limiter) withdraw(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w := g.waiting[id]; w != nil {
		g.drop(w)
	}
}

func (g *limiter) refill(now time.Time) {
	if g.perSecond == 0 {
		g.available = math.Inf(1)
		return
	}
	if passed := now.Sub(g.filledAt).Seconds(); passed > 0 {
		g.available = min(g.available+passed*g.perSecond, g.burst())
	}
	g.filledAt = now
}

// pace is the estimated time until another slot becomes free.
func (g *limiter) pace(now time.Time) time.Duration {
	spent := g.meanDuration
	for _, t := range g.running {
		spent = max(spent, now.Sub(t.began))
	}
	return max(spent/time.Duration(g.maxInFlight), minWait/time.Duration(g.maxInFlight))
}

// interval is the estimated time between two slots.
func (g *limiter) interval(now time.Time) time.Duration {
	interval := g.pace(now)
	if g.perSecond > 0 {
		interval = max(interval, time.Duration(float64(time.Second)/g.perSecond))
	}
	return interval
}

// reserve adds a request to the queue, or keeps its position, and returns when to retry: when the requests ahead of
// it have had a slot.
func (g *limiter) reserve(w *waiter, ahead int, now time.Time) time.Time {
	// The duration of calls is an estimate that improves, so the first waits are limited.
	wait := min(time.Duration(ahead+1)*g.pace(now), initialMaxWait<<min(w.refusals, 7))
	w.refusals++
	if g.perSecond > 0 {
		wait = max(wait, time.Duration((float64(ahead+1)-g.available)/g.perSecond*float64(time.Second)))
	}
	w.retryAt = now.Add(min(max(wait, minWait), maxWait))
	if w.id != "" && g.waiting[w.id] == nil {
		g.sequence++
		g.waiting[w.id] = w
		g.groupOf(w.group)
		g.onThrottle()
	}
	return w.retryAt
}

func (g *limiter) groupOf(name string) *group {
	if g.groups[name] == nil {
		g.groups[name] = &group{}
	}
	return g.groups[name]
}

func (g *limiter) drop(w *waiter) {
	if g.waiting[w.id] != w {
		return
	}
	delete(g.waiting, w.id)
	if len(g.waiting) == 0 {
		clear(g.groups)
	}
}

func (g *limiter) inFlight(id string) bool {
	for _, t := range g.running {
		if id != "" && t.id == id {
			return true
		}
	}
	return false
}

// countAhead counts the requests ahead of w, and those of them that are expected to retry about now. These are the
// more urgent ones in its own group, and of each other group as many as get a slot in the rounds until then. The
// group that was served longest ago starts a round.
func (g *limiter) countAhead(w *waiter, now time.Time) (soon, all int) {
	for _, other := range g.groups {
		other.waiting, other.soon = 0, 0
	}
	from, until := now.Add(-lateness), now.Add(g.interval(now))
	var before, beforeSoon int
	for _, other := range g.waiting {
		if now.Sub(other.retryAt) > reservationTimeout {
			g.drop(other)
			continue
		}
		expected := other.retryAt.After(from) && other.retryAt.Before(until)
		switch {
		case other == w || other.group == w.group && !other.moreUrgent(w):
		case other.group == w.group:
			before++
			if expected {
				beforeSoon++
			}
		default:
			count := g.groups[other.group]
			count.waiting++
			if expected {
				count.soon++
			}
		}
	}
	served := 0
	if own := g.groups[w.group]; own != nil {
		served = own.served
	}
	soon, all = beforeSoon, before
	for name, other := range g.groups {
		first := 0
		if other.served < served || other.served == served && name < w.group {
			first = 1
		}
		all += min(other.waiting, before+first)
		soon += min(other.soon, beforeSoon+first)
	}
	return soon, all
}

// moreUrgent reports whether w is more urgent than other: it has no current certificate, or one that expires earlier,
// or it arrived first.
func (w *waiter) moreUrgent(other *waiter) bool {
	if !w.expiry.Equal(other.expiry) {
		return w.expiry.Before(other.expiry) // zero means no certificate and comes first
	}
	return w.arrived < other.arrived
}
