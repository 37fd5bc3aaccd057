// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// plans is what to do so that the ApisixCertificates of one source are as it wants.
type plans struct {
	create []v1alpha1.ApisixCertificate
	patch  []change
	delete []v1alpha1.ApisixCertificate
	keep   []v1alpha1.ApisixCertificate
	// problems and notes are for the source's reader.
	problems, notes []string
}

type change struct{ from, to v1alpha1.ApisixCertificate }

// empty tells whether there is nothing to write.
func (p plans) empty() bool { return len(p.create)+len(p.patch)+len(p.delete) == 0 }

// plan compares the certificates that the source self wants with those there are.
func plan(self metav1.OwnerReference, want wants, have []v1alpha1.ApisixCertificate) plans {
	p := plans{problems: want.problems, notes: want.notes}
	byName := map[string]v1alpha1.ApisixCertificate{}
	for _, cert := range have {
		byName[cert.Name] = cert
	}
	wanted := map[string]bool{}
	for _, cert := range want.certificates {
		wanted[cert.Name] = true
		if problem := cert.Annotations[v1alpha1.AnnotationSourceProblem]; problem != "" {
			p.problems = append(p.problems, problem)
		}
		if existing, ok := byName[cert.Name]; ok {
			p.meet(self, cert, existing)
			continue
		}
		if len(cert.Spec.DNSNames) == 0 { // none that could be a host: see its problem
			continue
		}
		cert.OwnerReferences = []metav1.OwnerReference{controlling(self)}
		cert.Finalizers = []string{v1alpha1.Finalizer} // here it costs no write of its own
		p.create = append(p.create, cert)
	}
	for _, cert := range have {
		if !wanted[cert.Name] {
			p.leave(self, cert)
		}
	}
	return p
}

// meet plans for a wanted certificate of whose name there is one already.
func (p *plans) meet(self metav1.OwnerReference, want, existing v1alpha1.ApisixCertificate) {
	controller := metav1.GetControllerOf(&existing)
	switch {
	case controller != nil && controller.UID == self.UID,
		controller == nil && references(existing, self.UID):
		p.bring(self, want, existing)
	case len(want.Spec.DNSNames) == 0: // none that could be a host: see its problem
	case !covers(existing.Spec.DNSNames, want.Spec.DNSNames):
		p.problems = append(p.problems, fmt.Sprintf(
			"Secret %s is kept by ApisixCertificate %s of %s, which lacks a host of this object: name another Secret here, or add the hosts there",
			want.Spec.SecretName, existing.Name, ownerText(controller)))
	case controller == nil || references(existing, self.UID):
		p.keep = append(p.keep, existing)
	default:
		// Shared: the certificate outlives its first owner, who alone decides the spec.
		to := *existing.DeepCopy()
		to.OwnerReferences = append(to.OwnerReferences, self)
		p.patch = append(p.patch, change{existing, to})
	}
}

// bring plans the change of a certificate that the source controls. While the source has a problem, the last good spec
// stays: a slip in an annotation must not stop the renewal of what works.
func (p *plans) bring(self metav1.OwnerReference, want, existing v1alpha1.ApisixCertificate) {
	to := *existing.DeepCopy()
	if want.Annotations[v1alpha1.AnnotationSourceProblem] == "" {
		to.Spec = want.Spec
		if !want.Spec.Push { // with which the API server refuses it
			to.Spec.SecretRetention = existing.Spec.SecretRetention
		}
	}
	for _, key := range []string{v1alpha1.AnnotationSourceProblem, v1alpha1.AnnotationAdoptSecret} {
		delete(to.Annotations, key)
	}
	for key, value := range want.Annotations {
		metav1.SetMetaDataAnnotation(&to.ObjectMeta, key, value)
	}
	for i := range to.OwnerReferences { // in its place: another order would be another write
		if to.OwnerReferences[i].UID == self.UID {
			to.OwnerReferences[i] = controlling(self)
		}
	}
	if equality.Semantic.DeepEqual(existing, to) {
		p.keep = append(p.keep, existing)
		return
	}
	p.patch = append(p.patch, change{existing, to})
}

// leave plans for a certificate that the source does not want, or no longer.
func (p *plans) leave(self metav1.OwnerReference, cert v1alpha1.ApisixCertificate) {
	if !references(cert, self.UID) {
		return
	}
	if len(cert.OwnerReferences) == 1 {
		if cert.DeletionTimestamp.IsZero() {
			p.delete = append(p.delete, cert)
		}
		return
	}
	to := *cert.DeepCopy()
	to.OwnerReferences = slices.DeleteFunc(to.OwnerReferences, func(ref metav1.OwnerReference) bool { return ref.UID == self.UID })
	p.patch = append(p.patch, change{cert, to})
}

// yield drops the hosts that certificates of other sources of the namespace cover: ingress controllers refuse one host
// with two certificates. Between two that yield, the older certificate stays.
func yield(want wants, object client.Object, have []v1alpha1.ApisixCertificate) wants {
	kept := want.certificates[:0:0]
	for _, cert := range want.certificates {
		var hosts []string
		for _, host := range cert.Spec.DNSNames {
			other := coveredBy(host, cert.Name, object.GetUID(), have)
			if other == "" {
				hosts = append(hosts, host)
				continue
			}
			want.notes = append(want.notes, fmt.Sprintf("host %s is covered by ApisixCertificate %s", host, other))
		}
		if len(hosts) > 0 || len(cert.Spec.DNSNames) == 0 {
			cert.Spec.DNSNames = hosts
			kept = append(kept, cert)
		}
	}
	want.certificates = kept
	return want
}

// coveredBy names the certificate among have that a certificate called name, of the source uid, yields host to.
func coveredBy(host, name string, uid types.UID, have []v1alpha1.ApisixCertificate) string {
	var own *v1alpha1.ApisixCertificate
	for i := range have {
		if controller := metav1.GetControllerOf(&have[i]); have[i].Name == name && controller != nil && controller.UID == uid {
			own = &have[i]
		}
	}
	for i := range have {
		other := &have[i]
		if other.Name == name || !other.DeletionTimestamp.IsZero() || !covers(other.Spec.DNSNames, []string{host}) {
			continue
		}
		controller := metav1.GetControllerOf(other)
		if controller == nil || controller.Kind != kindRoute || own == nil || v1alpha1.Older(other, own) {
			return other.Name
		}
	}
	return ""
}

// covers tells whether names match every one of hosts.
func covers(names, hosts []string) bool {
	for _, host := range hosts {
		if !slices.ContainsFunc(names, func(name string) bool { return name == host || certs.MatchHost(name, host) }) {
			return false
		}
	}
	return true
}

func references(cert v1alpha1.ApisixCertificate, uid types.UID) bool {
	return slices.ContainsFunc(cert.OwnerReferences, func(ref metav1.OwnerReference) bool { return ref.UID == uid })
}

func controlling(ref metav1.OwnerReference) metav1.OwnerReference {
	ref.Controller = ptr.To(true)
	return ref
}

func ownerText(ref *metav1.OwnerReference) string {
	if ref == nil {
		return "its own"
	}
	return strings.TrimSpace(ref.Kind + " " + ref.Name)
}
