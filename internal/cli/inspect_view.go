// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/terminal"
)

// certificateView is a certificate as inspect shows it. Its JSON format is stable. It never contains a private key.
type certificateView struct {
	Location    string    `json:"location"`
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Serial      string    `json:"serial"`      // lower-case hex
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the DER, lower-case hex
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	Names       []string  `json:"names"` // subject alternative names, sorted
	KeyType     string    `json:"keyType"`
	Signature   string    `json:"signature"`
	// Key is the state of the private key: matches, does not match, missing, or not included.
	Key      string      `json:"key"`
	Hosts    []string    `json:"hosts,omitempty"` // hosts that it is served for
	Chain    []chainView `json:"chain,omitempty"` // above the leaf, in the order in which it was read
	CA       []chainView `json:"ca,omitempty"`    // ca.crt
	Problems []string    `json:"problems,omitempty"`
	Note     string      `json:"note,omitempty"`
}

// chainView is a certificate above the leaf.
type chainView struct {
	Subject  string    `json:"subject"`
	Issuer   string    `json:"issuer"`
	Serial   string    `json:"serial"`
	NotAfter time.Time `json:"notAfter"`
}

func viewOf(p location, f loaded, now time.Time) certificateView {
	leaf := f.Leaf
	v := certificateView{
		Location: p.String(), Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Serial: certs.Serial(leaf), Fingerprint: certs.Fingerprint(leaf),
		NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(), Names: namesOf(leaf), KeyType: keyType(leaf),
		Signature: leaf.SignatureAlgorithm.String(), Key: keyOfBundle(f), Hosts: f.hosts, Chain: chainOf(f.Intermediates), CA: chainOf(f.CA), Note: f.note,
	}
	v.Problems = problemsOf(f, v, now)
	return v
}

func namesOf(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	for _, uri := range leaf.URIs {
		names = append(names, uri.String())
	}
	names = append(names, leaf.EmailAddresses...)
	slices.Sort(names)
	return names
}

func keyType(leaf *x509.Certificate) string {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.Size()*8)
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return leaf.PublicKeyAlgorithm.String()
}

// The results of keyOfBundle.
const (
	keyMatches   = "matches"
	keyDiffers   = "does not match"
	keyMissing   = "missing"
	keyElsewhere = "not included"
	keyProblem   = "the private key does not match the certificate: reissue the certificate, or store the matching key"
)

func keyOfBundle(f loaded) string {
	switch {
	case f.Key.IsZero() && f.keyElsewhere:
		return keyElsewhere
	case f.Key.IsZero():
		return keyMissing
	case f.KeyMatches():
		return keyMatches
	}
	return keyDiffers
}

func chainOf(list []*x509.Certificate) []chainView {
	var views []chainView
	for _, c := range list {
		views = append(views, chainView{Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: certs.Serial(c), NotAfter: c.NotAfter.UTC()})
	}
	return views
}

func problemsOf(f loaded, v certificateView, now time.Time) []string {
	var problems []string
	add := func(wrong bool, text string) {
		if wrong {
			problems = append(problems, text)
		}
	}
	add(!now.Before(v.NotAfter), "expired: renew it")
	add(now.Before(v.NotBefore), "not valid yet: check the clocks")
	add(v.Key == keyDiffers, keyProblem)
	add(v.Key == keyMissing, "the private key is missing: reissue the certificate")
	above := f.Leaf
	for i, next := range f.Intermediates {
		add(above.CheckSignatureFrom(next) != nil, fmt.Sprintf("the chain is out of order: certificate %d did not sign the certificate before it", i+2))
		add(!now.Before(next.NotAfter), fmt.Sprintf("certificate %d of the chain has expired: renew the CA", i+2))
		above = next
	}
	for _, host := range f.hosts {
		covered := slices.ContainsFunc(f.Leaf.DNSNames, func(name string) bool {
			return certs.NormalizeHost(name) == host || certs.MatchHost(certs.NormalizeHost(name), host)
		})
		add(!covered && f.Leaf.VerifyHostname(host) != nil, "not valid for host "+host+": add it to the names of the certificate")
	}
	return problems
}

func (v certificateView) write(out io.Writer) {
	fmt.Fprintln(out, paint(out, bold, terminal.Escape(v.Location)))
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "  %-12s %s\n", name, terminal.Escape(value))
		}
	}
	now := time.Now()
	line("subject", v.Subject)
	line("names", strings.Join(v.Names, ", "))
	line("served for", strings.Join(v.Hosts, ", "))
	line("issuer", v.Issuer)
	line("serial", v.Serial)
	line("validity", v.NotBefore.Format("2006-01-02 15:04")+" to "+formatTime(&v.NotAfter, now))
	line("public key", v.KeyType+", signed with "+v.Signature)
	line("private key", v.Key)
	line("fingerprint", v.Fingerprint)
	for _, above := range v.Chain {
		line("chain", above.Subject+", until "+formatTime(&above.NotAfter, now))
	}
	for _, ca := range v.CA {
		line("ca.crt", ca.Subject+", until "+formatTime(&ca.NotAfter, now))
	}
	line("note", v.Note)
	for _, problem := range v.Problems {
		line(paint(out, red, "problem"), problem)
	}
}

// difference is a field in which two certificates differ.
type difference struct {
	Field  string `json:"field"`
	First  string `json:"first"`
	Second string `json:"second"`
}

// differences returns the differences of the leaf and the chain, in the order of the output.
func differences(a, b certificateView) []difference {
	list := []difference{}
	compare := func(field string, first, second any) {
		if !reflect.DeepEqual(first, second) {
			list = append(list, difference{field, fmt.Sprint(first), fmt.Sprint(second)})
		}
	}
	compare("subject", a.Subject, b.Subject)
	onlyA, onlyB := without(a.Names, b.Names), without(b.Names, a.Names)
	if len(onlyA)+len(onlyB) > 0 {
		list = append(list, difference{"names", "only here: " + orDash(strings.Join(onlyA, ", ")), "only here: " + orDash(strings.Join(onlyB, ", "))})
	}
	compare("issuer", a.Issuer, b.Issuer)
	compare("serial", a.Serial, b.Serial)
	compare("notBefore", a.NotBefore.Format(time.RFC3339), b.NotBefore.Format(time.RFC3339))
	compare("notAfter", a.NotAfter.Format(time.RFC3339), b.NotAfter.Format(time.RFC3339))
	compare("keyType", a.KeyType, b.KeyType)
	compare("signature", a.Signature, b.Signature)
	compare("fingerprint", a.Fingerprint, b.Fingerprint)
	compare("chain", serials(a.Chain), serials(b.Chain))
	return list
}

func without(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(one string) bool { return slices.Contains(others, one) })
}

func serials(chain []chainView) string {
	var list []string
	for _, c := range chain {
		list = append(list, c.Subject+" ("+c.Serial+")")
	}
	return orDash(strings.Join(list, ", "))
}

func writeDifferences(out io.Writer, shown inspection) {
	if *shown.Same {
		fmt.Fprintln(out, "\n"+paint(out, green, "the same certificate"))
	} else {
		fmt.Fprintln(out, "\n"+paint(out, red, "not the same certificate"))
	}
	for _, d := range shown.Differences {
		fmt.Fprintf(out, "  %-12s %s\n  %-12s %s\n", d.Field, terminal.Escape(d.First), "", terminal.Escape(d.Second))
	}
}
