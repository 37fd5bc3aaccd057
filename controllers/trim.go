// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/source"
)

// trimmer makes objects small before a cache keeps them: it drops what nothing here reads, and lets objects share the
// texts that thousands of them have alike. Whoever writes such an object patches it, so that what was dropped stays.
type trimmer struct {
	mu     sync.Mutex
	texts  map[string]string
	bytes  map[string][]byte
	single map[[2]string]map[string]string // labels or annotations of one pair
}

func newTrimmer() *trimmer {
	return &trimmer{texts: map[string]string{}, bytes: map[string][]byte{}, single: map[[2]string]map[string]string{}}
}

// common are labels and annotations whose values are those of many objects.
var common = map[string]bool{
	v1alpha1.LabelManaged: true, v1alpha1.AnnotationIssuer: true, v1alpha1.AnnotationClusterIssuer: true,
	v1alpha1.AnnotationIssuedBy: true, v1alpha1.AnnotationIssuedUnder: true,
}

// mostShared bounds what is kept of each kind: what is not shared costs what it did before.
const mostShared = 4096

// trim is a cache's transform.
func (t *trimmer) trim(object any) (any, error) {
	object, err := source.TrimRoute(object)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	o, ok := object.(client.Object)
	if !ok { // what a cache has for an object that went unseen
		return object, nil
	}
	o.SetManagedFields(nil)
	switch o := object.(type) {
	case *corev1.Secret:
		t.meta(&o.TypeMeta, &o.ObjectMeta)
		t.secret(o)
	case *v1alpha1.ApisixCertificate:
		t.meta(&o.TypeMeta, &o.ObjectMeta)
		t.certificate(o)
	case *configv2.ApisixTls:
		t.meta(&o.TypeMeta, &o.ObjectMeta)
		o.Status = configv2.ApisixStatus{}
	case *networkingv1.Ingress:
		t.meta(&o.TypeMeta, &o.ObjectMeta)
		o.Status = networkingv1.IngressStatus{}
	}
	return object, nil
}

func (t *trimmer) meta(kind *metav1.TypeMeta, m *metav1.ObjectMeta) {
	kind.APIVersion, kind.Kind = t.share(kind.APIVersion), t.share(kind.Kind)
	delete(m.Annotations, corev1.LastAppliedConfigAnnotation)
	m.Labels, m.Annotations = t.shareMap(m.Labels), t.shareMap(m.Annotations)
	m.Namespace = t.share(m.Namespace)
	for i := range m.OwnerReferences {
		owner := &m.OwnerReferences[i]
		owner.APIVersion, owner.Kind = t.share(owner.APIVersion), t.share(owner.Kind)
	}
	for i := range m.Finalizers {
		m.Finalizers[i] = t.share(m.Finalizers[i])
	}
}

func (t *trimmer) secret(s *corev1.Secret) {
	s.Type = corev1.SecretType(t.share(string(s.Type)))
	data := make(map[string][]byte, len(s.Data))
	for key, value := range s.Data {
		data[t.share(key)] = value
	}
	if ca, ok := data[corev1.ServiceAccountRootCAKey]; ok {
		data[corev1.ServiceAccountRootCAKey] = t.shareBytes(ca)
	}
	s.Data = data
}

func (t *trimmer) certificate(cert *v1alpha1.ApisixCertificate) {
	spec, status := &cert.Spec, &cert.Status
	same := func(text *string, as string) {
		if *text == as {
			*text = as
		}
	}
	same(&spec.SecretName, cert.Name)
	ref := &spec.IssuerRef
	ref.Group, ref.Kind, ref.Name = t.share(ref.Group), t.share(ref.Kind), t.share(ref.Name)
	for i := range min(len(status.OwnedNames), len(spec.DNSNames)) {
		same(&status.OwnedNames[i], spec.DNSNames[i])
	}
	for i := range status.Gateways {
		g := &status.Gateways[i]
		g.Name, g.Mode = t.share(g.Name), t.share(g.Mode)
		same(&g.PushedSerial, status.Issued.SerialNumber)
		same(&g.ServedSerial, status.Issued.SerialNumber)
	}
	for i := range status.Conditions {
		c := &status.Conditions[i]
		c.Type, c.Status, c.Reason, c.Message = t.share(c.Type), metav1.ConditionStatus(t.share(string(c.Status))), t.share(c.Reason), t.share(c.Message)
	}
}

// share gives the text that was seen first of those that are equal.
func (t *trimmer) share(text string) string {
	known, ok := t.texts[text]
	switch {
	case ok:
		return known
	case len(t.texts) < mostShared:
		t.texts[text] = text
	}
	return text
}

func (t *trimmer) shareBytes(data []byte) []byte {
	known, ok := t.bytes[string(data)]
	switch {
	case ok:
		return known
	case len(t.bytes) < mostShared:
		t.bytes[string(data)] = data
	}
	return data
}

// shareMap shares maps of one pair, as the label and the annotation are that all objects of a team have, and of others the
// keys, and those values of our own that many objects have.
func (t *trimmer) shareMap(m map[string]string) map[string]string {
	if len(m) == 0 {
		return m
	}
	if len(m) > 1 {
		shared := make(map[string]string, len(m))
		for key, value := range m {
			if common[key] {
				value = t.share(value)
			}
			shared[t.share(key)] = value
		}
		return shared
	}
	for key, value := range m {
		pair := [2]string{key, value}
		if known, ok := t.single[pair]; ok {
			return known
		}
		if len(t.single) < mostShared {
			t.single[pair] = m
		}
	}
	return m
}
