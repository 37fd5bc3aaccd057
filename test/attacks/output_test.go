// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// escapes would move a terminal's cursor, change its title or hide lines.
const escapes = "\u001b]0;owned\u0007\u001b[2Jx\u009b31m"

// TestOutput: what a tenant writes, or its Vault answers, reaches nobody's terminal as it is.
func TestOutput(t *testing.T) {
	t.Parallel()
	run(t, newScene,
		row{"escapes in a host name", showsEscapes(func(s *scene) client.Object { return s.evil.cert("esc", escapes+"."+s.evil.domain) }), shown},
		row{"escapes in a common name", showsEscapes(func(s *scene) client.Object {
			return edited(s.evil.cert("esc", "esc."+s.evil.domain), func(spec *v1alpha1.ApisixCertificateSpec) { spec.CommonName = escapes })
		}), shown},
		row{"escapes in an annotation of an Ingress", showsEscapes(func(s *scene) client.Object {
			return cluster.NewIngress(s.evil.ns, "esc", "esc-tls", optIn(v1alpha1.AnnotationDuration, escapes), "esc."+s.evil.domain)
		}), shown},
		row{"escapes in the answer of a tenant's Vault", showsEscapes(func(s *scene) client.Object {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"errors":["role \u001b]0;owned\u0007\u001b[2Jx\u009b31m"]}`)
			}))
			s.Cleanup(server.Close)
			s.makes(s.evil, s.evil.opaque("vault-token", map[string]string{"token": "x"}), s.issuer(s.evil, "own", server.URL))
			return edited(s.evil.cert("esc", "esc."+s.evil.domain), byOwnVault)
		}), shown},
	)
}

func showsEscapes(object func(*scene) client.Object) func(*scene) {
	return func(s *scene) {
		err := s.evil.Create(s.Context(), object(s))
		if apierrors.IsInvalid(err) {
			return // the API server refuses it
		}
		s.must(err)
		name := s.onlyCert(s.evil)
		s.settled(s.evil, name)
		time.Sleep(time.Second)
		for _, condition := range s.readCert(s.evil, name).Status.Conditions {
			s.printable("condition "+condition.Type, condition.Message)
		}
		for _, args := range [][]string{{"status"}, {"status", name}, {"inspect", "secret/" + name}} {
			out, _ := s.command(append(args, "-n", s.evil.ns, "--kubeconfig", s.evil.kubeconfig)...)
			s.printable("apisix-certs "+strings.Join(args, " "), out)
		}
	}
}

// printable fails where a text has control characters other than tabs and line ends.
func (s *scene) printable(what, text string) {
	s.Helper()
	if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
		s.Errorf("%s prints control characters: %q", what, text[max(0, i-30):min(len(text), i+30)])
	}
}

func shown(s *scene) {
	host := "seen." + s.victim.domain
	s.possess(s.victim, "seen", host)
	out, err := s.command("status", "-n", s.victim.ns, "--kubeconfig", s.victim.kubeconfig)
	if err != nil || !strings.Contains(out, host) {
		s.Errorf("status does not show %s: %v: %s", host, err, out)
	}
}

// TestLeftBehind: what leaves an object of a tenant does not stay in what was made of it, nor come back.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	run(t, newScene,
		row{"labels that leave spec.secretTemplate", leavesTemplate, labelsOfOthersStay},
		row{"an old wish for a renewal on the source", oldWish, newWish},
		row{"a Secret elsewhere whose name meets that of an Ingress", meetingNames, grantedSecret},
	)
}

func leavesTemplate(s *scene) {
	reflected := map[string]string{"reflector.v1.k8s.emberstack.com/reflection-allowed": "true"}
	s.makes(s.victim, edited(s.victim.cert("web", "web."+s.victim.domain), func(spec *v1alpha1.ApisixCertificateSpec) {
		spec.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]string{"team": "shop"}, Annotations: reflected}
	}))
	s.ready(s.victim, "web", "web."+s.victim.domain)
	change(s, s.victim, named(s.victim, &v1alpha1.ApisixCertificate{}, "web"), func(c *v1alpha1.ApisixCertificate) { c.Spec.SecretTemplate = nil })
	s.within(10*time.Second, "label and annotation to go", func() string {
		secret := s.readSecret(s.victim, "web-tls")
		for key := range reflected {
			if secret.Annotations[key] != "" || secret.Labels["team"] != "" {
				return "the Secret is still to be copied into all namespaces"
			}
		}
		return ""
	})
}

func labelsOfOthersStay(s *scene) {
	leaf := s.possess(s.victim, "labelled", "labelled."+s.victim.domain).leaf
	change(s, s.victim, named(s.victim, &corev1.Secret{}, "labelled-tls"), func(secret *corev1.Secret) {
		secret.Labels["example.com/by"] = "hand"
		secret.Data["notes.txt"] = []byte("by hand")
	})
	s.renews(s.victim, "labelled", leaf, "labelled."+s.victim.domain)
	if secret := s.readSecret(s.victim, "labelled-tls"); secret.Labels["example.com/by"] != "hand" || string(secret.Data["notes.txt"]) != "by hand" {
		s.Errorf("what others added to the Secret is gone: labels %v", secret.Labels)
	}
}

func oldWish(s *scene) {
	host := "web." + s.victim.domain
	s.makes(s.victim, cluster.NewIngress(s.victim.ns, "web", "web-tls", optIn(v1alpha1.AnnotationRenewAt, "2024-01-01T00:00:00Z"), host))
	first := s.ready(s.victim, "web-tls", host)
	s.renews(s.victim, "web-tls", first, host)
	newer := s.readCert(s.victim, "web-tls").Annotations[v1alpha1.AnnotationRenewAt]
	s.annotate(s.victim, named(s.victim, &networkingv1.Ingress{}, "web"), "example.com/touched", "yes")
	time.Sleep(3 * time.Second)
	if now := s.readCert(s.victim, "web-tls").Annotations[v1alpha1.AnnotationRenewAt]; now != newer {
		s.Errorf("the source's wish of %s replaced that of %s", now, newer)
	}
}

// newWish: a wish on the source is followed.
func newWish(s *scene) {
	host := "wish." + s.victim.domain
	s.makes(s.victim, cluster.NewIngress(s.victim.ns, "wish", "wish-tls", optIn(), host))
	first := s.ready(s.victim, "wish-tls", host)
	time.Sleep(1100 * time.Millisecond)
	s.annotate(s.victim, named(s.victim, &networkingv1.Ingress{}, "wish"), v1alpha1.AnnotationRenewAt, time.Now().UTC().Format(time.RFC3339))
	s.readyAgain(s.victim, "wish-tls", first, host)
}

// meetingNames: the certificate of a Secret elsewhere is called NAMESPACE.SECRET, as a Secret here may be.
func meetingNames(s *scene) {
	s.grants("met")
	there := s.refers("met", "met", optIn())
	s.awayReady("met", there)
	here, name := "here."+s.evil.domain, s.grantedCert("met")
	s.makes(s.evil, cluster.NewIngress(s.evil.ns, "met", name, optIn(), here))
	s.within(patience/2, "a certificate for the Ingress, or a word", func() string {
		if s.says(s.evil, name, v1alpha1.ReasonInvalidSource) {
			return ""
		}
		return unless(leafOf(s.readSecret(s.evil, name)) != nil, "it has neither")
	})
	s.awayReady("met", there)
}
