// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// restores are case 20: a namespace comes back from a backup.
var restores = []kase{
	reported("20", "the ApisixCertificate comes before its Ingress, and is collected", func(t *testing.T) {
		s, backup := lostNamespace(t)
		s.restores(backup)
		s.Create("web")
		s.Run()
		s.Delete("web") // by garbage collection: its owner is not there yet
		s.Run()
		s.Create("web")
		s.Run()
		s.kept(backup)
	}),
	reported("20", "while Vault refuses", func(t *testing.T) {
		s, backup := lostNamespace(t)
		s.Vault.Deny("pki/sign/web")
		s.restores(backup)
		s.Create("web")
		s.Run()
		s.Delete("web")
		s.Run()
		s.Create("web")
		s.Run()
		s.kept(backup)
	}),
	reported("20", "the Ingress comes first", func(t *testing.T) {
		s, backup := lostNamespace(t)
		s.restores(backup)
		s.Create("web")
		s.Run()
		s.kept(backup)
	}),
	neighbour("20", "it is collected before the controller has seen it", func(t *testing.T) {
		s, backup := lostNamespace(t)
		s.restores(backup)
		s.Create("web")
		s.Delete("web")
		s.Run()
		s.Create("web")
		s.Run()
		s.kept(backup)
	}),
	neighbour("20", "the controller starts in between", func(t *testing.T) {
		s, backup := lostNamespace(t)
		s.restores(backup)
		s.Create("web")
		s.Run()
		s.Restart()
		s.Delete("web")
		s.Restart()
		s.Run()
		s.Create("web")
		s.Run()
		s.kept(backup)
	}),
}

// lostNamespace had certificate web, and nothing is left of it but a backup of its Secret.
func lostNamespace(t *testing.T) (*scene, *corev1.Secret) {
	s := issued(t)
	backup := s.Secret("web-tls")
	s.Clock.Step(time.Hour)
	s.Delete("web")
	s.Run()
	if s.Cert("web") != nil || s.Secret("web-tls") != nil {
		t.Fatal("something is left")
	}
	s.Clock.Step(time.Hour)
	return s, backup
}

func (s *scene) restores(backup *corev1.Secret) {
	s.WriteSecret("web-tls", "velero", func(secret *corev1.Secret) {
		secret.Type, secret.Data, secret.Labels, secret.Annotations = backup.Type, backup.Data, backup.Labels, backup.Annotations
	})
}

// kept wants the pair of the backup, served, and no signature but its own.
func (s *scene) kept(backup *corev1.Secret) {
	s.t.Helper()
	s.signatures(1)
	s.ready("web")
	leaf := leafOf(s.t, backup.Data["tls.crt"])
	if now := s.Leaf("web-tls"); now == nil || !now.Equal(leaf) {
		s.t.Error("the Secret has another certificate than the backup")
	}
	s.shows("web.example", leaf)
	if issued := s.Cert("web").Status.Issued; issued.Fingerprint == "" {
		s.t.Errorf("the record is %+v", issued)
	}
}

// templates are case 21: what leaves the template leaves the Secret.
var templates = []kase{
	reported("21", "label and annotation leave the template", func(t *testing.T) {
		s := templated(t)
		s.Edit("web", func(c *cert) { c.Spec.SecretTemplate = nil })
		s.Run()
		secret := s.Secret("shop-tls")
		if _, ok := secret.Labels["copy"]; ok {
			t.Errorf("labels are %v", secret.Labels)
		}
		if _, ok := secret.Annotations[reflector]; ok {
			t.Errorf("annotations are %v", secret.Annotations)
		}
		s.signatures(1)
	}),
	neighbour("21", "the value of an annotation changes", func(t *testing.T) {
		s := templated(t)
		s.Edit("web", func(c *cert) { c.Spec.SecretTemplate.Annotations[reflector] = "false" })
		s.Run()
		if got := s.Secret("shop-tls").Annotations[reflector]; got != "false" {
			t.Errorf("it is %q", got)
		}
	}),
	neighbour("21", "what others have put there stays", func(t *testing.T) {
		s := templated(t)
		s.WriteSecret("shop-tls", "reflector", func(secret *corev1.Secret) { secret.Annotations["theirs"], secret.Labels["theirs"] = "x", "x" })
		s.Run()
		s.Edit("web", func(c *cert) { c.Spec.SecretTemplate = nil })
		s.Run()
		if secret := s.Secret("shop-tls"); secret.Annotations["theirs"] != "x" || secret.Labels["theirs"] != "x" || secret.Labels["copy"] != "" {
			t.Errorf("labels %v, annotations %v", secret.Labels, secret.Annotations)
		}
	}),
	neighbour("21", "it stays gone over a renewal", func(t *testing.T) {
		s := templated(t)
		s.Edit("web", func(c *cert) { c.Spec.SecretTemplate = nil })
		s.Run()
		s.Annotate("web", v1alpha1.AnnotationRenewAt, s.Clock.Now().Add(time.Minute).Format(time.RFC3339))
		s.Pass(2 * time.Minute)
		s.signatures(2)
		if secret := s.Secret("shop-tls"); secret.Labels["copy"] != "" || secret.Annotations[reflector] != "" {
			t.Errorf("labels %v, annotations %v", secret.Labels, secret.Annotations)
		}
	}),
}

const reflector = "reflector.v1.k8s.emberstack.com/reflection-allowed"

func templated(t *testing.T) *scene {
	s := issued(t, specOf(t, "21-1.yaml", "shop"))
	if secret := s.Secret("shop-tls"); secret.Labels["copy"] != "yes" || secret.Annotations[reflector] != "true" {
		t.Fatalf("labels %v, annotations %v", secret.Labels, secret.Annotations)
	}
	return s
}
