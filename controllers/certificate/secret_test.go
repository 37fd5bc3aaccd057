// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
	"apisix-certs.io/apisix-certs/controllers/certificate/controllertest"
)

var errQuota = apierrors.NewForbidden(corev1.Resource("secrets"), "web-tls", errors.New("exceeded quota: secrets, used: 10, limited: 10"))

// TestRefusedSecret: a Secret that the API server does not take costs no signature, or one where it said so only afterwards.
func TestRefusedSecret(t *testing.T) {
	for _, row := range []struct {
		name   string
		begin  func(testing.TB) *scene
		refuse []string
		dies   bool // the process does, each minute, and what was signed is lost
		signs  int
		ready  string
		then   int // signatures once it is taken again
	}{
		{"first, by quota", fresh, []string{"try Secret", "create Secret"}, false, 0, "False SecretRefused", 1},
		{"first, by what sees no dry run", fresh, []string{"create Secret"}, false, 1, "False SecretRefused", 1},
		{"renewal", due, []string{"try Secret", "update Secret"}, false, 1, "True RenewalFailing", 1},
		{"renewal, restarted", due, []string{"try Secret", "update Secret"}, true, 1, "True RenewalFailing", 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := row.begin(t)
			before := s.Signed()
			for _, what := range row.refuse {
				s.Refuse(what, errQuota)
			}
			s.Run()
			for range 10 {
				if row.dies {
					s.Restart()
				}
				s.Pass(time.Minute)
			}
			signatures := s.Signed() - before
			if row.name == "renewal" {
				fmt.Printf("measure: refused_secret minutes=10 signatures=%d\n", signatures)
			}
			if signatures != row.signs || s.Ready("web") != row.ready {
				t.Errorf("%d signatures, Ready %s", signatures, s.Ready("web"))
			}
			if says := s.Message("web", v1alpha1.ConditionReady); !strings.Contains(says, "exceeded quota") {
				t.Errorf("the refusal is not quoted: %s", says)
			}
			for _, what := range row.refuse {
				s.Refuse(what, nil)
			}
			s.Pass(6 * time.Minute)
			inOrder(t, s, "web")
			if got := s.Signed() - before; got != row.then {
				t.Errorf("%d signatures once the Secret is taken", got)
			}
		})
	}
}

func fresh(t testing.TB) *scene {
	s := controllertest.New(t)
	s.Create("web")
	return s
}

// due is a certificate whose renewal is due and was not made yet.
func due(t testing.TB) *scene {
	s := issued(t)
	s.Clock.Step(70 * day)
	return s
}

// TestRevertedSecret: whoever puts an old certificate back each time costs five signatures and then one a minute at most, and
// is named.
func TestRevertedSecret(t *testing.T) {
	const rounds, pause = 48, 10 * time.Second
	s := issued(t)
	old, before := s.Secret("web-tls").Data, s.Signed()
	s.Advance(70 * day)
	for range rounds {
		s.WriteSecret("web-tls", "argocd", func(secret *corev1.Secret) { secret.Data = old })
		s.Pass(pause)
	}
	signatures, says := s.Signed()-before, s.Message("web", v1alpha1.ConditionReady)
	_, writer, _ := strings.Cut(says, "was changed by ")
	writer, _, _ = strings.Cut(writer, " ")
	fmt.Printf("measure: reverted_secret rounds=%d signatures=%d writer=%s\n", rounds, signatures, writer)
	if most := 1 + 5 + int(rounds*pause/time.Minute); signatures > most || signatures < 5 {
		t.Errorf("%d signatures, at most %d", signatures, most)
	}
	if writer != "argocd" || !strings.HasSuffix(s.Ready("web"), " SecretReverted") {
		t.Errorf("%s: %s", s.Ready("web"), says)
	}
	s.Pass(10 * time.Minute)
	inOrder(t, s, "web")
}

// TestSecretChangedMeanwhile: what somebody writes between the look and the write is not lost, and costs no signature more.
func TestSecretChangedMeanwhile(t *testing.T) {
	s := due(t)
	s.Fail(func(_ int, c controllertest.Call) controllertest.Fault {
		if c.What == "sign" {
			secret := s.Secret("web-tls")
			secret.Data["other"] = []byte("kept")
			if err := s.Kube.Update(t.Context(), secret); err != nil {
				t.Error(err)
			}
		}
		return controllertest.None
	})
	s.Run()
	s.Pass(time.Minute)
	inOrder(t, s, "web")
	if s.Signed() != 2 || string(s.Secret("web-tls").Data["other"]) != "kept" {
		t.Errorf("%d signatures, %q", s.Signed(), s.Secret("web-tls").Data["other"])
	}
}

// TestObjectChangedMeanwhile: a status is written though the object has changed since it was read, and what changed is kept.
func TestObjectChangedMeanwhile(t *testing.T) {
	s := due(t)
	s.Fail(func(_ int, c controllertest.Call) controllertest.Fault {
		if c.What == "PUT ssl" {
			s.Annotate("web", "team", "a")
		}
		return controllertest.None
	})
	s.Run()
	steps(t, s, "sign, update Secret, PUT ssl, update status, patch status")
	inOrder(t, s, "web")
	if s.Cert("web").Annotations["team"] != "a" {
		t.Error("the annotation is gone")
	}
}

// TestForeignSecret: a Secret of somebody else is neither written nor deleted, until its owner consents.
func TestForeignSecret(t *testing.T) {
	s := controllertest.New(t)
	s.WriteSecret("web-tls", "somebody", func(secret *corev1.Secret) {
		secret.Data = map[string][]byte{"tls.crt": []byte("theirs"), "tls.key": []byte("theirs")}
	})
	s.Create("web")
	s.Run()
	s.Pass(time.Hour)
	if s.Signed() > 0 || string(s.Secret("web-tls").Data["tls.crt"]) != "theirs" || s.Ready("web") != "False SecretNotManaged" {
		t.Errorf("%d signatures, Ready %s", s.Signed(), s.Ready("web"))
	}
	s.Annotate("web", v1alpha1.AnnotationAdoptSecret, "true")
	s.Run()
	inOrder(t, s, "web")
}

// TestDamagedSecret damages a Secret of ours in every way that a person would. It is repaired at once, its marks with it, and what is
// served meanwhile is the certificate before.
func TestDamagedSecret(t *testing.T) {
	_, other := controllertest.New(t).Pair(day, "web.example")
	for name, damage := range map[string]func(*corev1.Secret){
		"garbage in tls.key":     func(secret *corev1.Secret) { secret.Data["tls.key"] = []byte("garbage") },
		"another key in tls.key": func(secret *corev1.Secret) { secret.Data["tls.key"] = other },
		"tls.crt empty":          func(secret *corev1.Secret) { secret.Data["tls.crt"] = []byte{} },
		"half of tls.crt":        func(secret *corev1.Secret) { secret.Data["tls.crt"] = secret.Data["tls.crt"][:200] },
		"label off, and garbage": func(secret *corev1.Secret) { secret.Labels, secret.Data["tls.key"] = nil, []byte("garbage") },
	} {
		t.Run(name, func(t *testing.T) {
			s := issued(t)
			before := s.Served("web.example")
			s.Vault.SetHandler("pki/sign/web", vaulttest.ErrorHandler(http.StatusServiceUnavailable, "Vault is sealed"))
			s.WriteSecret("web-tls", "somebody", damage)
			s.Run()
			if !s.Served("web.example").Equal(before) || s.Ready("web") == "True Ready" {
				t.Errorf("while Vault is sealed Ready is %s, and the same is served: %v", s.Ready("web"), s.Served("web.example").Equal(before))
			}
			s.Vault.SetHandler("pki/sign/web", nil)
			s.Pass(2 * time.Minute)
			inOrder(t, s, "web")
			if s.Secret("web-tls").Labels[v1alpha1.LabelManaged] != "true" || s.Leaf("web-tls").Equal(before) {
				t.Error("the Secret is not a new one with its label")
			}
		})
	}
}
