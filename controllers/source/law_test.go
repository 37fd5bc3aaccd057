// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// world is a namespace of sources of Secret s that come, change and go.
type world struct {
	*rand.Rand
	sources map[string]func() *member
	have    certList
}

var names = []string{"a", "b", "c", "d"}

// change gives a source another wish: hosts, faults, opted out, or another Secret.
func (w *world) change(name string) {
	second := int64(slices.Index(names, name)/2 + 1)
	all := []string{"a.example", "b.example", "*.example", "c.d.example"}
	w.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	edits := []tlsEdit{hosts(all[:1+w.IntN(3)]...)}
	switch w.IntN(10) {
	case 0:
		edits = append(edits, with("duration", "90d"))
	case 1:
		edits = append(edits, bare)
	case 2:
		edits = append(edits, secret("other"))
	case 3:
		edits = []tlsEdit{hosts("a..b")}
	case 4:
		edits = append(edits, with("duration", "1h", "renew-at", fmt.Sprintf("203%d-01-31T12:00:00Z", w.IntN(10))))
	case 5:
		edits = append(edits, bare, secret("other"))
	}
	w.sources[name] = func() *member { return source(name, second, edits...) }
}

// members are all sources that matter, in any order: those that name the Secret, and owners, whether they exist or not.
func (w *world) members() []*member {
	var all []*member
	for _, name := range names {
		make, there := w.sources[name]
		owns := slices.ContainsFunc(w.have, func(c v1alpha1.ApisixCertificate) bool { return references(&c, ref(name).UID) })
		switch {
		case !there && owns:
			all = append(all, goneSource(name))
		case there && (owns || make().entry != nil):
			all = append(all, make())
		}
	}
	w.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// run lets the controller look, which must leave nothing to do.
func (w *world) run(t *testing.T) {
	first := makePlan(observe(w.have, w.members()...), Defaults{})
	switch {
	case first.create != nil:
		w.have = certList{*first.create}
		w.have[0].UID = "uid"
	case first.patch != nil:
		w.have = certList{*first.patch.to}
	case first.delete != nil:
		w.have = nil
	}
	for range 3 {
		if second := makePlan(observe(w.have, w.members()...), Defaults{}); !second.empty() {
			t.Fatalf("plans %q after %q was applied", steps(second), steps(first))
		}
	}
}

// collect is what garbage collection does for a source that is gone.
func (w *world) collect(name string) {
	kept := w.have[:0]
	for _, cert := range w.have {
		rest := slices.DeleteFunc(slices.Clone(cert.OwnerReferences), func(r metav1.OwnerReference) bool { return r.Name == name })
		if len(rest) > 0 || len(cert.OwnerReferences) == 0 {
			cert.OwnerReferences = rest
			kept = append(kept, cert)
		}
	}
	w.have = kept
}

// TestPlanAfterApplyIsEmpty holds the law, whatever order sources are read in; that no source which has its certificate loses a
// host of it by opting out or by a fault; and that once all sources say what they want, nothing of the past is left.
func TestPlanAfterApplyIsEmpty(t *testing.T) {
	for seed := range uint64(250) {
		w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), sources: map[string]func() *member{}}
		for range 8 {
			name := names[w.IntN(len(names))]
			if _, there := w.sources[name]; there && w.IntN(4) == 0 {
				delete(w.sources, name)
				if w.IntN(2) == 0 { // before the controller looks, or after
					w.collect(name)
				}
			} else {
				w.change(name)
			}
			before := w.have
			w.run(t)
			w.checkKept(t, before)
		}
		w.checkForgets(t, seed)
	}
}

func (w *world) checkKept(t *testing.T, before certList) {
	if len(before) == 0 {
		return
	}
	for _, m := range w.members() {
		if !references(&before[0], m.ref.UID) || m.object == nil || m.entry == nil {
			continue
		}
		switch {
		case len(w.have) == 0:
			t.Fatalf("%s has lost its certificate", m.name())
		case m.state(true) != joins && !sameSet(unionOf(before[0], w.have[0]), w.have[0].Spec.DNSNames):
			t.Fatalf("%s does not say what it wants, and %q became %q", m.name(), before[0].Spec.DNSNames, w.have[0].Spec.DNSNames)
		}
	}
}

func unionOf(a, b v1alpha1.ApisixCertificate) []string {
	return normalize(append(slices.Clone(a.Spec.DNSNames), b.Spec.DNSNames...))
}

// checkForgets lets all sources that there are want something, and compares with a world without a past.
func (w *world) checkForgets(t *testing.T, seed uint64) {
	for name := range w.sources {
		w.sources[name] = func() *member { return source(name, int64(slices.Index(names, name)/2+1), hosts(name+".example")) }
	}
	w.run(t)
	if len(w.sources) == 0 {
		return
	}
	fresh := &world{Rand: w.Rand, sources: w.sources}
	fresh.run(t)
	compare := func(have certList) []any {
		var owners []string
		chief := ""
		for _, r := range have[0].OwnerReferences {
			owners = append(owners, r.Name)
			if r.Controller != nil {
				chief = r.Name
			}
		}
		slices.Sort(owners)
		notes := have[0].DeepCopy().Annotations
		delete(notes, v1alpha1.AnnotationRenewAt) // requests of the past stay
		spec := have[0].DeepCopy().Spec
		slices.Sort(spec.DNSNames)
		return []any{spec, owners, chief, len(notes)}
	}
	if diff := cmp.Diff(compare(fresh.have), compare(w.have)); diff != "" {
		t.Fatalf("seed %d: something of the past is left (-fresh +got):\n%s", seed, diff)
	}
}
