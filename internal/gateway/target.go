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

// Target is a certificate as a gateway should hold it.
type Target struct {
	// Namespace, Name and UID are those of the ApisixCertificate.
	Namespace, Name, UID string
	// SecretNamespace and SecretName are those of its Secret.
	SecretNamespace, SecretName string
	// Hosts are the SNIs, in lower case: those host names of the certificate that its namespace owns. Nothing is made or
	// deleted for any other.
	Hosts []string
	// Uses are the objects by which an ingress controller serves the Secret.
	References []Reference
	// FormerUses are those by which it was seen to be served, and that may be gone. What an ingress controller has left of
	// them is deleted with the certificate. A kind, a namespace and a name are enough.
	FormerReferences []Reference
	Pair
	OwnTerms
}

// Pair is what an ssl object holds.
type Pair struct {
	// Cert and Key are PEM, the Secret's exact bytes. Fingerprint is that of the leaf.
	Cert, Key   []byte
	Fingerprint string
	Serial      string
}

// OwnTerms are what matters for own objects alone.
type OwnTerms struct {
	// Reference, where set, is what an own object has in the place of Cert and Key. Without it and without Key, nothing
	// can be written: the key is at the gateway alone.
	VaultReference *VaultReference
	// Client is what an own object requires of clients; nil: nothing. Unfit says why that is not known, so that no own object
	// may be written.
	Client *apisix.SSLClient
	Unfit  error
	// Known reports whether an ApisixCertificate of that name with this UID exists in the cluster. Nil: taken for true.
	Known func(namespace, name, uid string) bool
}

// Reference is a pair that the gateway reads from a key-value engine of Vault: "$secret://vault/ID/PATH/KEY".
type VaultReference struct {
	Cert, Key string
	// Secret is the object of the gateway that says where that Vault is, kept beside the ssl object under its id.
	Secret apisix.VaultSecret
	// Old: the gateway may read the pair there until it gets another, and nothing is written for it: what Secret should say
	// is not known any more.
	Old bool
}

// Use is one ApisixTls, one TLS entry of an Ingress, or one reference of a Gateway's listener, that refers to the target's
// Secret.
type Reference struct {
	Kind, Namespace, Name string
	Hosts                 []string
	// Index is the place of an Ingress's entry among all its TLS entries, or of the Secret among the references of a
	// Gateway's listener.
	Index int
	// Listener is the name of a Gateway's listener.
	Listener string
	// HostsOfLeaf: the listener names no host, those of the certificate are meant.
	HostsFromCertificate bool
	// Implicit: the entry names no hosts, those of the Ingress's rules are meant.
	HostsFromRules bool
	// Mutual: clients must show a certificate, which the Secret alone does not say.
	RequiresClientCert bool
	// Client is what an ApisixTls requires of clients; nil: nothing.
	Client *Client
	// Ending: the object is being deleted.
	Terminating bool
	// Class is the class that the object names; empty: none. Controller is spec.controller of that class, or of the default
	// one where the object names none; empty: there is no such class.
	Class, Controller string
}

// Client is what an ApisixTls requires of clients (its spec.client).
type Client struct {
	// CANamespace and CAName are those of the Secret with the CA.
	CANamespace, CAName string
	Depth               int // zero: APISIX's default
	SkipMTLSURIRegex    []string
}

// heldBy reports whether the object has the target's certificate.
func (t Target) matches(o inventory.Object) bool {
	if t.VaultReference != nil {
		return o.Reference == t.VaultReference.Cert
	}
	return o.Fingerprint != "" && o.Fingerprint == t.Fingerprint
}

// keyless reports whether the target cannot be written: its key is kept at the gateway alone.
func (t Target) keyless() bool {
	return len(t.Key) == 0 && (t.VaultReference == nil || t.VaultReference.Old)
}

// owns reports whether all of hosts are among the target's, or below a wildcard of them.
func (t Target) owns(hosts []string) bool { return len(t.owned(hosts)) == len(hosts) }

// owned are those of hosts that are among the target's, or below a wildcard of them.
func (t Target) owned(hosts []string) []string {
	match := certs.MatchHosts(t.Hosts)
	return slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return !match(host) })
}

// source is the use as an ingress controller derives an ssl object from it.
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
