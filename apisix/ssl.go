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
// It redacts its keys under fmt, slog and logr. Its JSON is the body of a PUT and holds the key: never log it as such.
type SSL struct {
	ID   string   // see ValidID
	SNI  string   // one name; APISIX wants either SNI or SNIs, except with Type "client"
	SNIs []string // exact names and wildcards of one label ("*.example.com")

	Cert string // PEM, leaf first; or a "$secret://" or "$env://" reference
	Key  string // PEM; empty in what APISIX returns from GET and list

	// Certs and Keys are further pairs for the same names, such as RSA beside ECDSA. APISIX ingress controllers
	// of the 2.x line cannot read objects that have them.
	Certs []string
	Keys  []string

	Labels       map[string]string // values without white space, 1 to 256 characters
	Status       *int              // 1 served, 0 not; nil means APISIX's default, 1
	Type         string            // "server" or "client"; empty means server
	Client       *SSLClient        // nil means that clients need no certificate
	SSLProtocols []string          // "TLSv1.1" to "TLSv1.3"; nil means the gateway's default, empty means none at all
	Desc         string

	// Set by APISIX, and not sent.
	CreateTime    int64 // seconds since 1970
	UpdateTime    int64 // seconds since 1970
	CreatedIndex  int64 // etcd revision that created the object
	ModifiedIndex int64 // etcd revision of its last write; an identical PUT raises it too
}

// SSLClient asks clients for a certificate.
type SSLClient struct {
	CA               string   // PEM
	Depth            *int     // nil means 1
	SkipMTLSURIRegex []string // paths that need no certificate
}

// SSLPatch is a merge patch: only fields that are set are sent, the rest of the object stays.
type SSLPatch struct {
	Cert   string            // PEM; send it together with Key
	Key    string            // PEM
	SNIs   []string          // replaces the whole list
	Labels map[string]string // added to or put over those there
	Status *int
}

// Hosts are the names the object is served for, lower-cased and without a final dot, as APISIX matches them.
// Nil for an object without names.
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

// Enabled tells whether APISIX serves the object: it has not status 0, and is no client certificate.
func (s SSL) Enabled() bool {
	return (s.Status == nil || *s.Status != 0) && cmp.Or(s.Type, "server") == "server"
}

// String names the object without its keys.
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

// String tells which fields are set, without their values.
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
