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

// Object is what the inventory keeps of an ssl object.
type Object struct {
	ID          string
	Hosts       []string // exact names and wildcards, in lower case
	Fingerprint string   // of the leaf; empty where it cannot be parsed, as with a reference to a secret
	Serial      string
	Enabled     bool
	// Reference is the certificate field where it is a reference such as "$secret://vault/ID/PATH/cert".
	Reference string
	Labels    Labels
	// Client is what is required of clients, see ClientDigest.
	Client string
	// Extra: it has fields that own objects never have, such as a second pair or TLS versions.
	Extra bool
}

// Of is what is kept of an ssl object.
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

// Controller is the version of the ingress controller that keeps the object; empty: none does.
func (o Object) Controller() ingresscontroller.Version {
	return ingresscontroller.VersionOf(o.Labels.Get)
}

// ClientDigest is equal for what requires the same of clients; empty for nil. APISIX's default depth is 1.
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

// ByID orders objects.
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
