// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/references"
)

const (
	// endGrace is how long after its deletion an ingress controller is given to drop its own ssl object. The Secret stays
	// until then: a 1.8 controller that finds it gone never drops the object.
	endGrace = 10 * time.Second
	// usesGrace is how long after its deletion an ApisixTls or Ingress that uses the Secret may go too: garbage collection
	// ends what it owns one after the other. One that is still there then stays, and keeps the ingress controller's object.
	usesGrace = 3 * time.Second
	// cleanupLimit is how long a clean-up may fail before the object goes without it.
	cleanupLimit = time.Hour
)

// Deletion is what becomes of a certificate that is deleted.
type Deletion struct {
	// Wait: the objects that use the Secret may go too, and are waited for.
	Wait time.Duration
	// Overdue: the ingress controller has had its time to drop its ssl objects. Abandon: a clean-up that fails is given up.
	Overdue, Abandon bool
	Secret           authority.Ending

	// Permit is for the Secret, where it is deleted or released. Target is what the gateways had.
	Permit authority.DeletePermit
	Target gateway.Target
}

// ForDeletion plans the end. It is pure.
func ForDeletion(s *Snapshot, now time.Time) Deletion {
	cert := s.Cert
	age := now.Sub(cert.DeletionTimestamp.Time)
	p := Deletion{
		Overdue: age > endGrace,
		Abandon: age > cleanupLimit || cert.Annotations[v1alpha1.AnnotationSkipCleanup] == "true",
		Target:  s.TargetOf(decide(s).Bundle),
	}
	if len(s.References.Uses)+len(s.References.Clients) > 0 && age < usesGrace {
		p.Wait = usesGrace - age
	}
	if s.Secret.Object != nil {
		p.Secret, p.Permit = s.Secret.Right.AtEnd(cert.Spec.SecretRetention == v1alpha1.SecretRetain)
	}
	p.Target.Hosts = slices.DeleteFunc(slices.Clone(s.Facts.Spec.DNSNames), func(host string) bool { return !slices.Contains(cert.Status.OwnedNames, host) })
	p.Target.FormerReferences = references.Former(s.References.Recorded(cert.Status.References))
	if p.Target.Fingerprint == "" { // the Secret went first, and an ingress controller may have kept what was in it
		p.Target.Fingerprint = cert.Status.Issued.Fingerprint
	}
	return p
}
