// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// applied is what there is after a plan was carried out on have.
func applied(p plans, have certList) certList {
	after := slices.Clone(have)
	at := func(name string) int {
		return slices.IndexFunc(after, func(c v1alpha1.ApisixCertificate) bool { return c.Name == name })
	}
	for _, change := range p.patch {
		after[at(change.to.Name)] = change.to
	}
	for _, cert := range p.delete {
		after = slices.Delete(after, at(cert.Name), at(cert.Name)+1)
	}
	return append(after, p.create...)
}

// world is a namespace of sources that come, change and go.
type world struct {
	*rand.Rand
	sources map[string]wants
	have    certList
}

// someWants asks for up to three of four Secrets, some with a fault.
func (w *world) someWants() wants {
	var want wants
	for _, name := range []string{"s", "t", "u", "v"}[:w.IntN(4)] {
		hosts := []string{"a.example", "b.example", "*.example"}[:1+w.IntN(3)]
		cert := newCert(named(name), forHosts(hosts...))
		cert.UID = ""
		switch w.IntN(6) {
		case 0:
			faulty(&cert)
		case 1:
			faulty(&cert)
			cert.Spec.DNSNames = nil
		}
		want.certificates = append(want.certificates, cert)
	}
	return want
}

// run lets the source look until it has nothing to do, which must be at the second time.
func (w *world) run(t *testing.T, name string) {
	first := plan(ref(name), w.sources[name], w.have)
	w.have = applied(first, w.have)
	if second := plan(ref(name), w.sources[name], w.have); !second.empty() {
		t.Fatalf("%s plans %v after %v was applied", name, steps(second), steps(first))
	}
}

// collect is what garbage collection does for a source that is gone.
func (w *world) collect(name string) {
	delete(w.sources, name)
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

// TestPlanAfterApplyIsEmpty holds the law for each source by itself, and that several come to rest together.
func TestPlanAfterApplyIsEmpty(t *testing.T) {
	for seed := range uint64(3000) {
		w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), sources: map[string]wants{}}
		if w.IntN(3) == 0 {
			w.have = certList{newCert()} // by hand
		}
		for range 6 {
			name := fmt.Sprint("source", w.IntN(3))
			if _, there := w.sources[name]; there && w.IntN(4) == 0 {
				w.collect(name)
				continue
			}
			w.sources[name] = w.someWants()
			w.run(t, name)
		}
		w.rest(t, seed)
	}
}

func (w *world) rest(t *testing.T, seed uint64) {
	for range 4 {
		busy := false
		for _, name := range []string{"source0", "source1", "source2"} {
			if want, there := w.sources[name]; there {
				busy = busy || !plan(ref(name), want, w.have).empty()
				w.run(t, name)
			}
		}
		if !busy {
			return
		}
	}
	t.Fatalf("seed %d: the sources do not come to rest: %v", seed, w.have)
}
