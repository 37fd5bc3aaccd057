// SPDX-License-Identifier: Apache-2.0

package page

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Certificate is the row of an ApisixCertificate. Unknown times are omitted.
type Certificate struct {
	Key         string                   `json:"key"` // certificate/NAMESPACE/NAME
	Namespace   string                   `json:"namespace"`
	Name        string                   `json:"name"`
	Hosts       []string                 `json:"hosts"`            // DNS names first; the common name where there is no other
	Issuer      string                   `json:"issuer,omitempty"` // Key of an Issuer; empty for spec.provided
	Source      string                   `json:"source,omitempty"` // KIND NAME of the object that it was made for
	Secret      string                   `json:"secret"`           // its name alone
	KeyStorage  string                   `json:"keyStorage,omitempty"`
	Deleting    bool                     `json:"deleting,omitempty"`
	Serial      string                   `json:"serial,omitempty"`      // lower-case hex
	Fingerprint string                   `json:"fingerprint,omitempty"` // SHA-256, lower-case hex
	NotBefore   *time.Time               `json:"notBefore,omitempty"`
	NotAfter    *time.Time               `json:"notAfter,omitempty"`
	Renewal     *time.Time               `json:"renewal,omitempty"`
	Attempts    int32                    `json:"failedAttempts,omitempty"`
	LastFailed  *time.Time               `json:"lastFailure,omitempty"`
	Warnings    []string                 `json:"warnings,omitempty"`
	Conditions  []Condition              `json:"conditions,omitempty"`
	Gateways    []v1alpha1.GatewayStatus `json:"gateways,omitempty"`
}

// Issuer is the row of a VaultIssuer or ClusterVaultIssuer.
type Issuer struct {
	Key        string             `json:"key"` // issuer/KIND/NAMESPACE/NAME, the namespace empty for a ClusterVaultIssuer
	Kind       string             `json:"kind"`
	Namespace  string             `json:"namespace,omitempty"`
	Name       string             `json:"name"`
	CA         *v1alpha1.IssuerCA `json:"ca,omitempty"`
	Conditions []Condition        `json:"conditions,omitempty"`
}

// Condition is one of an object's conditions.
type Condition struct {
	Type    string    `json:"type"`
	Status  string    `json:"status"` // True, False or Unknown
	Reason  string    `json:"reason"`
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since"`
}

func certificateKey(namespace, name string) string { return "certificate/" + namespace + "/" + name }

func issuerKey(kind, namespace, name string) string {
	return "issuer/" + kind + "/" + namespace + "/" + name
}

// CertificateOf converts cert. The result shares its slices.
func CertificateOf(cert *v1alpha1.ApisixCertificate) Certificate {
	status := &cert.Status
	return Certificate{
		Key: certificateKey(cert.Namespace, cert.Name), Namespace: cert.Namespace, Name: cert.Name,
		Hosts: hostsOf(&cert.Spec), Issuer: issuerOf(cert), Source: sourceOf(cert), Secret: cert.Spec.SecretName,
		KeyStorage: string(cert.Spec.KeyStorage), Deleting: cert.DeletionTimestamp != nil,
		Serial: status.Issued.SerialNumber, Fingerprint: status.Issued.Fingerprint,
		NotBefore: timeOf(status.Issued.NotBefore), NotAfter: timeOf(status.Issued.NotAfter), Renewal: timeOf(status.RenewalTime),
		Attempts: status.FailedAttempts, LastFailed: timeOf(status.LastFailureTime),
		Warnings: status.Warnings, Conditions: conditionsOf(status.Conditions), Gateways: status.Gateways,
	}
}

// IssuerOf converts issuer. The result shares its CA.
func IssuerOf(issuer v1alpha1.Issuer) Issuer {
	kind := v1alpha1.KindVaultIssuer
	if issuer.GetNamespace() == "" {
		kind = v1alpha1.KindClusterVaultIssuer
	}
	return Issuer{
		Key: issuerKey(kind, issuer.GetNamespace(), issuer.GetName()), Kind: kind, Namespace: issuer.GetNamespace(), Name: issuer.GetName(),
		CA: issuer.IssuerStatus().CA, Conditions: conditionsOf(issuer.IssuerStatus().Conditions),
	}
}

func hostsOf(spec *v1alpha1.ApisixCertificateSpec) []string {
	names := slices.Concat(spec.DNSNames, spec.IPAddresses, spec.URIs, spec.EmailAddresses)
	if len(names) == 0 && spec.CommonName != "" {
		return []string{spec.CommonName}
	}
	return names
}

func issuerOf(cert *v1alpha1.ApisixCertificate) string {
	ref := cert.Spec.IssuerRef.WithKind()
	switch {
	case ref.Name == "":
		return ""
	case ref.ClusterWide():
		return issuerKey(ref.Kind, "", ref.Name)
	}
	return issuerKey(ref.Kind, cert.Namespace, ref.Name)
}

func sourceOf(cert *v1alpha1.ApisixCertificate) string {
	owner := metav1.GetControllerOf(cert)
	if owner == nil {
		return ""
	}
	return owner.Kind + " " + owner.Name
}

func conditionsOf(conditions []metav1.Condition) []Condition {
	var rows []Condition
	for _, c := range conditions {
		rows = append(rows, Condition{Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: c.Message, Since: c.LastTransitionTime.UTC()})
	}
	return rows
}

func timeOf(t *metav1.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}
