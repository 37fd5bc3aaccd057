// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"math"
	"sync"
	"time"
)

// gate holds requests to the limits of an issuer: so many in flight, so many a second. It never makes a caller wait. A
// request that has no turn is refused with the time when it is likely to have one, and keeps its place until it comes
// again under the same id.
//
// Turns are shared out between groups, such as namespaces, in rounds; in a group the urgent come first. What is free goes
// to whoever is there, unless others come before that are expected at about the same time.
type limiter struct {
	now         func() time.Time
	maxInFlight int
	perSecond   float64 // 0: no limit
	onThrottle  func()  // hears of every request that has to wait, once

	mu           sync.Mutex
	available    float64 // what perSecond has left
	filledAt     time.Time
	running      []*slot
	meanDuration time.Duration // by a turn, on average; 0: none has ended yet
	waiting      map[string]*waiter
	groups       map[string]*group
	sequence     int
}

// ticket is a request that wants a turn.
type ticket struct {
	id, group string // an empty id keeps no place
	expiry    time.Time
}

// waiter is a place that is kept.
type waiter struct {
	ticket
	arrived  int
	refusals int       // how often
	retryAt  time.Time // when it was told to come again
}

// group is what is known of a group while anything waits.
type group struct {
	served  int // the sequence when it had its last turn
	waiting int
	soon    int // of those waiting, expected about now
}

// turn is a place in flight.
type slot struct {
	limiter *limiter
	id      string
	began   time.Time
}

const (
	// patience is how long a place is kept for a request that does not come when it was told to.
	reservationTimeout = time.Minute
	// longestWait bounds the time after which a request comes again, so that places given up are noticed.
	maxWait = 2 * time.Minute
	// firstGuess is how far a guess is trusted the first time.
	initialMaxWait = 250 * time.Millisecond
	// shortestWait keeps a request from coming again at once.
	minWait = 5 * time.Millisecond
	// lateness is how late requests may come, as workers are busy, without loss to the rate or to their place.
	lateness = 100 * time.Millisecond
	// rounding is what sums of fractions may lack of a whole.
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

// enter takes a turn, to be ended with leave, or says when to come again.
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

// peek is enter for a request that keeps a place, and takes no turn. It reports false where there is no such place.
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

// refuse reports whether a request has no turn, and when to come again then.
func (g *limiter) refuse(w *waiter, now time.Time) (notBefore time.Time, busy bool) {
	soon, ahead := g.countAhead(w, now)
	free := min(float64(g.maxInFlight-len(g.running)), g.available+rounding)
	if free < float64(soon+1) || g.inFlight(w.id) {
		return g.reserve(w, ahead, now), true
	}
	return time.Time{}, false
}

// slot is enter for calls that are in flight like a request to sign, and that no rate holds back.
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

// leave ends a turn; unused gives back what it took of the rate.
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

// withdraw gives up the place of a request that will not come.
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

// pace is the time in which another place in flight is likely to become free.
func (g *limiter) pace(now time.Time) time.Duration {
	spent := g.meanDuration
	for _, t := range g.running {
		spent = max(spent, now.Sub(t.began))
	}
	return max(spent/time.Duration(g.maxInFlight), minWait/time.Duration(g.maxInFlight))
}

// interval is the time between two turns.
func (g *limiter) interval(now time.Time) time.Duration {
	interval := g.pace(now)
	if g.perSecond > 0 {
		interval = max(interval, time.Duration(float64(time.Second)/g.perSecond))
	}
	return interval
}

// hold keeps or gives a place, and says when to come again: when those before it have had their turn.
func (g *limiter) reserve(w *waiter, ahead int, now time.Time) time.Time {
	// How long calls take is a guess, which gets better: it is not trusted for long at first.
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
		clear(g.groups) // none is left to be fair to
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

// ahead counts those whose turn is before w's, and of them those that are expected about now: the more urgent ones of its
// own group, and of each other group as many as have their turn in the rounds until then. The group that was served
// longest ago begins a round.
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

// before reports whether w is more urgent than other: it has no certificate, or one that ends sooner, or it came first.
func (w *waiter) moreUrgent(other *waiter) bool {
	if !w.expiry.Equal(other.expiry) {
		return w.expiry.Before(other.expiry) // zero, for none, is before all
	}
	return w.arrived < other.arrived
}
