// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate/controllertest"
)

const (
	first   = "patch ApisixCertificate, try Secret, sign, create Secret, PUT ssl, update status"
	renewal = "sign, update Secret, PUT ssl, update status"
)

// TestFirstSteps: whether it can be stored is asked before the signature, and the status comes last, once.
func TestFirstSteps(t *testing.T) {
	s := controllertest.New(t)
	s.Create("web")
	s.Run()
	steps(t, s, first)
	inOrder(t, s, "web")
}

// TestSteps: what each change to a certificate at rest costs.
func TestSteps(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(*scene)
		want string
	}{
		{"nothing, for an hour", func(s *scene) { s.Advance(time.Hour) }, ""},
		{"nothing, for a day in which all runs are made", func(s *scene) { s.Pass(day) }, ""},
		{"a restart", func(s *scene) { s.Restart() }, ""},
		{"renewal", func(s *scene) { s.Advance(70 * day) }, renewal},
		{"renewal by a controller that starts", func(s *scene) { s.Clock.Step(70 * day); s.Restart() }, renewal},
		{"renewal after its end", func(s *scene) { s.Advance(100 * day) }, "update status, " + renewal},
		{"renewal by hand", func(s *scene) {
			s.Clock.Step(time.Minute)
			s.Annotate("web", v1alpha1.AnnotationRenewAt, s.Clock.Now().Format(time.RFC3339))
		}, renewal},
		{"another name", func(s *scene) {
			s.Edit("web", func(c *cert) { c.Spec.DNSNames = append(c.Spec.DNSNames, "www.example") })
		}, renewal},
		{"a template", func(s *scene) {
			s.Edit("web", func(c *cert) { c.Spec.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]string{"a": "b"}} })
		}, "update Secret, update status"},
		{"a further form", func(s *scene) {
			s.Edit("web", func(c *cert) { c.Spec.AdditionalOutputFormats = []v1alpha1.OutputFormat{{Type: v1alpha1.OutputDER}} })
		}, "update Secret, update status"},
		{"Secret deleted", func(s *scene) { s.DeleteSecret("web-tls") }, "try Secret, sign, create Secret, PUT ssl, update status"},
		{"key damaged", func(s *scene) {
			s.WriteSecret("web-tls", "eve", func(secret *corev1.Secret) { secret.Data["tls.key"] = []byte("x") })
		}, renewal},
		{"marks taken off", func(s *scene) {
			s.WriteSecret("web-tls", "eve", func(secret *corev1.Secret) { secret.Labels, secret.Annotations = nil, nil })
		}, "update Secret"},
		{"a key of somebody else in the Secret", func(s *scene) {
			s.WriteSecret("web-tls", "eve", func(secret *corev1.Secret) { secret.Data["other"] = []byte("x") })
		}, ""},
		{"opted out", func(s *scene) { s.Annotate("web", v1alpha1.AnnotationSourceOptedOut, "its annotation is gone") }, "update status"},
		{"the source is at fault", func(s *scene) { s.Annotate("web", v1alpha1.AnnotationSourceProblem, "a bad host") }, "update status"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := issued(t)
			row.do(s)
			s.Run()
			steps(t, s, row.want)
			if plan := s.Plan("web"); plan != "" {
				t.Errorf("planning after a run gives %q", plan)
			}
		})
	}
}

// TestPlanAfterRunIsEmpty is the law, over many kinds of certificates, before and after a renewal.
func TestPlanAfterRunIsEmpty(t *testing.T) {
	spec := func(edit func(*v1alpha1.ApisixCertificateSpec)) func(*cert) { return func(c *cert) { edit(&c.Spec) } }
	for name, edit := range map[string]func(*cert){
		"plain":       func(*cert) {},
		"upper case":  spec(func(s *v1alpha1.ApisixCertificateSpec) { s.DNSNames = []string{"Web.Example"} }),
		"wildcard":    spec(func(s *v1alpha1.ApisixCertificateSpec) { s.DNSNames = []string{"web.example", "*.web.example"} }),
		"address":     spec(func(s *v1alpha1.ApisixCertificateSpec) { s.IPAddresses = []string{"2001:DB8::1"} }),
		"common name": spec(func(s *v1alpha1.ApisixCertificateSpec) { s.CommonName = "web.example" }),
		"RSA": spec(func(s *v1alpha1.ApisixCertificateSpec) {
			s.PrivateKey = &v1alpha1.PrivateKey{Algorithm: "RSA", Size: 2048, Encoding: "PKCS1"}
		}),
		"size alone": spec(func(s *v1alpha1.ApisixCertificateSpec) { s.PrivateKey = &v1alpha1.PrivateKey{Size: 384} }),
		"kept key": spec(func(s *v1alpha1.ApisixCertificateSpec) {
			s.PrivateKey = &v1alpha1.PrivateKey{RotationPolicy: v1alpha1.RotationNever}
		}),
		"template": spec(func(s *v1alpha1.ApisixCertificateSpec) {
			s.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"}}
		}),
		"further forms": spec(func(s *v1alpha1.ApisixCertificateSpec) {
			s.AdditionalOutputFormats = []v1alpha1.OutputFormat{{Type: v1alpha1.OutputDER}, {Type: v1alpha1.OutputCombinedPEM}}
		}),
		"revoked on replace": spec(func(s *v1alpha1.ApisixCertificateSpec) { s.RevocationPolicy = v1alpha1.RevokeOnReplace }),
		"key at the gateway": spec(func(s *v1alpha1.ApisixCertificateSpec) { s.KeyStorage = v1alpha1.KeyAtGateway }),
		"asked by hand":      func(c *cert) { c.Annotations = map[string]string{v1alpha1.AnnotationRenewAt: "2025-01-01T00:00:00Z"} },
	} {
		t.Run(name, func(t *testing.T) {
			s := issued(t, edit)
			s.Advance(70 * day)
			inOrder(t, s, "web")
			s.Steps()
			s.Restart()
			s.Run()
			steps(t, s, "")
			if s.Signed() != 2 {
				t.Errorf("%d signatures", s.Signed())
			}
		})
	}
}

// TestNoGateway: the Secret is all there is to do.
func TestNoGateway(t *testing.T) {
	s := controllertest.New(t, func(s *scene) { s.NoGateway = true })
	s.Create("web")
	s.Run()
	steps(t, s, "patch ApisixCertificate, try Secret, sign, create Secret, update status")
	inOrder(t, s, "web")
}

// TestOptedOut: a certificate whose source has opted out is kept, says so, and is renewed.
func TestOptedOut(t *testing.T) {
	s := issued(t)
	s.Annotate("web", v1alpha1.AnnotationSourceOptedOut, "ApisixTls web has lost its annotation")
	s.Run()
	s.Steps()
	s.Advance(70 * day)
	steps(t, s, renewal)
	if got := s.Ready("web"); got != "True SourceOptedOut" {
		t.Errorf("Ready is %s", got)
	}
	if s.Served("web.example") == nil {
		t.Error("it is not served any more")
	}
}

// TestStaleCache: a cache that is behind costs no second signature.
func TestStaleCache(t *testing.T) {
	s := issued(t)
	s.Freeze()
	s.Advance(70 * day)
	s.Pass(10 * time.Minute)
	steps(t, s, renewal)
	if s.Signed() != 2 {
		t.Errorf("%d signatures", s.Signed())
	}
	s.Thaw()
	s.Run()
	inOrder(t, s, "web")
}

// TestSecretThatTheCacheLacks: a Secret that somebody has just made is found by the dry run, and looked at again: that is no failure, and
// nothing is signed.
func TestSecretThatTheCacheLacks(t *testing.T) {
	s := controllertest.New(t)
	s.Freeze()
	s.WriteSecret("web-tls", "somebody", func(secret *corev1.Secret) { secret.Data = map[string][]byte{"tls.crt": []byte("theirs")} })
	s.Create("web")
	s.Run()
	if s.Signed() > 0 || s.Ready("web") != "False SecretNotManaged" || s.Cert("web").Status.FailedAttempts > 0 {
		t.Errorf("%d signatures, Ready %s, %d failed attempts", s.Signed(), s.Ready("web"), s.Cert("web").Status.FailedAttempts)
	}
	s.Thaw()
	s.DeleteSecret("web-tls")
	s.Run()
	inOrder(t, s, "web")
}
