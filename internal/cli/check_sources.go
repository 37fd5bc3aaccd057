// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

func keyOf(object client.Object) client.ObjectKey { return client.ObjectKeyFromObject(object) }

func (d *checker) readTLSUses(ctx context.Context) error {
	var list configv2.ApisixTlsList
	if err := d.access.list(ctx, &list); err != nil {
		return ignoreNoMatch(err) // the CRD is optional
	}
	for i := range list.Items {
		tls := &list.Items[i]
		if tls.Spec == nil || !tls.DeletionTimestamp.IsZero() {
			continue
		}
		var hosts []string
		for _, host := range tls.Spec.Hosts {
			hosts = append(hosts, string(host))
		}
		d.addUse(tls.Spec.Secret.Namespace+"/"+tls.Spec.Secret.Name, "ApisixTls "+keyOf(tls).String(), hosts)
	}
	return nil
}

func (d *checker) readIngressUses(ctx context.Context) error {
	var list networkingv1.IngressList
	if err := d.access.list(ctx, &list); err != nil {
		return err
	}
	for i := range list.Items {
		ingress := &list.Items[i]
		for _, entry := range ingress.Spec.TLS {
			d.addUse(ingress.Namespace+"/"+entry.SecretName, "Ingress "+keyOf(ingress).String(), slices.Clone(entry.Hosts))
		}
	}
	return nil
}

// readListenerUses reads Gateways and ListenerSets, whose CRDs are optional.
func (d *checker) readListenerUses(ctx context.Context) error {
	for _, kind := range []schema.GroupVersionKind{gatewayapi.GatewayKind, gatewayapi.ListenerSetKind} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := ignoreNoMatch(d.access.list(ctx, list)); err != nil {
			return err
		}
		for i := range list.Items {
			u := &list.Items[i]
			for _, l := range gatewayapi.GatewayOf(u).Listeners {
				for _, ref := range l.Refs {
					if l.Terminates && ref.OfSecret() && u.GetDeletionTimestamp().IsZero() {
						d.addUse(ref.Secret.String(), kind.Kind+" "+keyOf(u).String(), []string{l.Hostname})
					}
				}
			}
		}
	}
	return nil
}

func ignoreNoMatch(err error) error {
	if meta.IsNoMatchError(err) {
		return nil
	}
	return err
}

// sourceKinds are the kinds that annotations opt in.
var sourceKinds = []schema.GroupVersionKind{
	{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixTls"},
	{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixRoute"},
	{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixUpstream"},
	networkingv1.SchemeGroupVersion.WithKind("Ingress"),
	gatewayapi.GatewayKind, gatewayapi.ListenerSetKind,
}

// checkSources finds annotated objects without an ApisixCertificate.
func (d *checker) checkSources(ctx context.Context) error {
	certificates, err := d.certificates(ctx)
	if err != nil {
		return err
	}
	owned := map[types.UID]bool{}
	for i := range certificates {
		for _, owner := range certificates[i].OwnerReferences {
			owned[owner.UID] = true
		}
	}
	for _, kind := range sourceKinds {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := d.access.list(ctx, list); ignoreNoMatch(err) != nil {
			return err
		}
		for i := range list.Items {
			source := &list.Items[i]
			if !optedIn(source) {
				continue
			}
			d.diagnosis.addChecked(1)
			if !owned[source.UID] && d.now.Sub(source.CreationTimestamp.Time) > sourceSettlePeriod {
				d.diagnosis.addFinding(d.sourceFinding(ctx, kind.Kind, source))
			}
		}
	}
	return nil
}

// sourceSettlePeriod is the time that the controller has to create an ApisixCertificate.
const sourceSettlePeriod = 5 * time.Second

func optedIn(source *metav1.PartialObjectMetadata) bool {
	for _, key := range []string{v1alpha1.AnnotationIssuer, v1alpha1.AnnotationClusterIssuer, v1alpha1.AnnotationProvided} {
		if source.Annotations[key] != "" && source.DeletionTimestamp.IsZero() {
			return true
		}
	}
	return false
}

// sourceFinding returns a finding with the last event of the object that says why it has no ApisixCertificate.
func (d *checker) sourceFinding(ctx context.Context, kind string, source *metav1.PartialObjectMetadata) finding {
	f := finding{Object: kind + " " + keyOf(source).String(), Field: "metadata.annotations", Problem: "the object is annotated, but has no ApisixCertificate",
		Fix: "check that the controller runs and that its --ingress-class is the class of the object"}
	var events corev1.EventList
	err := d.access.List(ctx, &events, client.InNamespace(source.Namespace), client.MatchingFieldsSelector{Selector: fields.Set{
		"involvedObject.kind": kind, "involvedObject.name": source.Name,
	}.AsSelector()})
	if err != nil { // events are optional
		return f
	}
	reasons := []string{v1alpha1.ReasonInvalidSource, v1alpha1.ReasonCovered}
	for i := len(events.Items) - 1; i >= 0; i-- {
		if event := events.Items[i]; event.InvolvedObject.UID == source.UID && slices.Contains(reasons, event.Reason) {
			f.Problem, f.Fix = splitMessage(event.Message, "see kubectl describe "+kind+" "+source.Name)
			return f
		}
	}
	return f
}

func (d *checker) addUse(secret, object string, hosts []string) {
	for i := range hosts {
		hosts[i] = certs.NormalizeHost(hosts[i])
	}
	hosts = slices.DeleteFunc(hosts, func(host string) bool { return strings.TrimSpace(host) == "" })
	d.uses[secret] = append(d.uses[secret], secretUse{object, hosts})
}
