// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
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
	labels    marks
	// client tells what is asked of clients, see clientDigest.
	client string
	// strange: it has fields that own objects never have, such as a second pair or TLS versions.
	strange bool
}

func objectOf(ssl *apisix.SSL) Object {
	o := Object{
		ID: ssl.ID, Hosts: ssl.Hosts(), labels: labelsOf(ssl.Labels), Enabled: ssl.Enabled(), client: clientDigest(ssl.Client),
		strange: len(ssl.Certs) > 0 || len(ssl.Keys) > 0 || ssl.SSLProtocols != nil,
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

// holds tells whether the object has the target's certificate.
func (o Object) holds(t Target) bool {
	if t.Reference != nil {
		return o.Reference == t.Reference.Cert
	}
	return o.Fingerprint != "" && o.Fingerprint == t.Fingerprint
}

// clientDigest is equal for what asks the same of clients; empty for nil. APISIX's default depth is 1.
func clientDigest(c *apisix.SSLClient) string {
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

// rivals are the enabled objects, but for the own ones, that APISIX may serve for host: those with the same name, and
// those that come before it. An exact name comes before a wildcard, and a longer wildcard before a shorter one.
func (v *inventory) rivals(host string, own func(Object) bool) []Object {
	var found []Object
	for _, name := range precedence(host) {
		for _, o := range v.withHost(name) {
			if o.Enabled && !own(o) {
				found = append(found, o)
			}
		}
		if name == host {
			break
		}
	}
	return found
}

// precedence are the names under which APISIX looks for host, in its order, down to host itself. For a wildcard they
// are those of the made-up host with which it is proven.
func precedence(host string) []string {
	asked := proofName(host)
	names := []string{asked}
	for i := range asked {
		if names[len(names)-1] == host {
			break
		}
		names = append(names, "*"+asked[i:])
	}
	return names
}

// byID orders objects.
func byID(a, b Object) int { return cmp.Compare(a.ID, b.ID) }
