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
type gate struct {
	now         func() time.Time
	maxInFlight int
	perSecond   float64 // 0: no limit
	heldBack    func()  // hears of every request that has to wait, once

	mu       sync.Mutex
	tokens   float64 // what perSecond has left
	filledAt time.Time
	running  []*turn
	spent    time.Duration // by a turn, on average; 0: none has ended yet
	waiting  map[string]*waiter
	groups   map[string]*group
	sequence int
}

// ticket is a request that wants a turn.
type ticket struct {
	id, group string // an empty id keeps no place
	ends      time.Time
}

// waiter is a place that is kept.
type waiter struct {
	ticket
	arrived int
	held    int       // how often
	backAt  time.Time // when it was told to come again
}

// group is what is known of a group while anything waits.
type group struct {
	served  int // the sequence when it had its last turn
	waiting int
	soon    int // of those waiting, expected about now
}

// turn is a place in flight.
type turn struct {
	gate  *gate
	id    string
	began time.Time
}

const (
	// patience is how long a place is kept for a request that does not come when it was told to.
	patience = time.Minute
	// longestWait bounds the time after which a request comes again, so that places given up are noticed.
	longestWait = 2 * time.Minute
	// firstGuess is how far a guess is trusted the first time.
	firstGuess = 250 * time.Millisecond
	// shortestWait keeps a request from coming again at once.
	shortestWait = 5 * time.Millisecond
	// lateness is how late requests may come, as workers are busy, without loss to the rate or to their place.
	lateness = 100 * time.Millisecond
	// rounding is what sums of fractions may lack of a whole.
	rounding = 1e-6
)

func newGate(c Config) *gate {
	g := &gate{
		now: c.Now, maxInFlight: c.MaxInFlight, perSecond: c.RatePerSecond, heldBack: c.OnThrottle,
		waiting: map[string]*waiter{}, groups: map[string]*group{},
	}
	g.tokens, g.filledAt = g.burst(), g.now()
	return g
}

func (g *gate) burst() float64 { return 1 + math.Floor(g.perSecond*lateness.Seconds()) }

// enter takes a turn, to be ended with leave, or says when to come again.
func (g *gate) enter(t ticket) (*turn, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.refill(now)
	w := g.waiting[t.id]
	if w == nil {
		w = &waiter{ticket: t, arrived: g.sequence}
	}
	w.ends = t.ends
	if notBefore, busy := g.refuse(w, now); busy {
		return nil, notBefore
	}
	g.drop(w)
	if g.perSecond > 0 {
		g.tokens--
	}
	if len(g.waiting) > 0 {
		g.sequence++
		g.groupOf(t.group).served = g.sequence
	}
	return g.begin(t.id, now), time.Time{}
}

// peek is enter for a request that keeps a place, and takes no turn. It reports false where there is no such place.
func (g *gate) peek(id string) (notBefore time.Time, busy bool) {
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
func (g *gate) refuse(w *waiter, now time.Time) (notBefore time.Time, busy bool) {
	soon, ahead := g.ahead(w, now)
	free := min(float64(g.maxInFlight-len(g.running)), g.tokens+rounding)
	if free < float64(soon+1) || g.runs(w.id) {
		return g.hold(w, ahead, now), true
	}
	return time.Time{}, false
}

// slot is enter for calls that are in flight like a request to sign, and that no rate holds back.
func (g *gate) slot() (*turn, time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if len(g.running) >= g.maxInFlight {
		return nil, now.Add(g.pace(now))
	}
	return g.begin("", now), time.Time{}
}

func (g *gate) begin(id string, now time.Time) *turn {
	t := &turn{gate: g, id: id, began: now}
	g.running = append(g.running, t)
	return t
}

// leave ends a turn; unused gives back what it took of the rate.
func (t *turn) leave(unused bool) {
	g := t.gate
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
		g.tokens = min(g.tokens+1, g.burst())
	case g.spent == 0:
		g.spent = took
	default:
		g.spent += (took - g.spent) / 8
	}
}

// withdraw gives up the place of a request that will not come.
func (g *gate) withdraw(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w := g.waiting[id]; w != nil {
		g.drop(w)
	}
}

func (g *gate) refill(now time.Time) {
	if g.perSecond == 0 {
		g.tokens = math.Inf(1)
		return
	}
	if passed := now.Sub(g.filledAt).Seconds(); passed > 0 {
		g.tokens = min(g.tokens+passed*g.perSecond, g.burst())
	}
	g.filledAt = now
}

// pace is the time in which another place in flight is likely to become free.
func (g *gate) pace(now time.Time) time.Duration {
	spent := g.spent
	for _, t := range g.running {
		spent = max(spent, now.Sub(t.began))
	}
	return max(spent/time.Duration(g.maxInFlight), shortestWait/time.Duration(g.maxInFlight))
}

// interval is the time between two turns.
func (g *gate) interval(now time.Time) time.Duration {
	interval := g.pace(now)
	if g.perSecond > 0 {
		interval = max(interval, time.Duration(float64(time.Second)/g.perSecond))
	}
	return interval
}

// hold keeps or gives a place, and says when to come again: when those before it have had their turn.
func (g *gate) hold(w *waiter, ahead int, now time.Time) time.Time {
	// How long calls take is a guess, which gets better: it is not trusted for long at first.
	wait := min(time.Duration(ahead+1)*g.pace(now), firstGuess<<min(w.held, 7))
	w.held++
	if g.perSecond > 0 {
		wait = max(wait, time.Duration((float64(ahead+1)-g.tokens)/g.perSecond*float64(time.Second)))
	}
	w.backAt = now.Add(min(max(wait, shortestWait), longestWait))
	if w.id != "" && g.waiting[w.id] == nil {
		g.sequence++
		g.waiting[w.id] = w
		g.groupOf(w.group)
		g.heldBack()
	}
	return w.backAt
}

func (g *gate) groupOf(name string) *group {
	if g.groups[name] == nil {
		g.groups[name] = &group{}
	}
	return g.groups[name]
}

func (g *gate) drop(w *waiter) {
	if g.waiting[w.id] != w {
		return
	}
	delete(g.waiting, w.id)
	if len(g.waiting) == 0 {
		clear(g.groups) // none is left to be fair to
	}
}

func (g *gate) runs(id string) bool {
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
func (g *gate) ahead(w *waiter, now time.Time) (soon, all int) {
	for _, other := range g.groups {
		other.waiting, other.soon = 0, 0
	}
	from, until := now.Add(-lateness), now.Add(g.interval(now))
	var before, beforeSoon int
	for _, other := range g.waiting {
		if now.Sub(other.backAt) > patience {
			g.drop(other)
			continue
		}
		expected := other.backAt.After(from) && other.backAt.Before(until)
		switch {
		case other == w || other.group == w.group && !other.before(w):
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
func (w *waiter) before(other *waiter) bool {
	if !w.ends.Equal(other.ends) {
		return w.ends.Before(other.ends) // zero, for none, is before all
	}
	return w.arrived < other.arrived
}
