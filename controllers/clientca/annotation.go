// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/note"
)

// wish is what an ApisixTls requests for its client CAs.
type wish struct {
	// present is set if it has annotation client-ca.
	present bool
	// issuer is the issuer that the annotation names. It is not valid if there is a problem.
	issuer v1alpha1.IssuerReference
	// problem is what is wrong, with field and fix. It is empty if the request is valid or there is none.
	problem string
}

// kinds are the kinds of issuers whose CAs are known.
var kinds = []string{v1alpha1.KindVaultIssuer, v1alpha1.KindClusterVaultIssuer, v1alpha1.KindIssuer, v1alpha1.KindClusterIssuer}

// wishOf parses an ApisixTls.
func wishOf(tls *configv2.ApisixTls) wish {
	text, present := tls.Annotations[v1alpha1.AnnotationClientCA]
	if !present {
		return wish{}
	}
	w := wish{present: true}
	var ok bool
	w.issuer, ok = parseIssuer(strings.TrimSpace(text))
	secret := caSecret(tls)
	switch {
	case !ok:
		w.problem = fmt.Sprintf("annotation %s: %s is not an issuer: use the name of a VaultIssuer, or KIND/NAME with kind %s", v1alpha1.AnnotationClientCA,
			strconv.Quote(note.Cut(text, 40)), strings.Join(kinds, ", "))
	case secret.Name == "":
		w.problem = fmt.Sprintf("annotation %s: spec.client.caSecret does not name a Secret: set the Secret for the client CAs, or remove the annotation", v1alpha1.AnnotationClientCA)
	case secret.Namespace != tls.Namespace:
		w.problem = fmt.Sprintf("spec.client.caSecret.namespace is %s: only a Secret in the namespace of the ApisixTls is supported: write %s, or remove annotation %s",
			strconv.Quote(note.Cut(secret.Namespace, 63)), tls.Namespace, v1alpha1.AnnotationClientCA)
	case len(validation.IsDNS1123Subdomain(secret.Name)) > 0:
		w.problem = fmt.Sprintf("spec.client.caSecret.name: %s is not a valid name of a Secret: use lower-case letters, digits, - and .", strconv.Quote(note.Cut(secret.Name, 80)))
	}
	return w
}

// parseIssuer parses NAME, of a VaultIssuer, or KIND/NAME.
func parseIssuer(text string) (v1alpha1.IssuerReference, bool) {
	ref := v1alpha1.IssuerReference{Name: text}
	if strings.Contains(text, "/") {
		ref = v1alpha1.ParseIssuer(text)
	}
	if ref.Group == v1alpha1.GroupVersion.Group {
		ref.Group = ""
	}
	ref = ref.WithKind()
	return ref, !ref.External() && slices.Contains(kinds, ref.Kind) && len(validation.IsDNS1123Subdomain(ref.Name)) == 0
}

// caSecret returns the Secret with the client CAs of an ApisixTls, or zero if it does not verify clients.
func caSecret(tls *configv2.ApisixTls) types.NamespacedName {
	if tls.Spec == nil || tls.Spec.Client == nil {
		return types.NamespacedName{}
	}
	return types.NamespacedName{Namespace: tls.Spec.Client.CASecret.Namespace, Name: tls.Spec.Client.CASecret.Name}
}
