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

// wish is what an ApisixTls says of the CAs of its clients.
type wish struct {
	// asks: it has annotation client-ca.
	asks bool
	// issuer is the one that the annotation names. It does not count with a problem.
	issuer v1alpha1.IssuerReference
	// problem says what is wrong, with field and fix. Empty: nothing is, or it asks for nothing.
	problem string
}

// kinds are those of issuers whose CAs are known here.
var kinds = []string{v1alpha1.KindVaultIssuer, v1alpha1.KindClusterVaultIssuer, v1alpha1.KindIssuer, v1alpha1.KindClusterIssuer}

// wishOf reads an ApisixTls.
func wishOf(tls *configv2.ApisixTls) wish {
	text, asks := tls.Annotations[v1alpha1.AnnotationClientCA]
	if !asks {
		return wish{}
	}
	w := wish{asks: true}
	var ok bool
	w.issuer, ok = parseIssuer(strings.TrimSpace(text))
	secret := caSecret(tls)
	switch {
	case !ok:
		w.problem = fmt.Sprintf("annotation %s: %s names no issuer: write the name of a VaultIssuer, or KIND/NAME with kind %s", v1alpha1.AnnotationClientCA,
			strconv.Quote(note.Cut(text, 40)), strings.Join(kinds, ", "))
	case secret.Name == "":
		w.problem = fmt.Sprintf("annotation %s: spec.client.caSecret names no Secret: name the one to fill with the CAs of clients, or remove the annotation", v1alpha1.AnnotationClientCA)
	case secret.Namespace != tls.Namespace:
		w.problem = fmt.Sprintf("spec.client.caSecret.namespace is %s: only a Secret of the ApisixTls's own namespace is filled: write %s, or remove annotation %s",
			strconv.Quote(note.Cut(secret.Namespace, 63)), tls.Namespace, v1alpha1.AnnotationClientCA)
	case len(validation.IsDNS1123Subdomain(secret.Name)) > 0:
		w.problem = fmt.Sprintf("spec.client.caSecret.name: %s cannot be the name of a Secret: use lower-case letters, digits, - and .", strconv.Quote(note.Cut(secret.Name, 80)))
	}
	return w
}

// parseIssuer reads NAME, of a VaultIssuer, or KIND/NAME.
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

// caSecret is the Secret by which an ApisixTls verifies clients; zero: it does not.
func caSecret(tls *configv2.ApisixTls) types.NamespacedName {
	if tls.Spec == nil || tls.Spec.Client == nil {
		return types.NamespacedName{}
	}
	return types.NamespacedName{Namespace: tls.Spec.Client.CASecret.Namespace, Name: tls.Spec.Client.CASecret.Name}
}
