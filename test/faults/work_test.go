// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// work prepares a job for the controller; it may take time.
type work func(*scene) *job

// job is something that the controller has to do.
type job struct {
	ask    func()        // asks for it
	undone func() string // says what is missing
	signs  int           // signatures that it needs
	what   string        // for the matrix
}

// nothing is no work: the fault alone is to be mended.
func nothing(*scene) *job {
	return &job{what: "nothing", ask: func() {}, undone: func() string { return "" }}
}

// renew asks for renewals as "apisix-certs renew" does.
func renew(names ...string) work {
	return func(s *scene) *job {
		// A wish is told in seconds: the certificate there is must not be of the same one.
		at := time.Now().Truncate(time.Second)
		for _, name := range names {
			for !s.issuedAt(name).Before(at) {
				time.Sleep(20 * time.Millisecond)
				at = time.Now().Truncate(time.Second)
			}
		}
		return &job{
			ask: func() {
				for _, name := range names {
					s.annotate(name, v1alpha1.AnnotationRenewAt, at.UTC().Format(time.RFC3339))
				}
			},
			undone: func() string {
				for _, name := range names {
					if s.issuedAt(name).Before(at) {
						return name + " is not renewed"
					}
				}
				return ""
			},
			signs: len(names), what: strings.Replace(fmt.Sprintf("%d renewals", len(names)), "1 renewals", "a renewal", 1),
		}
	}
}

func renewAll(s *scene) *job { return renew("held", "shop-tls", "web-tls")(s) }

func renewHeld(s *scene) *job { return renew("held")(s) }

// issue asks for a first certificate.
func issue(s *scene) *job {
	if s.freshExists() {
		s.deleteFresh()
		s.until("end", s.freshLeft)
	}
	return &job{
		ask: s.createFresh,
		undone: func() string {
			if s.issuedAt(fresh).IsZero() {
				return "there is no Secret"
			}
			return ""
		},
		signs: 1, what: "a first issue",
	}
}

// remove asks for the end of a certificate.
func remove(s *scene) *job {
	if !s.freshExists() {
		s.createFresh()
		s.until("a certificate to delete", s.disorder)
	}
	return &job{ask: s.deleteFresh, undone: s.freshLeft, what: "a deletion"}
}

// damage changes the Secret of "held" by hand. signs: what it takes to mend it.
func damage(signs int, change func(*scene, *corev1.Secret)) work {
	return func(s *scene) *job {
		return &job{
			ask:    func() { s.changeSecret("held", func(secret *corev1.Secret) { change(s, secret) }) },
			undone: func() string { return "" }, signs: signs, what: "the Secret is changed by hand",
		}
	}
}

// deleteSecret deletes the Secret of "held" by hand.
func deleteSecret(s *scene) *job {
	uid := s.secretOf("held").UID
	return &job{
		ask: func() { s.must(s.Client.Delete(s.Context(), s.secretOf("held"))) },
		undone: func() string {
			if now := s.secretOf("held").UID; now == "" || now == uid {
				return "there is no new Secret"
			}
			return ""
		},
		signs: 1, what: "the Secret is deleted by hand",
	}
}

const freshHost = "fresh." + domain

func (s *scene) freshExists() bool {
	return s.exists(&v1alpha1.ApisixCertificate{}, namespace, fresh)
}

func (s *scene) createFresh() {
	s.Helper()
	s.must(s.Client.Create(s.Context(), &v1alpha1.ApisixCertificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fresh},
		Spec: v1alpha1.ApisixCertificateSpec{
			SecretName: fresh + "-tls", IssuerRef: v1alpha1.IssuerReference{Name: "vault"}, DNSNames: []string{freshHost},
		},
	}))
}

func (s *scene) deleteFresh() {
	s.Helper()
	s.prober.remove(freshHost)
	s.must(s.Client.Delete(s.Context(), &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fresh}}))
}

// freshLeft says what is left of a deleted certificate.
func (s *scene) freshLeft() string {
	switch {
	case s.freshExists():
		return "the ApisixCertificate is there"
	case s.secretOf(fresh).UID != "":
		return "the Secret is there"
	}
	if _, _, err := shown(s.StandIn.TLSAddr(), freshHost); err == nil {
		return "its host is still served"
	}
	return ""
}

// revive starts a controller after the last one has died.
func (s *scene) revive() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.ExpireLease(ctx); err != nil {
		return err
	}
	return s.startController(ctx)
}
