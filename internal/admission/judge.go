// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/policy"
)

// judge evaluates policies for the claims from the cache.
type judge struct {
	r   *Reviewer
	ctx context.Context
	err error
	// rules caches the policies per namespace: a certificate may have a thousand hosts that others request too.
	rules map[string]rules
}

type rules struct {
	policies *policy.Set
	labels   map[string]string
	gone     bool
}

func (j *judge) Admitted(key types.NamespacedName) bool {
	cert := &v1alpha1.ApisixCertificate{}
	err := j.r.Reader.Get(j.ctx, key, cert, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	if err != nil {
		j.fail(client.IgnoreNotFound(err))
		return false
	}
	admitted, err := j.r.admitted(j.ctx, cert)
	j.fail(err)
	return admitted
}

func (j *judge) AllowsName(namespace, name string) bool {
	of, known := j.rules[namespace]
	if !known {
		policies, labels, err := j.r.policySet(j.ctx, namespace)
		if client.IgnoreNotFound(err) != nil {
			j.fail(err)
			return true
		}
		of = rules{policies, labels, err != nil}
		if j.rules == nil {
			j.rules = map[string]rules{}
		}
		j.rules[namespace] = of
	}
	return !of.gone && of.policies.AllowsName(of.labels, name) // a deleted namespace keeps no name
}

func (j *judge) fail(err error) {
	if err != nil && j.err == nil {
		j.err = err
	}
}

// admitted reports whether nothing forbids the certificate.
func (r *Reviewer) admitted(ctx context.Context, cert *v1alpha1.ApisixCertificate) (bool, error) {
	if len(r.claimants.check(cert).problems) > 0 {
		return false, nil
	}
	if !certspec.SameNamespace(cert) {
		if granted, err := r.grantedToAny(ctx, cert.Namespace, certspec.SecretNamespace(cert), cert.Spec.SecretName); !granted || err != nil {
			return false, err
		}
	}
	if refused, err := r.checkGateway(ctx, cert); refused != nil || err != nil {
		return false, err
	}
	verdict, err := r.verdict(ctx, cert)
	return verdict.Denied == "" && verdict.Settle(cert.Status.Approval, digestFor(verdict, cert)) == policy.Settled, err
}

// digestFor returns the digest to approve, or an empty string if no approval is needed: the digest of a thousand names costs
// as much as the rest of a verdict.
func digestFor(verdict policy.Verdict, cert *v1alpha1.ApisixCertificate) string {
	if len(verdict.Manual) == 0 {
		return ""
	}
	return policy.Digest(cert)
}

func (r *Reviewer) verdict(ctx context.Context, cert *v1alpha1.ApisixCertificate) (policy.Verdict, error) {
	policies, labels, err := r.policySet(ctx, cert.Namespace)
	if err != nil {
		return policy.Verdict{}, err
	}
	older := func() int {
		var list v1alpha1.ApisixCertificateList
		if err = r.Reader.List(ctx, &list, client.InNamespace(cert.Namespace), client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			return 0
		}
		n := 0
		for i := range list.Items {
			if v1alpha1.Older(&list.Items[i], cert) {
				n++
			}
		}
		return n
	}
	verdict := policies.Evaluate(policy.Request{Namespace: cert.Namespace, Labels: labels, Spec: &cert.Spec, Older: older})
	return verdict, err
}

// policySet returns all policies, and the labels of a namespace if there are any policies. The list waits until the cache is
// synced, so that policies that are not read yet are not mistaken for none. A namespace that is not read yet is an error,
// because it would be mistaken for one without labels.
func (r *Reviewer) policySet(ctx context.Context, namespace string) (*policy.Set, map[string]string, error) {
	var list v1alpha1.CertificatePolicyList
	if err := r.Reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, err
	}
	set := r.policies.Of(list.Items, r.RequirePolicy)
	if len(list.Items) == 0 {
		return set, nil, nil
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := r.Reader.Get(ctx, client.ObjectKey{Name: namespace}, object)
	return set, object.Labels, err
}
