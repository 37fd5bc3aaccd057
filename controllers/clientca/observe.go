// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/finding"
)

const kindTLS = "ApisixTls"

// Indexes.
const (
	indexCASecret = "clientCASecret" // ApisixTlses by their client CA Secret, NAMESPACE/NAME
	indexIssuer   = "issuerOfLeaf"   // Secrets of certificates by the issuer, KIND/NAMESPACE/NAME
)

func caSecretKeys(object client.Object) []string {
	tls, ok := object.(*configv2.ApisixTls)
	if !ok {
		return nil
	}
	key := caSecret(tls)
	if key.Name == "" {
		return nil
	}
	return []string{key.String()}
}

func issuerKeys(object client.Object) []string {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return nil
	}
	key, ok := issuerOf(secret)
	if !ok {
		return nil
	}
	return []string{keyText(key)}
}

func keyText(key issuer.Key) string { return key.Kind + "/" + key.Namespace + "/" + key.Name }

// observe reads the input of a plan for a Secret. With live, the Secret and the objects that refer to it are read from the API
// server.
func (r *reconciler) observe(ctx context.Context, live bool, place types.NamespacedName) (snapshot, error) {
	s := snapshot{place: place}
	var err error
	if s.secret, err = r.secret(ctx, live, place); err != nil {
		return s, err
	}
	if s.referrers, err = r.referrers(ctx, live, place); err != nil {
		return s, err
	}
	s.idleSince = r.idle(place, s.secret != nil && len(s.referrers) == 0)
	if s.wanted = wantedBy(s.referrers, s.secret); s.wanted == nil {
		r.depend(place, nil)
		return s, nil
	}
	key := keyOf(place.Namespace, *s.wanted)
	r.depend(place, &key)
	if s.current, s.obstacle, err = r.current(ctx, place.Namespace, *s.wanted); err != nil {
		return s, err
	}
	s.had = r.had(key, s.secret)
	if len(s.current) == 0 || !slices.ContainsFunc(s.had, func(f former) bool { return !slices.ContainsFunc(s.current, f.cert.Equal) }) {
		return s, nil
	}
	return s, r.addEnds(ctx, key, &s)
}

// secret reads a Secret. It returns nil if there is none. A Secret that is not in the cache may be unmanaged.
func (r *reconciler) secret(ctx context.Context, live bool, place types.NamespacedName) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	if !live {
		switch err := r.Get(ctx, place, secret); {
		case err == nil:
			return secret, nil
		case client.IgnoreNotFound(err) != nil:
			return nil, err
		case r.noSecret(place):
			return nil, nil
		}
	}
	if err := r.live.Get(ctx, place, secret); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return secret, nil
}

// referrers returns the ApisixTlses that verify clients with a Secret, oldest first. It ignores the annotation of those of
// another ingress class.
func (r *reconciler) referrers(ctx context.Context, live bool, place types.NamespacedName) ([]*configv2.ApisixTls, error) {
	var list configv2.ApisixTlsList
	from, in := r.live, []client.ListOption{client.InNamespace(place.Namespace)}
	if !live {
		from, in = r.Reader, append(in, client.MatchingFields{indexCASecret: place.String()}, client.DisableReadYourWritesConsistency)
	}
	if err := from.List(ctx, &list, in...); err != nil && !meta.IsNoMatchError(err) {
		return nil, err
	}
	var all []*configv2.ApisixTls
	for i := range list.Items {
		tls := &list.Items[i]
		if caSecret(tls) != place {
			continue
		}
		if !r.watches(tls) {
			delete(tls.Annotations, v1alpha1.AnnotationClientCA)
		}
		all = append(all, tls)
	}
	slices.SortFunc(all, func(a, b *configv2.ApisixTls) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// current returns the CAs of an issuer. They are nil if there is an obstacle, and until the issuer was checked.
func (r *reconciler) current(ctx context.Context, namespace string, ref v1alpha1.IssuerReference) ([]*x509.Certificate, *finding.Finding, error) {
	const field = "annotation " + v1alpha1.AnnotationClientCA + ": "
	found, err := r.issuers.Find(ctx, namespace, ref)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", ref, err)
	}
	if found == nil {
		where := " in namespace " + namespace
		if ref.ClusterWide() {
			where = ""
		}
		return nil, finding.New(v1alpha1.ReasonIssuerNotFound, field+"%s does not exist%s: create it, or name another", ref, where), nil
	}
	if issuer.ByRequest(found) {
		return nil, finding.New(v1alpha1.ReasonInvalidSource, field+"%s is not of type vault, so its CA is unknown: name an issuer of type vault", ref), nil
	}
	o := r.issuers.Observation(found)
	if len(o.CAs) > 0 {
		r.seen.watch(issuer.KeyOf(found), o.CAs)
		return o.CAs, nil, nil
	}
	if ready := meta.FindStatusCondition(found.IssuerStatus().Conditions, v1alpha1.ConditionReady); ready != nil && ready.Status == metav1.ConditionFalse {
		return nil, finding.New(v1alpha1.ReasonIssuerNotReady, field+"%s is not ready, see its conditions: %s", ref, ready.Message), nil
	}
	if o.Ready {
		return nil, finding.New(v1alpha1.ReasonIssuerNotReady, field+"the CA of %s is unknown: allow its Vault policy to read the role and the issuers of the mount", ref), nil
	}
	return nil, nil, nil
}

// had returns the CAs of an issuer that the Secret contains, with what was seen of them. Deleting the Secret clears them, so a
// user can force a CA to be removed.
func (r *reconciler) had(key issuer.Key, secret *corev1.Secret) []former {
	if secret == nil || keyOf(secret.Namespace, v1alpha1.ParseIssuer(secret.Annotations[v1alpha1.AnnotationClientCAIssuer])) != key {
		return nil // of another issuer, which no longer verifies clients
	}
	seen := r.seen.of(key)
	had := heldBy(secret, seen)
	for _, f := range seen {
		if i := slices.IndexFunc(had, func(h former) bool { return h.cert.Equal(f.cert) }); i >= 0 {
			had[i].watched, had[i].lastEnd = true, f.lastEnd
		}
	}
	return had
}

// addEnds adds the expiry of the certificates that the former CAs of the issuer signed.
func (r *reconciler) addEnds(ctx context.Context, key issuer.Key, s *snapshot) error {
	var list corev1.SecretList
	err := r.List(ctx, &list, client.MatchingFields{indexIssuer: keyText(key)}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	if err != nil {
		return fmt.Errorf("list Secrets of certificates: %w", err)
	}
	var leaves []*x509.Certificate
	for i := range list.Items {
		if _, leaf := leafOf(&list.Items[i]); leaf != nil {
			leaves = append(leaves, leaf)
		}
	}
	slices.SortFunc(leaves, func(a, b *x509.Certificate) int { return b.NotAfter.Compare(a.NotAfter) }) // to verify few signatures
	for i := range s.had {
		for _, leaf := range leaves {
			s.had[i].count(leaf)
		}
	}
	slices.SortStableFunc(s.had, func(a, b former) int { // seen returns them in random order
		return cmp.Compare(certs.Fingerprint(a.cert), certs.Fingerprint(b.cert))
	})
	s.longest = longest(leaves)
	return nil
}

// idle returns since when nothing refers to a Secret, or zero if something does.
func (r *reconciler) idle(place types.NamespacedName, is bool) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !is {
		delete(r.idleSince, place)
		return time.Time{}
	}
	if r.idleSince == nil {
		r.idleSince = map[types.NamespacedName]time.Time{}
	}
	if _, known := r.idleSince[place]; !known {
		r.idleSince[place] = r.clock.Now()
	}
	return r.idleSince[place]
}

// depend records which issuer a Secret depends on, or none if key is nil.
func (r *reconciler) depend(place types.NamespacedName, key *issuer.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if key == nil {
		delete(r.dependsOn, place)
		return
	}
	if r.dependsOn == nil {
		r.dependsOn = map[types.NamespacedName]issuer.Key{}
	}
	r.dependsOn[place] = *key
}

// dependents returns the Secrets that depend on an issuer.
func (r *reconciler) dependents(key issuer.Key) []types.NamespacedName {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []types.NamespacedName
	for place, its := range r.dependsOn {
		if its == key {
			all = append(all, place)
		}
	}
	return all
}
