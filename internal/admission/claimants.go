// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/certspec"
)

// claimants convert certificates for the index of claims. A spec is validated once: with a thousand names that costs as much
// as all the rest, and it is needed for every rival for a name.
type claimants struct {
	mu      sync.Mutex
	checked map[types.UID]checked
}

type checked struct {
	generation int64
	spec       certs.Spec
	requested  authority.Requested
	problems   []certs.FieldError
}

// of returns a certificate as the index of claims takes it.
func (c *claimants) of(cert *v1alpha1.ApisixCertificate) authority.Claimant {
	spec := c.check(cert)
	return authority.Claimant{
		UID: cert.UID, Key: client.ObjectKeyFromObject(cert), Created: cert.CreationTimestamp.Time,
		Names: spec.requested.Owned, Bare: spec.requested.Bare, Recorded: cert.Status.OwnedNames,
		Secret: certspec.SecretKey(cert),
		Valid:  len(spec.problems) == 0, Deleting: !cert.DeletionTimestamp.IsZero(),
	}
}

func (c *claimants) check(cert *v1alpha1.ApisixCertificate) checked {
	c.mu.Lock()
	known, ok := c.checked[cert.UID]
	c.mu.Unlock()
	if ok && known.generation == cert.Generation && cert.Generation > 0 {
		return known
	}
	spec := certspec.Of(cert)
	now := checked{cert.Generation, spec, authority.RequestedBy(spec), certspec.Problems(cert)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checked == nil {
		c.checked = map[types.UID]checked{}
	}
	c.checked[cert.UID] = now
	return now
}

func (c *claimants) forget(uid types.UID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.checked, uid)
}
