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
	// deletionGracePeriod is how long after the deletion an ingress controller may take to delete its own ssl object. The
	// Secret stays until then: a 1.8 controller that finds it missing never deletes the object.
	deletionGracePeriod = 10 * time.Second
	// referrerGracePeriod is how long after the deletion an ApisixTls or Ingress that uses the Secret may be deleted too:
	// garbage collection deletes dependents one after the other. One that still exists then stays, and so does the ingress
	// controller's object.
	referrerGracePeriod = 3 * time.Second
	// cleanupTimeout is how long cleanup may fail before the object is deleted without it.
	cleanupTimeout = time.Hour
)

// Deletion is the plan for a deleted certificate.
type Deletion struct {
	// Wait is how long to wait for objects that use the Secret and may be deleted too.
	Wait time.Duration
	// Overdue means that the ingress controller has had its time to delete its ssl objects. Abandon means that a failing
	// cleanup is given up.
	Overdue, Abandon bool
	Secret           authority.DeletionAction

	// Permit is for deleting or releasing the Secret. Target is what was pushed to the gateways.
	Permit authority.DeletePermit
	Target gateway.Target
}

// ForDeletion returns the plan for a deleted certificate. It is pure.
func ForDeletion(s *Snapshot, now time.Time) Deletion {
	cert := s.Cert
	age := now.Sub(cert.DeletionTimestamp.Time)
	p := Deletion{
		Overdue: age > deletionGracePeriod,
		Abandon: age > cleanupTimeout || cert.Annotations[v1alpha1.AnnotationSkipCleanup] == "true",
		Target:  s.TargetOf(decide(s).Bundle),
	}
	if len(s.References.Uses)+len(s.References.Clients) > 0 && age < referrerGracePeriod {
		p.Wait = referrerGracePeriod - age
	}
	if s.Secret.Object != nil {
		p.Secret, p.Permit = s.Secret.Right.OnDelete(cert.Spec.SecretRetention == v1alpha1.SecretRetain)
	}
	p.Target.Hosts = slices.DeleteFunc(slices.Clone(s.Facts.Spec.DNSNames), func(host string) bool { return !slices.Contains(cert.Status.OwnedNames, host) })
	p.Target.FormerReferences = references.Former(s.References.Recorded(cert.Status.References))
	if p.Target.Fingerprint == "" { // the Secret was deleted first, and an ingress controller may still have its content
		p.Target.Fingerprint = cert.Status.Issued.Fingerprint
	}
	return p
}
