// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

const (
	seeds  = 200
	events = 40 // of one seed
)

// TestAdoptOrders plays random orders of events and lets everything come to rest after each: then the gateway must have
// the newest certificate, and neither side may go on writing. APISIX_CERTS_SEED plays one seed alone.
func TestAdoptOrders(t *testing.T) {
	ca, apisx := testCA(t), standIn(t, apisixtest.Options{})
	first, count := uint64(1), seeds
	if seed, err := strconv.ParseUint(os.Getenv("APISIX_CERTS_SEED"), 10, 64); err == nil {
		first, count = seed, 1
	}
	wrong := 0
	for seed := first; seed < first+uint64(count); seed++ {
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			order := &order{scene: newScene(t, ca, apisx), random: rand.New(rand.NewPCG(seed, 2))}
			order.play()
			order.settle()
			order.check()
			if t.Failed() {
				t.Logf("seed %d: %s", seed, strings.Join(order.told, ", "))
			}
		})
		if !ok {
			wrong++
		}
	}
	fmt.Printf("measure: adopt_orders seeds=%d wrong=%d\n", count, wrong)
}

// order is one random order of events.
type order struct {
	*scene
	random *rand.Rand
	told   []string
}

func (o *order) tell(format string, args ...any) {
	o.told = append(o.told, fmt.Sprintf(format, args...))
}

func (o *order) play() {
	o.makeSource(host)
	for range events {
		o.event()
	}
}

// event is one event of those that can happen now.
func (o *order) event() {
	live := o.hosts != nil && o.ending.IsZero() && o.pair.hosts != nil
	switch n := o.random.IntN(17); {
	case n < 4:
		o.tell("we run")
		o.run()
	case n < 6 && live:
		o.tell("we renew, the Secret first")
		o.writeSecret(o.issue())
	case n == 6 && live:
		o.tell("we renew, the push first")
		next := o.issue()
		o.push(next)
		o.writeSecret(next)
	case n == 7:
		o.tell("time passes")
		o.clock.Step(time.Duration(o.random.IntN(8000)) * time.Millisecond)
	case n == 8 && o.up:
		o.tell("they sync")
		_ = o.sync()
	case n == 9 && o.up && o.flight == nil:
		o.tell("they read")
		plan, err := o.theirs.Read(o.t.Context())
		o.must(err)
		o.flight = plan
	case n == 10:
		o.land()
	case n == 11:
		o.stopOrStart()
	case n == 12:
		o.byHand()
	case n == 13:
		o.disturb()
	case n == 14 && o.random.IntN(3) == 0:
		o.deleteOrMake()
	case n == 16:
		o.tell("we restart")
		o.ours = o.newOurs()
	case n == 15 && o.hosts != nil:
		hosts := [][]string{{host}, {host, otherHost}, {otherHost}}[o.random.IntN(3)]
		o.tell("hosts become %v", hosts)
		o.changeHosts(hosts...)
	}
}

// land ends a sync that is in flight with its writes.
func (o *order) land() {
	if o.flight == nil {
		return
	}
	o.tell("their sync in flight writes")
	_ = o.theirs.Write(o.t.Context(), o.flight) // blocked, or not: both may be
	o.flight = nil
}

func (o *order) stopOrStart() {
	if o.up {
		// What is in flight may still arrive.
		o.tell("they stop")
		o.up = false
		return
	}
	o.tell("they start")
	o.restart()
}

func (o *order) byHand() {
	for _, ssl := range o.apisx.SSLs() {
		o.tell("somebody deletes ssl object %s", ssl.ID)
		o.must(o.admin.DeleteSSL(o.t.Context(), ssl.ID))
		return
	}
}

// disturb lets somebody else place a Secret without a pair, or mend it.
func (o *order) disturb() {
	const name = "other"
	if _, err := o.theirs.Read(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	if o.disturbed {
		o.tell("somebody removes the bad Secret")
		o.must(o.kube.Delete(o.t.Context(), apisixTLS(name, name)))
	} else {
		o.tell("somebody places a bad Secret")
		putSecret(o.t, o.kube, name, nil, nil)
		o.must(o.kube.Create(o.t.Context(), apisixTLS(name, name, "other.example.com")))
	}
	o.disturbed = !o.disturbed
}

// checkGone: nothing of what we pushed is left, and nothing at all once they run.
func (o *order) checkGone() {
	o.t.Helper()
	hosts := []string{host, otherHost}
	for _, host := range hosts {
		if o.last != "" && o.served(host) == o.last {
			o.t.Errorf("the source is gone, and our certificate for %s is left", host)
		}
	}
	o.mend()
	for _, host := range hosts {
		if o.served(host) != "" {
			o.t.Errorf("the source is gone, they run, and an ssl object for %s is left", host)
		}
	}
}

// mend lets them run undisturbed.
func (o *order) mend() {
	if o.disturbed {
		o.disturb()
	}
	o.restart()
}

func (o *order) deleteOrMake() {
	if o.hosts != nil {
		o.tell("the source is deleted")
		o.deleteSource()
		return
	}
	o.tell("the source is made again")
	o.makeSource(host)
}

// settle lets everything come to rest: a sync in flight lands, they sync if they run, and we run when we want to or at
// our resync.
func (o *order) settle() {
	late := o.random.IntN(3)
	for round := range 40 {
		o.run()
		if round == late {
			o.land()
		}
		_ = o.sync()
		o.pass()
	}
}

// pass lets time pass until our controller runs again.
func (o *order) pass() {
	if o.again == 0 {
		o.again = 5*time.Minute + time.Second
	}
	o.clock.Step(o.again)
}

func (o *order) check() {
	o.t.Helper()
	o.apisx.ResetCalls()
	for range 5 {
		o.run()
		_ = o.sync()
		o.pass()
	}
	for _, call := range o.apisx.Calls() {
		if call.Method != "GET" {
			o.t.Errorf("at rest, there is still a %s of ssl object %s", call.Method, call.ID)
		}
	}
	if o.hosts == nil {
		o.checkGone()
		return
	}
	o.wantServed(o.hosts...)
}
