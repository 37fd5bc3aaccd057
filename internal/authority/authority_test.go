// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/finding"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// liberal is a judge that allows everything but what it lists.
type liberal struct {
	notAdmitted map[string]bool // NAMESPACE/NAME
	notAllowed  map[string]bool // NAMESPACE NAME
	asked       int
}

func (l *liberal) Admitted(key types.NamespacedName) bool {
	l.asked++
	return !l.notAdmitted[key.String()]
}
func (l *liberal) AllowsName(namespace, name string) bool { return !l.notAllowed[namespace+" "+name] }

// world is an index with a clock.
type world struct {
	Claims
	clock *clocktesting.FakeClock
	judge *liberal
}

func newWorld() *world {
	clock := clocktesting.NewFakeClock(now)
	return &world{Claims: Claims{Clock: clock}, clock: clock, judge: &liberal{notAdmitted: map[string]bool{}, notAllowed: map[string]bool{}}}
}

// cert is a certificate NAMESPACE/NAME for hosts, so many minutes old.
func cert(key string, age int, hosts ...string) Claimant {
	ns, name, _ := strings.Cut(key, "/")
	return Claimant{
		UID: types.UID(key), Key: types.NamespacedName{Namespace: ns, Name: name}, Created: now.Add(-time.Duration(age) * time.Minute),
		Names: hosts, Secret: types.NamespacedName{Namespace: ns, Name: name}, Valid: true,
	}
}

func (w *world) acquire(key string) Names {
	return w.Acquire(types.UID(key), !w.judge.notAdmitted[key], w.judge)
}

func TestFirstOwnerKeeps(t *testing.T) {
	for _, row := range []struct {
		name  string
		first string
		then  string
		clash bool
	}{
		{"the same host", "a.example", "a.example", true},
		{"a wildcard over it", "a.example", "*.example", true},
		{"a host below the wildcard", "*.example", "a.example", true},
		{"the wildcard's own domain", "*.example", "example", false},
		{"two labels below", "*.example", "b.a.example", false},
		{"two wildcards", "*.example", "*.example", true},
		{"a wildcard one deeper", "*.example", "*.a.example", false},
		{"another host", "a.example", "b.example", false},
	} {
		for _, older := range []int{1, 9} { // whoever is older: who has it keeps it
			w := newWorld()
			w.Set(cert("one/c", 5, row.first))
			if n := w.acquire("one/c"); !slices.Equal(n.Owned, []string{row.first}) {
				t.Fatalf("%s: first %+v", row.name, n)
			}
			w.Set(cert("two/c", older, row.then))
			n := w.acquire("two/c")
			if n.All() == row.clash || (len(n.Owned) == 0) != row.clash {
				t.Errorf("%s, %d minutes old: %+v", row.name, older, n)
			}
			if row.clash && !strings.Contains(n.Conflict, "namespace one") {
				t.Errorf("%s: %q names no owner", row.name, n.Conflict)
			}
			// The honest neighbour keeps what it has.
			if n := w.acquire("one/c"); !n.All() || len(n.Owned) != 1 {
				t.Errorf("%s: the owner lost it: %+v", row.name, n)
			}
		}
	}
}

func TestWithinANamespace(t *testing.T) {
	w := newWorld()
	w.Set(cert("one/c", 5, "a.example", "*.example"))
	w.Set(cert("one/d", 4, "a.example", "b.example"))
	if n := w.acquire("one/c"); len(n.Owned) != 2 || !n.All() {
		t.Errorf("%+v", n)
	}
	if n := w.acquire("one/d"); !slices.Equal(n.Owned, []string{"b.example"}) || !slices.Equal(n.OwnedBySibling, []string{"a.example"}) || !n.All() {
		t.Errorf("%+v", n)
	}
}

// Of those who wait, the oldest that may have the name gets it.
func TestWhoWaits(t *testing.T) {
	w := newWorld()
	w.Set(cert("old/c", 9, "a.example"))
	w.Set(cert("mid/c", 5, "a.example"))
	w.Set(cert("new/c", 1, "a.example"))
	w.judge.notAdmitted["old/c"] = true
	if n := w.acquire("new/c"); n.All() {
		t.Errorf("the youngest got it: %+v", n)
	}
	if n := w.acquire("old/c"); n.All() || len(n.Owned) > 0 {
		t.Errorf("one that is not admitted got it: %+v", n)
	}
	if n := w.acquire("mid/c"); len(n.Owned) != 1 {
		t.Errorf("%+v", n)
	}
	// Later it may have it, and is older; who has it keeps it.
	w.judge.notAdmitted = map[string]bool{}
	if n := w.acquire("old/c"); n.All() {
		t.Errorf("%+v", n)
	}
}

// A name that was given up waits for its namespace.
func TestHandOver(t *testing.T) {
	for _, row := range []struct {
		name   string
		giveUp func(*world)
	}{
		{"deleted", func(w *world) { w.Delete("own/c") }},
		{"dropped", func(w *world) { w.Set(cert("own/c", 9, "other.test")) }},
		{"marked and deleted", func(w *world) {
			c := cert("own/c", 9, "a.example")
			c.Deleting, c.Recorded = true, []string{"a.example"}
			w.Set(c)
			if n := w.acquire("evil/c"); n.All() {
				panic("a squatter got the name of a certificate that is being deleted")
			}
			w.Delete("own/c")
		}},
	} {
		w := newWorld()
		w.Set(cert("own/c", 9, "a.example"))
		w.acquire("own/c")
		w.Set(cert("evil/c", 5, "*.example"))
		w.acquire("evil/c")
		row.giveUp(w)
		if n := w.acquire("evil/c"); n.All() || !n.Retry.Equal(now.Add(DefaultReservation)) {
			t.Errorf("%s: a squatter got it: %+v", row.name, n)
		}
		w.Set(cert("own/new", 0, "a.example"))
		if n := w.acquire("own/new"); !slices.Equal(n.Owned, []string{"a.example"}) {
			t.Errorf("%s: the owner's next certificate did not get it: %+v", row.name, n)
		}
		// When the owner really leaves, others get it, but not before.
		w.Delete("own/new")
		w.clock.Step(DefaultReservation - time.Second)
		if n := w.acquire("evil/c"); n.All() {
			t.Errorf("%s: too soon", row.name)
		}
		w.clock.Step(2 * time.Second)
		if n := w.acquire("evil/c"); !n.All() || len(n.Owned) != 1 {
			t.Errorf("%s: never free: %+v", row.name, n)
		}
	}
}

// Who waits for a name is told when it is free.
func TestReleased(t *testing.T) {
	w := newWorld()
	w.Set(cert("one/c", 9, "a.example", "b.example"))
	w.acquire("one/c")
	w.Set(cert("two/c", 5, "*.example"))
	w.Set(cert("three/c", 5, "c.other"))
	if woken := w.Set(cert("one/c", 9, "a.example")); len(woken) != 1 || woken[0].Namespace != "two" {
		t.Errorf("%v", woken)
	}
	if woken := w.Delete("one/c"); len(woken) != 1 || woken[0].Namespace != "two" {
		t.Errorf("%v", woken)
	}
	if woken := w.Delete("three/c"); len(woken) != 0 {
		t.Errorf("%v", woken)
	}
}

// What a policy does not leave to a namespace is not kept for it.
func TestPolicyTakesANameAway(t *testing.T) {
	w := newWorld()
	w.Set(cert("one/c", 9, "a.example"))
	w.acquire("one/c")
	w.Set(cert("two/c", 5, "a.example"))
	w.judge.notAllowed["one a.example"], w.judge.notAdmitted["one/c"] = true, true
	if n := w.acquire("two/c"); len(n.Owned) != 1 {
		t.Errorf("%+v", n)
	}
	if n := w.acquire("one/c"); n.All() || len(n.Owned) > 0 {
		t.Errorf("%+v", n)
	}
}

// While there is no policy at all, nobody may have anything, and names stay where they are.
func TestPoliciesAreMissingForAMoment(t *testing.T) {
	w := newWorld()
	w.Set(cert("evil/c", 9, "a.example"))
	w.judge.notAdmitted["evil/c"], w.judge.notAllowed["evil a.example"] = true, true
	w.acquire("evil/c")
	w.Set(cert("one/c", 5, "a.example"))
	if n := w.acquire("one/c"); len(n.Owned) != 1 {
		t.Fatalf("%+v", n)
	}
	w.judge.notAdmitted["one/c"], w.judge.notAllowed["one a.example"] = true, true
	for range 2 {
		if n := w.acquire("one/c"); len(n.Owned) != 1 || !n.All() {
			t.Errorf("the owner lost it: %+v", n)
		}
		if n := w.acquire("evil/c"); len(n.Owned) != 0 {
			t.Errorf("another got it: %+v", n)
		}
	}
}

func TestInvalidGetsNothingNew(t *testing.T) {
	w := newWorld()
	bad := cert("one/c", 9, "a.example")
	bad.Valid = false
	w.Set(bad)
	if n := w.acquire("one/c"); len(n.Owned) > 0 {
		t.Errorf("%+v", n)
	}
	w.Set(cert("two/c", 5, "a.example"))
	if n := w.acquire("two/c"); len(n.Owned) != 1 {
		t.Errorf("%+v", n)
	}
}

func TestRequestedNames(t *testing.T) {
	for _, row := range []struct {
		spec certs.Spec
		want Requested
	}{
		{certs.Spec{DNSNames: []string{"a.example"}}, Requested{Owned: []string{"a.example"}}},
		{certs.Spec{CommonName: "b.example", DNSNames: []string{"a.example"}}, Requested{Owned: []string{"a.example", "b.example"}}},
		{certs.Spec{CommonName: "*.b.example"}, Requested{Owned: []string{"*.b.example"}}},
		{certs.Spec{CommonName: "B.Example"}, Requested{Owned: []string{"b.example"}}},
		{certs.Spec{CommonName: "shop"}, Requested{Bare: []string{"shop"}}},
		{certs.Spec{DNSNames: []string{"shop"}}, Requested{Owned: []string{"shop"}}},
		{certs.Spec{CommonName: "localhost", DNSNames: []string{"x.localhost", "a.example"}}, Requested{Owned: []string{"a.example"}, Local: []string{"x.localhost", "localhost"}}},
		{certs.Spec{CommonName: "Jane Doe"}, Requested{}},
	} {
		if got := RequestedBy(row.spec.Normalize()); fmt.Sprint(got) != fmt.Sprint(row.want) {
			t.Errorf("%+v: %+v", row.spec, got)
		}
	}
}

// A common name without a dot may stand in many certificates, but not where another namespace owns it.
func TestBareCommonName(t *testing.T) {
	w := newWorld()
	one, two := cert("one/c", 9, "a.example"), cert("two/c", 5, "b.example")
	one.Bare, two.Bare = []string{"shop"}, []string{"shop"}
	w.Set(one)
	w.Set(two)
	if n, m := w.acquire("one/c"), w.acquire("two/c"); !n.All() || !m.All() {
		t.Errorf("%+v %+v", n, m)
	}
	w.Set(cert("three/c", 1, "shop"))
	if n := w.acquire("three/c"); len(n.Owned) != 1 {
		t.Errorf("%+v", n)
	}
	if n := w.acquire("one/c"); n.All() {
		t.Errorf("%+v", n)
	}
}

// Two that acquire at once do not both get it, though neither status says so yet.
func TestAcquireAtOnce(t *testing.T) {
	w := newWorld()
	w.Set(cert("one/c", 5, "a.example"))
	w.judge.notAdmitted["one/c"] = true
	w.Set(cert("two/c", 1, "a.example"))
	if n := w.acquire("two/c"); len(n.Owned) != 1 {
		t.Fatalf("%+v", n)
	}
	w.judge.notAdmitted = map[string]bool{}
	w.Set(cert("one/c", 5, "a.example")) // an event that knows nothing of it
	w.Set(cert("two/c", 1, "a.example"))
	if n := w.acquire("one/c"); n.All() {
		t.Errorf("both have it: %+v", n)
	}
}

// secret is a Secret ns/s of certificate ns/c that was made for it.
func secret(edits ...func(*Secret)) Secret {
	s := Secret{
		Certificate: types.NamespacedName{Namespace: "ns", Name: "c"}, Key: types.NamespacedName{Namespace: "ns", Name: "s"}, Type: "kubernetes.io/tls",
		Found:  &FoundSecret{UID: "u", ResourceVersion: "1", Type: "kubernetes.io/tls", Owner: "ns/c", Leaf: "f"},
		Record: v1alpha1.IssuedCertificate{SecretNamespace: "ns", SecretName: "s", SecretUID: "u", Fingerprint: "f", SerialNumber: "1", Issuer: "VaultIssuer/v"},
	}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

func TestSecretRights(t *testing.T) {
	type edit = func(*Secret)
	none := func(s *Secret) { s.Found = nil }
	bare := func(s *Secret) { s.Found.Owner = "" }
	unrecorded := func(s *Secret) { s.Record = v1alpha1.IssuedCertificate{} }
	away := func(s *Secret) { s.Key.Namespace, s.Found.Owner = "keys", "ns/c" }
	refused := func(s *Secret) {
		s.RefNotPermitted = &finding.Finding{Reason: v1alpha1.ReasonRefNotPermitted, Message: "no grant"}
	}
	consent := func(s *Secret) { s.Consent = true }
	consents := func(s *Secret) { s.Found.Consent = true }
	opaque := func(s *Secret) { s.Found.Type = "Opaque" }
	others := func(s *Secret) { s.Found.Others = true }
	rival := func(s *Secret) { s.Rival = "d" }
	used := func(s *Secret) { s.Referrers = "Ingress ns/web" }
	provided := func(s *Secret) { s.Provided = true }
	for _, row := range []struct {
		name              string
		edits             []edit
		write, push, read bool
		end               DeletionAction
	}{
		{"ours", nil, true, true, true, Delete},
		{"none yet", []edit{none}, true, false, false, Leave},
		{"somebody's", []edit{bare, unrecorded}, false, false, false, Leave},
		{"somebody's, with an equal certificate", []edit{bare, func(s *Secret) { s.Found.UID = "other" }}, false, false, false, Leave},
		{"without marks, the very Secret of the record", []edit{bare}, true, true, true, Delete},
		{"without marks, of another type", []edit{bare, opaque}, false, false, false, Leave},
		{"without marks, with another certificate", []edit{bare, func(s *Secret) { s.Found.Leaf = "g" }}, false, false, false, Leave},
		{"of another certificate", []edit{func(s *Secret) { s.Found.Owner = "ns/d" }}, false, false, false, Leave},
		{"a copy of another namespace's", []edit{func(s *Secret) { s.Found.Owner = "other/c" }}, false, false, false, Leave},
		{"the name without a namespace", []edit{func(s *Secret) { s.Found.Owner = "c" }}, false, false, false, Leave},
		{"adopted by the certificate", []edit{bare, unrecorded, consent}, true, false, true, Leave},
		{"adopted by the Secret", []edit{bare, unrecorded, consents}, true, false, true, Leave},
		{"adopted, of another type", []edit{bare, unrecorded, consents, opaque}, false, false, true, Leave},
		{"of another type, ours", []edit{opaque}, true, true, true, Delete},
		{"of another type, ours, with data of others", []edit{opaque, others}, false, true, true, Delete},
		{"with a rival", []edit{rival}, false, true, true, Leave},
		{"in use", []edit{used}, true, true, true, Release},
		{"provided", []edit{provided, bare}, false, true, true, Leave},
		{"away", []edit{away}, true, true, true, Delete},
		{"away, not granted", []edit{away, refused}, false, false, false, Leave},
		{"away, provided, not granted", []edit{away, refused, provided}, false, false, false, Leave},
		{"away, consent on the certificate alone", []edit{away, bare, unrecorded, consent}, false, false, false, Leave},
		{"away, consent on the Secret", []edit{away, bare, unrecorded, consents}, true, false, true, Leave},
		{"away, without marks", []edit{away, bare, func(s *Secret) { s.Record.SecretNamespace = "keys" }}, false, false, false, Leave},
	} {
		r := OfSecret(secret(row.edits...))
		_, write := r.Write()
		end, _ := r.OnDelete(false)
		if write != row.write || r.MayPush() != row.push || r.MayRead() != row.read || end != row.end {
			t.Errorf("%s: write %v push %v read %v end %v, refused %v", row.name, write, r.MayPush(), r.MayRead(), end, r.Refused())
		}
		if kept, _ := r.OnDelete(true); kept != Leave {
			t.Errorf("%s: %v though it is to be retained", row.name, kept)
		}
	}
}

func TestRevocable(t *testing.T) {
	issued := v1alpha1.IssuedCertificate{Fingerprint: "b", SerialNumber: "2", Issuer: "VaultIssuer/v"}
	adopted := v1alpha1.IssuedCertificate{Fingerprint: "a", SerialNumber: "1"}
	status := &v1alpha1.ApisixCertificateStatus{Issued: adopted}
	if got := Revocable(status, true); len(got) > 0 {
		t.Errorf("an adopted certificate would be revoked: %v", got)
	}
	if got := Replaced(nil, adopted, issued, nil); len(got) > 0 {
		t.Errorf("an adopted certificate would be revoked once replaced: %v", got)
	}
	third := v1alpha1.IssuedCertificate{Fingerprint: "c", SerialNumber: "3", Issuer: "VaultIssuer/v"}
	list := Replaced(nil, issued, third, nil)
	if len(list) != 1 || list[0].SerialNumber != "2" || len(Replaced(list, issued, third, nil)) != 1 || len(Replaced(nil, issued, issued, nil)) != 0 {
		t.Errorf("%v", list)
	}
	status = &v1alpha1.ApisixCertificateStatus{Issued: third, ToRevoke: list}
	if len(Revocable(status, false)) != 1 || len(Revocable(status, true)) != 2 {
		t.Error("what the object held is not all that it may revoke")
	}
}

// Sixty certificates of a thousand equal hosts cost less than a second.
func TestCostOfClaims(t *testing.T) {
	w := newWorld()
	hosts := make([]string, 1000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("h%d.evil.example", i)
	}
	began := time.Now()
	for round := range 3 {
		for i := range 60 {
			key := fmt.Sprintf("ns%d/c", i%7*10+i)
			w.Set(cert(key, 60-i, hosts...))
			if n := w.acquire(key); (len(n.Owned) == 1000) != (i == 0) {
				t.Fatalf("round %d, %s: %d owned", round, key, len(n.Owned))
			}
		}
	}
	took := time.Since(began)
	t.Logf("claims objects=60 hosts=1000 rounds=3 ms=%d judged=%d", took.Milliseconds(), w.judge.asked)
	if took > 3*time.Second {
		t.Errorf("three rounds took %s", took)
	}
}
