// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

// Object is what the inventory stores of an ssl object.
type Object struct {
	ID          string
	Hosts       []string // exact names and wildcards, in lower case
	Fingerprint string   // of the leaf; empty if it cannot be parsed, as for a reference to a secret
	Serial      string
	Enabled     bool
	// Reference is the certificate field if it is a reference such as "$secret://vault/ID/PATH/cert".
	Reference string
	Labels    Labels
	// Client is the digest of the client certificate settings, see ClientDigest.
	Client string
	// Extra: it has fields that own objects never have, such as a second pair or TLS versions.
	Extra bool
}

// NewObject returns what is stored of an ssl object.
func NewObject(ssl *apisix.SSL) Object {
	o := Object{
		ID: ssl.ID, Hosts: ssl.Hosts(), Labels: LabelsOf(ssl.Labels), Enabled: ssl.Enabled(), Client: ClientDigest(ssl.Client),
		Extra: len(ssl.Certs) > 0 || len(ssl.Keys) > 0 || ssl.SSLProtocols != nil,
	}
	if strings.HasPrefix(ssl.Cert, "$") {
		o.Reference = ssl.Cert
		return o
	}
	if chain, err := certs.ParseCertificates([]byte(ssl.Cert)); err == nil && len(chain) > 0 {
		o.Fingerprint, o.Serial = certs.Fingerprint(chain[0]), certs.Serial(chain[0])
	}
	return o
}

// Controller returns the version of the ingress controller that manages the object, or an empty string.
func (o Object) Controller() ingresscontroller.Version {
	return ingresscontroller.VersionOf(o.Labels.Get)
}

// ClientDigest returns a digest of client certificate settings that is equal for equivalent ones, and an empty string for
// nil. APISIX's default depth is 1.
func ClientDigest(c *apisix.SSLClient) string {
	if c == nil {
		return ""
	}
	depth := 1
	if c.Depth != nil {
		depth = *c.Depth
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %q %s", depth, c.SkipMTLSURIRegex, strings.TrimSpace(c.CA)))
	return hex.EncodeToString(sum[:])
}

// ByID compares objects by id.
func ByID(a, b Object) int { return cmp.Compare(a.ID, b.ID) }

// SameHosts reports whether two lists have the same names, in any order and case.
func SameHosts(a, b []string) bool { return slices.Equal(sorted(a), sorted(b)) }

func sorted(hosts []string) []string {
	hosts = slices.Clone(hosts)
	for i := range hosts {
		hosts[i] = strings.ToLower(hosts[i])
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}
