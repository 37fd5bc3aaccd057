// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/certspec"
)

// approved is what an approval covers: everything the issuer sees, and where certificate and key are stored. Default values
// are omitted, so that a new field does not invalidate approvals of certificates that do not use it.
type approved struct {
	DNSNames       []string              `json:"dnsNames,omitempty"`
	CommonName     string                `json:"commonName,omitempty"`
	IPAddresses    []string              `json:"ipAddresses,omitempty"`
	URIs           []string              `json:"uris,omitempty"`
	EmailAddresses []string              `json:"emailAddresses,omitempty"`
	Subject        *v1alpha1.X509Subject `json:"subject,omitempty"`
	Issuer         string                `json:"issuer,omitempty"`
	Duration       string                `json:"duration,omitempty"`
	Usages         []string              `json:"usages,omitempty"`
	Key            string                `json:"key,omitempty"`
	Secret         string                `json:"secret,omitempty"` // if provided or in another namespace: NAMESPACE/NAME, or NAME
	IngressClass   string                `json:"ingressClass,omitempty"`
	Gateway        string                `json:"gateway,omitempty"` // NAMESPACE/NAME, or NAME in the same namespace
	Gateways       string                `json:"gateways,omitempty"`
	KeyStorage     string                `json:"keyStorage,omitempty"`
	VaultKV        string                `json:"vaultKV,omitempty"`
	// IssuerAnnotations can change what an issuer that reads them issues: another product, other names.
	IssuerAnnotations map[string]string `json:"issuerAnnotations,omitempty"`
}

// Digest identifies what an approval of a certificate covers: names, subject, issuer, duration, usages, key, the annotations
// that the issuer reads, ingress class or Gateway, key storage, and a provided Secret. The order of names and usages does
// not count, nor do the renewal settings, so that renewals never wait for an approval.
func Digest(cert *v1alpha1.ApisixCertificate) string {
	text, _ := json.Marshal(approvedOf(cert)) // plain data always marshals
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Summary returns what Digest covers, for the user who approves: "dnsNames a.example b.example, issuer VaultIssuer/vault".
func Summary(cert *v1alpha1.ApisixCertificate) string {
	var parts []string
	value := reflect.ValueOf(approvedOf(cert))
	for i := range value.NumField() {
		field := value.Field(i)
		if field.IsZero() {
			continue
		}
		name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
		switch v := field.Interface().(type) {
		case []string:
			parts = append(parts, name+" "+strings.Join(v, " "))
		case string:
			parts = append(parts, name+" "+v)
		default:
			text, _ := json.Marshal(v)
			parts = append(parts, name+" "+string(text))
		}
	}
	return strings.Join(parts, ", ")
}

func approvedOf(cert *v1alpha1.ApisixCertificate) approved {
	spec := &cert.Spec
	a := approved{
		DNSNames: hosts(spec.DNSNames), CommonName: certs.NormalizeHost(spec.CommonName),
		IPAddresses: sorted(spec.IPAddresses), URIs: sorted(spec.URIs), EmailAddresses: sorted(spec.EmailAddresses),
		IngressClass: spec.IngressClassName,
	}
	if ref := spec.GatewayRef; ref != nil {
		a.Gateway = strings.TrimPrefix(ref.Namespace+"/"+ref.Name, "/")
	}
	if spec.Gateways == v1alpha1.GatewaysNone {
		a.Gateways = string(spec.Gateways)
	}
	if spec.Subject != nil && !reflect.ValueOf(*spec.Subject).IsZero() {
		a.Subject = spec.Subject
	}
	if spec.Provided || spec.SecretNamespace != "" {
		a.Secret = strings.TrimPrefix(spec.SecretNamespace+"/"+spec.SecretName, "/")
	}
	if spec.Provided {
		return a
	}
	a.Issuer = spec.IssuerRef.String()
	if shown := certspec.IssuerAnnotations(cert); len(shown) > 0 {
		a.IssuerAnnotations = shown
	}
	if spec.Duration != nil {
		a.Duration = spec.Duration.Duration.String()
	}
	if usages := sorted(usagesOf(spec)); !slices.Equal(usages, defaultUsages) {
		a.Usages = usages
	}
	if algorithm, size := keyOf(spec); algorithm != string(certs.ECDSA) || size != defaultSizes[algorithm] {
		a.Key = keyText(algorithm, size)
	}
	if storage := keyStorageOf(spec); storage != v1alpha1.KeyInSecret {
		a.KeyStorage = string(storage)
	}
	if spec.KeyStorage == v1alpha1.KeyInVaultKV {
		a.VaultKV = locationOf(spec)
	}
	return a
}

// hosts returns the normalized names, sorted and without duplicates.
func hosts(names []string) []string {
	normal := make([]string, 0, len(names))
	for _, name := range names {
		normal = append(normal, certs.NormalizeHost(name))
	}
	return sorted(normal)
}

func keyText(algorithm string, size int32) string {
	if size == 0 {
		return algorithm
	}
	return fmt.Sprintf("%s %d", algorithm, size)
}
