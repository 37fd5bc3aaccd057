// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// born is a certificate of that name, made so many seconds after now.
func born(name string, after int) *v1alpha1.ApisixCertificate {
	c := &v1alpha1.ApisixCertificate{}
	c.Namespace, c.Name, c.CreationTimestamp = name, name, metav1.NewTime(now.Add(time.Duration(after)*time.Second))
	return c
}

func TestClaims(t *testing.T) {
	old, young := born("old", 0), born("young", 1)
	for _, c := range []struct {
		name       string
		old, young claim
		oldWins    bool
	}{
		{"neither has it", claim{old, false, true}, claim{young, false, true}, true},
		{"the younger has it", claim{old, false, true}, claim{young, true, true}, false},
		{"the older has it", claim{old, true, true}, claim{young, false, true}, true},
		{"both think so", claim{old, true, true}, claim{young, true, true}, true},
		{"the older may not", claim{old, false, false}, claim{young, false, true}, false},
		{"neither may", claim{old, false, false}, claim{young, false, false}, true},
		{"the older has it and waits to be approved anew", claim{old, true, false}, claim{young, false, true}, true},
	} {
		if got := c.old.beats(c.young); got != c.oldWins || c.young.beats(c.old) == got {
			t.Errorf("%s: the older wins is %v, the younger %v", c.name, got, c.young.beats(c.old))
		}
	}
}

// Whatever each believed at first: when each has looked at the other twice, one has the host, and more looks change nothing.
func TestTwoThatFightSettle(t *testing.T) {
	for _, begin := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			all := []claim{{born("old", 0), begin[0], true}, {born("young", 1), begin[1], true}}
			var owners []int
			for range 5 {
				for _, i := range order {
					all[i].holds = !all[1-i].beats(all[i])
				}
				owner := slices.IndexFunc(all, func(c claim) bool { return c.holds })
				if all[0].holds == all[1].holds {
					owner = -1
				}
				owners = append(owners, owner)
			}
			if owner := owners[1]; owner < 0 || slices.ContainsFunc(owners[1:], func(i int) bool { return i != owner }) {
				t.Errorf("begun with %v, order %v: owners %v", begin, order, owners)
			}
		}
	}
}

// Two hosts share a key of an index exactly if they overlap.
func TestOverlapKeys(t *testing.T) {
	hosts := []string{"a.example", "b.example", "*.example", "x.a.example", "*.a.example", "y.x.a.example", "*.x.a.example", "example", "com", "*.com"}
	for _, a := range hosts {
		for _, b := range hosts {
			c := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{DNSNames: []string{b}}}
			found, keys := false, map[string][]string{indexHost: hostKeys(c), indexParent: parentKeys(c)}
			for index, values := range overlapKeys(a) {
				found = found || slices.ContainsFunc(values, func(value string) bool { return slices.Contains(keys[index], value) })
			}
			if found != overlap(a, b) {
				t.Errorf("%s and %s: overlap %v, found by index %v", a, b, overlap(a, b), found)
			}
		}
	}
}

// A certificate that is not allowed takes nothing, and loses nothing that nobody else may have.
func TestOwned(t *testing.T) {
	s := newScene(t, func(s *scene) { s.cert.Spec.DNSNames = []string{"a.example", "b.example"} })
	s.hosts = []string{"a.example", "b.example"}
	if got := s.owned(); !slices.Equal(got, s.hosts) {
		t.Errorf("allowed: %q", got)
	}
	s.refused = &finding{v1alpha1.ReasonWaitingForApproval, ""}
	if got := s.owned(); len(got) != 0 {
		t.Errorf("refused: %q", got)
	}
	s.cert.Status.OwnedHosts = []string{"b.example", "c.example"}
	if got := s.owned(); !slices.Equal(got, []string{"b.example"}) {
		t.Errorf("refused, and had some: %q", got)
	}
}

func TestNameOnSecret(t *testing.T) {
	c := born("ns", 0)
	if nameOnSecret(c) != "ns" || !slices.Equal(secretKeys(c), []string{"ns/"}) || awayKeys(c) != nil {
		t.Error("at home")
	}
	c.Spec.SecretNamespace, c.Spec.SecretName = "keys", "s"
	if nameOnSecret(c) != "ns/ns" || !slices.Equal(secretKeys(c), []string{"keys/s"}) || !slices.Equal(awayKeys(c), []string{"keys"}) {
		t.Error("away")
	}
}
