// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// claim is what counts of one certificate where several name a host or a Secret.
type claim struct {
	cert *v1alpha1.ApisixCertificate
	// holds: it has the thing already. may: nothing forbids it to have it.
	holds, may bool
}

// beats tells whether a has it before b: who holds it keeps it, whatever an older object is changed to; of those who do
// not, who may have it; then the older one. So two that fight settle on one, and stay there.
func (a claim) beats(b claim) bool {
	switch {
	case a.holds != b.holds:
		return a.holds
	case a.may != b.may:
		return a.may
	}
	return v1alpha1.Older(a.cert, b.cert)
}

// observeOwners finds the ApisixCertificates that have the Secret, or a host of this one, before it. In another namespace
// a wildcard and a host below it are taken for the same; within one they stand side by side.
func (r *Reconciler) observeOwners(ctx context.Context, o *observed) error {
	if err := r.observeSecretOwner(ctx, o); err != nil {
		return err
	}
	for _, host := range o.spec.DNSNames {
		before, err := r.hostOwners(ctx, o, host)
		if err != nil {
			return err
		}
		if len(before) == 0 {
			o.hosts = append(o.hosts, host)
		}
		for _, other := range before {
			if other.Namespace != o.cert.Namespace && o.conflict == "" {
				o.conflict = fmt.Sprintf("spec.dnsNames: host %s belongs to ApisixCertificate %s in namespace %s, which has it already or is older: remove it here or there",
					host, other.Name, other.Namespace)
			}
		}
	}
	return nil
}

// hostOwners are the certificates that have the host, or one that it overlaps with, before o's, by namespace and name.
func (r *Reconciler) hostOwners(ctx context.Context, o *observed, host string) ([]*v1alpha1.ApisixCertificate, error) {
	rivals, err := r.under(ctx, o.cert, overlapKeys(host))
	if err != nil || len(rivals) == 0 {
		return nil, err
	}
	ours := claim{cert: o.cert, may: o.allowed()}
	if ours.holds, err = r.holdsHost(ctx, o.cert, host); err != nil {
		return nil, err
	}
	var before []*v1alpha1.ApisixCertificate
	for _, rival := range rivals {
		if rival.Namespace == o.cert.Namespace && !slices.Contains(specOf(rival).DNSNames, host) {
			continue
		}
		theirs, err := r.hostClaim(ctx, rival, host)
		if err != nil {
			return nil, err
		}
		if theirs.beats(ours) {
			before = append(before, rival)
		}
	}
	return before, nil
}

// allowed tells whether nothing forbids the certificate.
func (o *observed) allowed() bool { return o.refused == nil && len(Problems(o.cert)) == 0 }

// owned are the hosts that the certificate has from now on: what nobody has before it, and as long as it is not allowed,
// only what it had already.
func (o *observed) owned() []string {
	hosts := slices.Clone(o.hosts)
	if !o.allowed() {
		hosts = slices.DeleteFunc(hosts, func(host string) bool { return !slices.Contains(o.cert.Status.OwnedHosts, host) })
	}
	return hosts
}

func (r *Reconciler) hostClaim(ctx context.Context, cert *v1alpha1.ApisixCertificate, host string) (c claim, err error) {
	c.cert = cert
	if c.holds, err = r.holdsHost(ctx, cert, host); err == nil {
		c.may, err = r.admitted(ctx, cert)
	}
	return c, err
}

// holdsHost tells whether the certificate has the host, or one that overlaps with it, by its status. It has none that its
// spec does not name any longer, or that no policy leaves to its namespace.
func (r *Reconciler) holdsHost(ctx context.Context, cert *v1alpha1.ApisixCertificate, host string) (bool, error) {
	named := specOf(cert).DNSNames
	for _, owned := range cert.Status.OwnedHosts {
		if !overlap(owned, host) || !slices.Contains(named, owned) {
			continue
		}
		if ok, err := r.allowsName(ctx, cert.Namespace, owned); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// observeSecretOwner finds the ApisixCertificate that has the Secret before this one.
func (r *Reconciler) observeSecretOwner(ctx context.Context, o *observed) error {
	rivals, err := r.under(ctx, o.cert, map[string][]string{indexSecret: secretKeys(o.cert)})
	if err != nil || len(rivals) == 0 {
		return err
	}
	ours, err := r.secretClaim(ctx, o, o.cert)
	if err != nil {
		return err
	}
	for _, rival := range rivals {
		theirs, err := r.secretClaim(ctx, o, rival)
		if err != nil {
			return err
		}
		if theirs.beats(ours) {
			o.conflict = fmt.Sprintf("spec.secretName: Secret %s belongs to ApisixCertificate %s, which has it already or is older: name another Secret",
				o.secretText(), nameOnSecret(rival))
			return nil
		}
	}
	return nil
}

// secretClaim is the claim of a certificate to o's Secret. One of another namespace has it by a grant alone.
func (r *Reconciler) secretClaim(ctx context.Context, o *observed, cert *v1alpha1.ApisixCertificate) (c claim, err error) {
	c.cert, c.may = cert, true
	if !atHome(cert) {
		c.may, err = r.Granted(ctx, cert.Namespace, cert.Spec.SecretNamespace, cert.Spec.SecretName)
	}
	c.holds = c.may && o.holdsSecret(cert)
	return c, err
}

// holdsSecret tells whether the Secret was made for the certificate.
func (o *observed) holdsSecret(cert *v1alpha1.ApisixCertificate) bool {
	return o.secret != nil && (o.secret.Annotations[v1alpha1.AnnotationCertificate] == nameOnSecret(cert) || stripped(o.secret, cert))
}

// stripped tells whether somebody took the marks off a Secret that was made for the certificate: it says nothing of whose
// it is, and holds the very certificate that the status tells of.
func stripped(secret *corev1.Secret, cert *v1alpha1.ApisixCertificate) bool {
	return secret.Annotations[v1alpha1.AnnotationCertificate] == "" && !cert.Spec.Push && current(secret, cert)
}

// undated tells whether the Secret does not say any more when the certificate in it, that of the status, was issued.
func undated(secret *corev1.Secret, cert *v1alpha1.ApisixCertificate) bool {
	return secret.Annotations[v1alpha1.AnnotationIssuedAt] == "" && current(secret, cert)
}

// current tells whether the Secret holds the certificate that the status tells of.
func current(secret *corev1.Secret, cert *v1alpha1.ApisixCertificate) bool {
	if cert.Status.Fingerprint == "" {
		return false
	}
	chain, err := certs.ParseCertificates(secret.Data[corev1.TLSCertKey])
	return err == nil && len(chain) > 0 && certs.Fingerprint(chain[0]) == cert.Status.Fingerprint
}

// under lists the other ApisixCertificates under keys of indexes that are not being deleted, by namespace and name.
func (r *Reconciler) under(ctx context.Context, cert *v1alpha1.ApisixCertificate, keys map[string][]string) ([]*v1alpha1.ApisixCertificate, error) {
	var found []*v1alpha1.ApisixCertificate
	for index, values := range keys {
		for _, value := range values {
			var list v1alpha1.ApisixCertificateList
			if err := r.List(ctx, &list, client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
				return nil, err
			}
			for i := range list.Items {
				if other := &list.Items[i]; other.UID != cert.UID && other.DeletionTimestamp.IsZero() {
					found = append(found, other)
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b *v1alpha1.ApisixCertificate) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return slices.CompactFunc(found, func(a, b *v1alpha1.ApisixCertificate) bool { return a.UID == b.UID }), nil
}

// overlap tells whether two hosts are the same, or one a wildcard that the other is below.
func overlap(a, b string) bool { return certs.MatchHost(a, b) || certs.MatchHost(b, a) }

// hostKeys are the hosts of a certificate, wildcards among them.
func hostKeys(object client.Object) []string {
	var keys []string
	for _, host := range object.(*v1alpha1.ApisixCertificate).Spec.DNSNames {
		keys = append(keys, certs.NormalizeHost(host))
	}
	return keys
}

// parentKeys are the domains that the hosts of a certificate, but for wildcards, are one label below.
func parentKeys(object client.Object) []string {
	var keys []string
	for _, host := range hostKeys(object) {
		if label, parent, found := strings.Cut(host, "."); found && label != "*" {
			keys = append(keys, parent)
		}
	}
	return keys
}

// overlapKeys are the keys, by index, of all that overlaps with a host.
func overlapKeys(host string) map[string][]string {
	label, parent, found := strings.Cut(host, ".")
	switch {
	case !found:
		return map[string][]string{indexHost: {host}}
	case label == "*":
		return map[string][]string{indexHost: {host}, indexParent: {parent}}
	}
	return map[string][]string{indexHost: {host, "*." + parent}}
}

// rivalKeys find the certificates that share a host or the Secret: when one goes, the next owns them.
func rivalKeys(object client.Object) map[string][]string {
	keys := map[string][]string{indexSecret: secretKeys(object)}
	for _, host := range hostKeys(object) {
		for index, values := range overlapKeys(host) {
			keys[index] = append(keys[index], values...)
		}
	}
	return keys
}

// secretNamespace is the namespace of the certificate's Secret.
func secretNamespace(cert *v1alpha1.ApisixCertificate) string {
	if ns := cert.Spec.SecretNamespace; ns != "" {
		return ns
	}
	return cert.Namespace
}

// atHome tells whether the Secret is in the certificate's namespace.
func atHome(cert *v1alpha1.ApisixCertificate) bool { return secretNamespace(cert) == cert.Namespace }

// nameOnSecret is how a Secret tells whose it is: by name, with the namespace where that is another than the Secret's.
func nameOnSecret(cert *v1alpha1.ApisixCertificate) string {
	if atHome(cert) {
		return cert.Name
	}
	return cert.Namespace + "/" + cert.Name
}

func secretKeys(object client.Object) []string {
	cert := object.(*v1alpha1.ApisixCertificate)
	return []string{secretNamespace(cert) + "/" + cert.Spec.SecretName}
}
