// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// SSL is an ssl object: certificates and keys, and the names they are served for.
//
// It redacts its keys under fmt, slog and logr. Its JSON is the body of a PUT and contains the key, so never log it.
type SSL struct {
	ID   string   // see ValidID
	SNI  string   // one name; APISIX requires either SNI or SNIs, except with Type "client"
	SNIs []string // exact names and wildcards of one label ("*.example.com")

	Cert string // PEM, leaf first; or a "$secret://" or "$env://" reference
	Key  string // PEM; empty in responses to GET and list

	// Certs and Keys are further pairs for the same names, such as RSA in addition to ECDSA. APISIX ingress controllers 2.x
	// cannot read objects that have them.
	Certs []string
	Keys  []string

	Labels       map[string]string // values without white space, 1 to 256 characters
	Status       *int              // 1 enabled, 0 disabled; nil means APISIX's default, 1
	Type         string            // "server" or "client"; empty means server
	Client       *SSLClient        // nil means that no client certificate is required
	SSLProtocols []string          // "TLSv1.1" to "TLSv1.3"; nil means the gateway's default, empty means none
	Desc         string

	// Set by APISIX, and not sent.
	CreateTime    int64 // seconds since 1970
	UpdateTime    int64 // seconds since 1970
	CreatedIndex  int64 // etcd revision that created the object
	ModifiedIndex int64 // etcd revision of its last write; an identical PUT raises it too
}

// SSLClient requires clients to present a certificate.
type SSLClient struct {
	CA               string   // PEM
	Depth            *int     // nil means 1
	SkipMTLSURIRegex []string // paths that require no client certificate
}

// SSLPatch is a merge patch: only fields that are set are sent, and the rest of the object stays unchanged.
type SSLPatch struct {
	Cert   string            // PEM; send it together with Key
	Key    string            // PEM
	SNIs   []string          // replaces the whole list
	Labels map[string]string // added to the existing labels, or replacing those with the same key
	Status *int
}

// Hosts returns the names the object is served for, in lower case and without a final dot, as APISIX compares them. It
// returns nil for an object without names.
func (s SSL) Hosts() []string {
	names := s.SNIs
	if len(names) == 0 && s.SNI != "" {
		names = []string{s.SNI}
	}
	var hosts []string
	for _, name := range names {
		hosts = append(hosts, strings.TrimSuffix(strings.ToLower(name), "."))
	}
	return hosts
}

// Enabled reports whether APISIX serves the object: its status is not 0, and it is not a client certificate.
func (s SSL) Enabled() bool {
	return (s.Status == nil || *s.Status != 0) && cmp.Or(s.Type, "server") == "server"
}

// String returns the id and the hosts, without keys.
func (s SSL) String() string {
	return fmt.Sprintf("ssl %s %v", s.ID, s.Hosts())
}

// GoString implements [fmt.GoStringer].
func (s SSL) GoString() string { return s.String() }

// Format implements [fmt.Formatter]: every verb prints [SSL.String].
func (s SSL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements [slog.LogValuer].
func (s SSL) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalLog is what logr prints.
func (s SSL) MarshalLog() any { return s.String() }

// String returns which fields are set, without their values.
func (p SSLPatch) String() string {
	return fmt.Sprintf("patch{cert:%t key:%t snis:%v labels:%d}", p.Cert != "", p.Key != "", p.SNIs, len(p.Labels))
}

// GoString implements [fmt.GoStringer].
func (p SSLPatch) GoString() string { return p.String() }

// Format implements [fmt.Formatter].
func (p SSLPatch) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue implements [slog.LogValuer].
func (p SSLPatch) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalLog is what logr prints.
func (p SSLPatch) MarshalLog() any { return p.String() }
