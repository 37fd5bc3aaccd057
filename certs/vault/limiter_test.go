// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// crowd simulates callers that retry at the time that they get, with a clock of its own.
type crowd struct {
	t       *testing.T
	at      time.Time
	limiter *limiter
	takes   time.Duration // a call
	late    func() time.Duration
	gone    func(id string) bool // never comes again
	queue   arrivals
	visits  map[string]int
	served  map[string]time.Time
	order   []string
}

func newCrowd(t *testing.T, maxInFlight int, perSecond float64, takes time.Duration) *crowd {
	c := &crowd{t: t, at: now, takes: takes, visits: map[string]int{}, served: map[string]time.Time{},
		late: func() time.Duration { return 0 }, gone: func(string) bool { return false }}
	c.limiter = newLimiter(Config{Now: func() time.Time { return c.at }, MaxInFlight: maxInFlight, RatePerSecond: perSecond}.withDefaults())
	return c
}

func (c *crowd) comes(at time.Time, t ticket) { heap.Push(&c.queue, arrival{at: at, ticket: t}) }

// run serves all who come, and fails where one is served twice.
func (c *crowd) run() {
	for c.queue.Len() > 0 {
		next := heap.Pop(&c.queue).(arrival)
		c.at = next.at
		if next.done != nil {
			next.done.release(false)
			continue
		}
		c.visits[next.id]++
		held, notBefore := c.enter(next.ticket)
		switch {
		case held != nil:
			if _, twice := c.served[next.id]; twice {
				c.t.Errorf("%s was served twice", next.id)
			}
			c.served[next.id] = c.at
			c.order = append(c.order, next.id)
			heap.Push(&c.queue, arrival{at: c.at.Add(c.takes), done: held})
		case !notBefore.After(c.at):
			c.t.Fatalf("%s is to come again at once", next.id)
		case !c.gone(next.id):
			c.comes(notBefore.Add(c.late()), next.ticket)
		}
	}
}

// enter asks for a turn; every other time it asks first whether there is one, which must not make a difference.
func (c *crowd) enter(t ticket) (*slot, time.Time) {
	kept := c.limiter.waiting[t.id] != nil
	if c.visits[t.id]%2 == 1 {
		return c.limiter.enter(t)
	}
	notBefore, busy := c.limiter.peek(t.id)
	if busy {
		return nil, notBefore
	}
	held, notBefore := c.limiter.enter(t)
	if kept && held == nil {
		c.t.Errorf("%s has a turn, and has none", t.id)
	}
	return held, notBefore
}

func (c *crowd) took() time.Duration { return c.at.Sub(now) }

func (c *crowd) allVisits() (all, most int) {
	for _, n := range c.visits {
		all, most = all+n, max(most, n)
	}
	return all, most
}

type arrival struct {
	ticket
	at   time.Time
	done *slot
}

type arrivals []arrival

func (a arrivals) Len() int           { return len(a) }
func (a arrivals) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a arrivals) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)        { *a = append(*a, x.(arrival)) }
func (a *arrivals) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// TestLimiterRate: a thousand that come at once are served one a second, each once, the urgent first, and hardly come in vain.
func TestLimiterRate(t *testing.T) {
	c := newCrowd(t, 4, 1, 10*time.Millisecond)
	for i := range 1000 {
		c.comes(now, ticket{id: fmt.Sprint(i), group: "shop", expiry: now.Add(time.Duration(1000-i) * time.Hour)})
	}
	c.run()
	all, most := c.allVisits()
	t.Logf("measure: gate waiting=1000 per_second=1 seconds=%.0f visits=%d most_of_one=%d", c.took().Seconds(), all, most)
	if len(c.served) != 1000 || c.took() > 1010*time.Second || c.took() < 998*time.Second {
		t.Errorf("%d served in %s", len(c.served), c.took())
	}
	if most > 15 {
		t.Errorf("one came %d times", most)
	}
	for i := 2; i < len(c.order); i++ { // the first had its turn before there were others
		if c.served[c.order[i]].Sub(c.served[c.order[i-1]]) < 990*time.Millisecond {
			t.Fatalf("%s and %s were served in one second", c.order[i-1], c.order[i])
		}
	}
}

// TestLimiterUrgency: of those of one group that wait those without a certificate come first, then those that end first.
func TestLimiterUrgency(t *testing.T) {
	c := newCrowd(t, 1, 1, 10*time.Millisecond)
	for i, hours := range []int{5, 9, 3, 1, 0, 2, 0} {
		end := now.Add(time.Duration(hours) * time.Hour)
		if hours == 0 {
			end = time.Time{}
		}
		c.comes(now.Add(time.Duration(i)*time.Microsecond), ticket{id: fmt.Sprintf("%d of %dh", i, hours), group: "shop", expiry: end})
	}
	c.run()
	// The first had its turn before there were others.
	want := "[0 of 5h 4 of 0h 6 of 0h 3 of 1h 5 of 2h 2 of 3h 1 of 9h]"
	if got := fmt.Sprint(c.order); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestLimiterGroups: a thousand of one namespace do not keep one of another waiting.
func TestLimiterGroups(t *testing.T) {
	c := newCrowd(t, 4, 1, 10*time.Millisecond)
	for i := range 1000 {
		c.comes(now, ticket{id: fmt.Sprint(i), group: "flood"})
	}
	for i := range 5 {
		c.comes(now.Add(time.Duration(20+i*100)*time.Second), ticket{id: fmt.Sprintf("due %d", i), group: "shop", expiry: now.Add(time.Hour)})
	}
	c.run()
	for i := range 5 {
		came := now.Add(time.Duration(20+i*100) * time.Second)
		if waited := c.served[fmt.Sprintf("due %d", i)].Sub(came); waited > 2*time.Second {
			t.Errorf("one of another group waited %s", waited)
		}
	}
	if len(c.served) != 1005 {
		t.Errorf("%d served", len(c.served))
	}
}

// TestLimiterGroupsInRounds: one that asks all the time does not starve those that wait.
func TestLimiterGroupsInRounds(t *testing.T) {
	c := newCrowd(t, 4, 1, 10*time.Millisecond)
	for i := range 100 {
		c.comes(now, ticket{id: fmt.Sprint(i), group: "patient", expiry: now.Add(time.Hour)})
	}
	for i := range 1000 {
		c.comes(now.Add(time.Duration(i)*200*time.Millisecond), ticket{id: fmt.Sprintf("busy %d", i), group: "busy"})
	}
	c.run()
	last := time.Time{}
	for i := range 100 {
		if at := c.served[fmt.Sprint(i)]; at.After(last) {
			last = at
		}
	}
	if waited := last.Sub(now); waited > 210*time.Second {
		t.Errorf("a hundred had their turn after %s", waited)
	}
}

// TestLimiterLeft: positions of requests that are not repeated, or withdrawn, are not kept for long.
func TestLimiterLeft(t *testing.T) {
	for name, withdraw := range map[string]bool{"silent": false, "withdrawn": true} {
		c := newCrowd(t, 4, 1, 10*time.Millisecond)
		for i := range 1000 {
			c.comes(now, ticket{id: fmt.Sprint(i), group: "shop"})
		}
		c.gone = func(id string) bool {
			if id < "9" && withdraw {
				c.limiter.withdraw(id)
			}
			return id < "9"
		}
		c.run()
		// A ninth comes again; 100 turns, after two minutes at most in which the others are missed.
		if len(c.served) < 111 || c.took() > 420*time.Second {
			t.Errorf("%s: %d served in %s", name, len(c.served), c.took())
		}
		if n := len(c.limiter.waiting); n > 0 && withdraw {
			t.Errorf("%d places are kept", n)
		}
	}
}

// TestLimiterInFlight: with four places the time is that of four lines, and callers do not come much more often than needed.
func TestLimiterInFlight(t *testing.T) {
	for _, takes := range []time.Duration{2 * time.Millisecond, 50 * time.Millisecond, time.Second} {
		c := newCrowd(t, 4, 0, takes)
		random := rand.New(rand.NewPCG(1, 2))
		c.late = func() time.Duration { return time.Duration(random.IntN(int(3 * time.Millisecond))) }
		for i := range 400 {
			c.comes(now, ticket{id: fmt.Sprint(i), group: fmt.Sprint(i % 3)})
		}
		c.run()
		all, most := c.allVisits()
		ideal := 100 * takes
		t.Logf("measure: gate in_flight=4 takes=%s seconds=%.2f ideal=%.2f visits=%d most_of_one=%d", takes, c.took().Seconds(), ideal.Seconds(), all, most)
		if len(c.served) != 400 || c.took() > ideal*14/10+5*time.Second || all > 400*12 {
			t.Errorf("%s: %d served in %s with %d visits", takes, len(c.served), c.took(), all)
		}
	}
}

// TestLimiterLateness: that callers come late, as workers are busy, costs little of the rate.
func TestLimiterLateness(t *testing.T) {
	for _, perSecond := range []float64{1, 10, 100} {
		c := newCrowd(t, 4, perSecond, 2*time.Millisecond)
		random := rand.New(rand.NewPCG(1, 2))
		c.late = func() time.Duration { return time.Duration(random.IntN(int(50 * time.Millisecond))) }
		for i := range 500 {
			c.comes(now, ticket{id: fmt.Sprint(i), group: "shop"})
		}
		c.run()
		ideal := time.Duration(500 / perSecond * float64(time.Second))
		t.Logf("measure: gate per_second=%.0f late=50ms seconds=%.1f ideal=%.1f", perSecond, c.took().Seconds(), ideal.Seconds())
		if len(c.served) != 500 || c.took() > ideal*6/5+time.Second || c.took() < ideal*9/10 {
			t.Errorf("%d served in %s", len(c.served), c.took())
		}
	}
}
