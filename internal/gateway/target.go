// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"io"
	"slices"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// Target is a certificate as a gateway should have it.
type Target struct {
	// Namespace, Name and UID are those of the ApisixCertificate.
	Namespace, Name, UID string
	// SecretNamespace and SecretName are those of its Secret.
	SecretNamespace, SecretName string
	// Hosts are the SNIs, in lower case: the host names of the certificate that its namespace owns. Objects for other hosts
	// are never created or deleted.
	Hosts []string
	// References are the objects by which an ingress controller serves the Secret.
	References []Reference
	// FormerReferences are the objects by which it was served before, and which may be gone. Objects that an ingress
	// controller has not deleted for them are deleted with the certificate. Kind, namespace and name are sufficient.
	FormerReferences []Reference
	Pair
	OwnTerms
}

// Pair is the content of an ssl object.
type Pair struct {
	// Cert and Key are PEM, the Secret's exact bytes. Fingerprint is that of the leaf.
	Cert, Key   []byte
	Fingerprint string
	Serial      string
}

// OwnTerms apply to own objects only.
type OwnTerms struct {
	// VaultReference, if set, is what an own object has instead of Cert and Key. Without it and without Key, nothing can be
	// written, as the key is stored at the gateway only.
	VaultReference *VaultReference
	// Client is the client certificate settings of an own object. Nil means that none is required. Unfit is why the
	// settings are not known, so that no own object may be written.
	Client *apisix.SSLClient
	Unfit  error
	// Known reports whether an ApisixCertificate of that name with this UID exists in the cluster. Nil means that all
	// exist.
	Known func(namespace, name, uid string) bool
}

// VaultReference is a pair that the gateway reads from a key-value engine of Vault: "$secret://vault/ID/PATH/KEY".
type VaultReference struct {
	Cert, Key string
	// Secret is the gateway's object with the address of that Vault. It has the id of the ssl object.
	Secret apisix.VaultSecret
	// Old: the gateway may read the pair until it gets another, and nothing is written for it, as the content of Secret is
	// not known any more.
	Old bool
}

// Reference is an object that references the target's Secret: an ApisixTls, one TLS entry of an Ingress, or one reference
// of a Gateway's listener.
type Reference struct {
	Kind, Namespace, Name string
	Hosts                 []string
	// Index is the position of the entry among all TLS entries of an Ingress, or of the Secret among the references of a
	// Gateway's listener.
	Index int
	// Listener is the name of a Gateway's listener.
	Listener string
	// HostsFromCertificate: the listener has no hostname, so it serves the hosts of the certificate.
	HostsFromCertificate bool
	// HostsFromRules: the TLS entry has no hosts, so it serves those of the Ingress's rules.
	HostsFromRules bool
	// RequiresClientCert: clients must present a certificate, which the Secret alone does not express.
	RequiresClientCert bool
	// Client is the client certificate settings of an ApisixTls. Nil means that none is required.
	Client *Client
	// Terminating: the object is being deleted.
	Terminating bool
	// Class is the class of the object; empty means none. Controller is spec.controller of that class, or of the default
	// class if the object has none; empty means that there is no such class.
	Class, Controller string
}

// Client is the client certificate settings of an ApisixTls (its spec.client).
type Client struct {
	// CANamespace and CAName are those of the Secret with the CA.
	CANamespace, CAName string
	Depth               int // zero: APISIX's default
	SkipMTLSURIRegex    []string
}

// matches reports whether the object has the target's certificate.
func (t Target) matches(o inventory.Object) bool {
	if t.VaultReference != nil {
		return o.Reference == t.VaultReference.Cert
	}
	return o.Fingerprint != "" && o.Fingerprint == t.Fingerprint
}

// keyless reports whether the target cannot be written, as its key is stored at the gateway only.
func (t Target) keyless() bool {
	return len(t.Key) == 0 && (t.VaultReference == nil || t.VaultReference.Old)
}

// owns reports whether all hosts are among the target's, or match one of its wildcards.
func (t Target) owns(hosts []string) bool { return len(t.owned(hosts)) == len(hosts) }

// owned returns the hosts that are among the target's, or match one of its wildcards.
func (t Target) owned(hosts []string) []string {
	match := certs.MatchHosts(t.Hosts)
	return slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return !match(host) })
}

// source returns the input from which an ingress controller derives an ssl object.
func (u Reference) source(secretName string) ingresscontroller.Source {
	return ingresscontroller.Source{
		Kind: u.Kind, Namespace: u.Namespace, Name: u.Name, Index: u.Index, Listener: u.Listener, Hosts: u.Hosts, SecretName: secretName,
	}
}

// Format keeps the key out of fmt's verbs.
func (t Target) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "target %s/%s %v", t.Namespace, t.Name, t.Hosts)
}

// MarshalJSON keeps the key out of JSON.
func (t Target) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", fmt.Sprint(t)), nil }

// Format keeps the key out of fmt's verbs.
func (p Pair) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "certificate "+p.Serial) }

// MarshalJSON keeps the key out of JSON.
func (p Pair) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", fmt.Sprint(p)), nil }

// Format keeps the token of the Vault out of fmt's verbs.
func (r VaultReference) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.Cert) }
