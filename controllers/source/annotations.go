// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/note"
)

// optIn is the result of parsing the annotations of a source object.
type optIn struct {
	// explicit means that the object names an issuer, and is not only opted in by --manage all. Missing hosts are then a fault.
	explicit bool
	spec     v1alpha1.ApisixCertificateSpec
	altNames []string
	// renewAt is the requested renewal time (RFC 3339), or empty.
	renewAt  string
	problems []string
	// optedOut says why the object is not opted in. It is empty if it is.
	optedOut string
}

// parse parses annotations. ok is false if the object is not opted in: optedOut then says why, and problems lists the faults of
// an object that tried to opt in.
func parse(annotations map[string]string, defaults Defaults) (s optIn, ok bool) {
	p := &parser{annotations: annotations}
	managed := p.managed(defaults)
	if managed == no {
		return optIn{optedOut: "annotation " + v1alpha1.AnnotationManage + ` is "false"`}, false
	}
	if p.push() {
		s = optIn{explicit: true, spec: v1alpha1.ApisixCertificateSpec{Provided: true}, altNames: p.list(v1alpha1.AnnotationAltNames), renewAt: p.time(v1alpha1.AnnotationRenewAt)}
		s.problems = p.problems
		return s, true
	}
	ref, ok := p.issuer(defaults, managed)
	if !ok {
		return optIn{problems: p.problems, optedOut: p.optedOut()}, false
	}
	s.spec.IssuerRef = ref
	s.explicit = managed == yes || p.text(v1alpha1.AnnotationIssuer)+p.text(v1alpha1.AnnotationClusterIssuer) != ""
	s.spec.CommonName = p.text(v1alpha1.AnnotationCommonName)
	s.altNames = p.list(v1alpha1.AnnotationAltNames)
	s.spec.IPAddresses = p.list(v1alpha1.AnnotationIPSANs)
	s.spec.URIs = p.list(v1alpha1.AnnotationURISANs)
	s.spec.EmailAddresses = p.list(v1alpha1.AnnotationEmailSANs)
	s.spec.Duration = p.duration(v1alpha1.AnnotationDuration)
	s.spec.RenewBefore = p.duration(v1alpha1.AnnotationRenewBefore)
	s.spec.RenewBeforePercentage = p.number(v1alpha1.AnnotationRenewBeforePercentage, 1, 99)
	s.spec.RenewalPolicy = v1alpha1.RenewalPolicy(p.oneOf(v1alpha1.AnnotationRenewalPolicy, string(v1alpha1.RenewAutomatic), string(v1alpha1.RenewDisabled)))
	s.spec.Usages = p.list(v1alpha1.AnnotationUsages)
	s.spec.PrivateKey = p.privateKey()
	s.spec.Subject = p.subject()
	s.spec.SecretTemplate = p.secretTemplate()
	s.spec.KeyStorage, s.spec.VaultKV = p.keyStorage(s.spec.PrivateKey)
	s.renewAt = p.time(v1alpha1.AnnotationRenewAt)
	if s.spec.RenewBefore != nil && s.spec.RenewBeforePercentage != nil {
		p.problem(v1alpha1.AnnotationRenewBeforePercentage, "cannot be combined with "+v1alpha1.AnnotationRenewBefore+": remove one")
		s.spec.RenewBeforePercentage = nil
	}
	s.problems = p.problems
	return s, true
}

// parser reads typed values from annotations and collects their problems.
type parser struct {
	annotations map[string]string
	problems    []string
}

func (p *parser) problem(key, what string) {
	p.problems = append(p.problems, fmt.Sprintf("annotation %s: %s", key, what))
}

func (p *parser) text(key string) string { return strings.TrimSpace(p.annotations[key]) }

func (p *parser) list(key string) []string {
	return distinct(strings.Split(p.annotations[key], ","))
}

// quotedList parses a comma-separated list whose items may be quoted as in CSV (RFC 4180): "Example, Inc.",Other.
func (p *parser) quotedList(key string) []string {
	text := p.text(key)
	if text == "" {
		return nil
	}
	reader := csv.NewReader(strings.NewReader(text))
	reader.TrimLeadingSpace = true
	items, err := reader.Read()
	if _, more := reader.Read(); err != nil || more != io.EOF {
		p.problem(key, quote(text)+` is not a valid list: separate items with commas, quote an item that contains a comma ("Example, Inc."), and write "" for a quote`)
		return nil
	}
	return distinct(items)
}

// distinct removes duplicates, empty items and white space around items.
func distinct(items []string) []string {
	var out []string
	for _, item := range items {
		if item = strings.TrimSpace(item); item != "" && !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return out
}

func (p *parser) duration(key string) *metav1.Duration {
	text, ok := p.annotations[key]
	if !ok {
		return nil
	}
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil || d <= 0 {
		p.problem(key, fmt.Sprintf("%s is not a positive duration: use a value such as 2160h or 30m", quote(text)))
		return nil
	}
	return &metav1.Duration{Duration: d}
}

// time returns a time as written, or "" if it is not valid.
func (p *parser) time(key string) string {
	text := p.text(key)
	if _, err := time.Parse(time.RFC3339, text); text != "" && err != nil {
		p.problem(key, quote(text)+" is not an RFC 3339 time: use a value such as 2030-01-31T12:00:00Z")
		return ""
	}
	return text
}

// optedOut says why annotations without an issuer opt an object out.
func (p *parser) optedOut() string {
	if len(p.problems) > 0 {
		return strings.Join(p.problems, "; ")
	}
	for _, key := range []string{v1alpha1.AnnotationIssuer, v1alpha1.AnnotationClusterIssuer} {
		if _, ok := p.annotations[key]; ok {
			return "annotation " + key + " is empty"
		}
	}
	return "no annotation " + v1alpha1.AnnotationIssuer + " or " + v1alpha1.AnnotationClusterIssuer
}

func (p *parser) number(key string, low, high int32) *int32 {
	text, ok := p.annotations[key]
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil || int32(n) < low || int32(n) > high {
		p.problem(key, fmt.Sprintf("%s is not a whole number from %d to %d", quote(text), low, high))
		return nil
	}
	value := int32(n)
	return &value
}

func (p *parser) oneOf(key string, choices ...string) string {
	text := p.text(key)
	for _, choice := range choices {
		if strings.EqualFold(text, choice) {
			return choice
		}
	}
	if text != "" {
		p.problem(key, fmt.Sprintf("%s must be one of %s", quote(text), strings.Join(choices, ", ")))
	}
	return ""
}

// push reports whether the Secret is provided. An issuer in addition is a fault, because the intent is unclear and the existing
// Secret must not be overwritten.
func (p *parser) push() bool {
	switch text := p.text(v1alpha1.AnnotationProvided); {
	case text == "" || text == "false":
		return false
	case text != "true":
		p.problem(v1alpha1.AnnotationProvided, quote(text)+" must be true or false")
	}
	for _, key := range []string{v1alpha1.AnnotationIssuer, v1alpha1.AnnotationClusterIssuer} {
		if p.text(key) != "" {
			p.problem(v1alpha1.AnnotationProvided, "cannot be combined with "+key+": remove one")
		}
	}
	return true
}

// managedValue is whether an object that names no issuer requests a certificate.
type managedValue string

const (
	yes    managedValue = "true"
	no     managedValue = "false"
	silent managedValue = ""
)

// managed returns whether an object requests a certificate, regardless of an issuer.
func (p *parser) managed(defaults Defaults) managedValue {
	text := managedValue(p.text(v1alpha1.AnnotationManage))
	switch {
	case text != yes && text != no && text != silent:
		p.problem(v1alpha1.AnnotationManage, quote(string(text))+" must be true or false")
	case text == silent && defaults.Issuer != nil && p.text(v1alpha1.AnnotationTLSACME) == "true":
		return yes
	case text == yes && defaults.Issuer == nil && p.text(v1alpha1.AnnotationIssuer)+p.text(v1alpha1.AnnotationClusterIssuer) == "":
		p.problem(v1alpha1.AnnotationManage, "the controller has no default issuer (--default-issuer): name one in annotation "+v1alpha1.AnnotationIssuer+" or "+v1alpha1.AnnotationClusterIssuer)
	}
	return text
}

func (p *parser) issuer(defaults Defaults, managed managedValue) (ref v1alpha1.IssuerReference, ok bool) {
	name, cluster := p.text(v1alpha1.AnnotationIssuer), p.text(v1alpha1.AnnotationClusterIssuer)
	switch {
	case name != "" && cluster != "":
		p.problem(v1alpha1.AnnotationClusterIssuer, "cannot be combined with "+v1alpha1.AnnotationIssuer+": remove one")
		fallthrough
	case name != "":
		ref = v1alpha1.IssuerReference{Name: name, Kind: v1alpha1.KindVaultIssuer}
	case cluster != "":
		ref = v1alpha1.IssuerReference{Name: cluster, Kind: v1alpha1.KindClusterVaultIssuer}
	case defaults.Issuer != nil && (managed == yes || managed == silent && defaults.ManageAll):
		ref = *defaults.Issuer
	default:
		return ref, false
	}
	return p.issuerKind(ref), true
}

// issuerKind applies the annotations for the kind and group of the issuer. The group defaults to that of the kind.
func (p *parser) issuerKind(ref v1alpha1.IssuerReference) v1alpha1.IssuerReference {
	if group := p.text(v1alpha1.AnnotationIssuerGroup); (v1alpha1.IssuerReference{Group: group}).External() {
		return p.external(ref, group)
	}
	kind := p.oneOf(v1alpha1.AnnotationIssuerKind, v1alpha1.KindVaultIssuer, v1alpha1.KindClusterVaultIssuer, v1alpha1.KindIssuer, v1alpha1.KindClusterIssuer)
	group := p.text(v1alpha1.AnnotationIssuerGroup)
	if kind == "" && group == "" && ref.External() { // of --default-issuer
		return ref
	}
	switch {
	case kind != "":
		ref.Kind = kind
	case group == v1alpha1.GroupCertManager && ref.ClusterWide():
		ref.Kind = v1alpha1.KindClusterIssuer
	case group == v1alpha1.GroupCertManager:
		ref.Kind = v1alpha1.KindIssuer
	case group != "" && v1alpha1.GroupOf(ref.QualifiedKind()) != group: // of --default-issuer
		ref.Kind = map[bool]string{true: v1alpha1.KindClusterVaultIssuer, false: v1alpha1.KindVaultIssuer}[ref.ClusterWide()]
	}
	ref.Group = ""
	if v1alpha1.GroupOf(ref.Kind) == v1alpha1.GroupCertManager {
		ref.Group = v1alpha1.GroupCertManager
	}
	if group != "" && group != v1alpha1.GroupOf(ref.Kind) {
		p.problem(v1alpha1.AnnotationIssuerGroup, quote(group)+" has no kind "+ref.Kind+": correct it, or "+v1alpha1.AnnotationIssuerKind)
	}
	return ref
}

// kindName matches valid names of kinds of other groups.
var kindName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,62}$`)

// external returns an issuer of a group whose kinds only cert-manager knows.
func (p *parser) external(ref v1alpha1.IssuerReference, group string) v1alpha1.IssuerReference {
	kind := p.text(v1alpha1.AnnotationIssuerKind)
	switch {
	case len(validation.IsDNS1123Subdomain(group)) > 0:
		p.problem(v1alpha1.AnnotationIssuerGroup, quote(group)+" is not an API group: use a value such as cert-manager.io")
	case !kindName.MatchString(kind):
		p.problem(v1alpha1.AnnotationIssuerKind, quote(kind)+" is not a valid kind of group "+note.Cut(group, 80)+": use a value such as AWSPCAIssuer")
	default:
		ref.Group, ref.Kind = group, kind
	}
	return ref
}

func (p *parser) privateKey() *v1alpha1.PrivateKey {
	key := v1alpha1.PrivateKey{
		Algorithm:      p.oneOf(v1alpha1.AnnotationKeyAlgorithm, "RSA", "ECDSA", "Ed25519"),
		Encoding:       p.oneOf(v1alpha1.AnnotationKeyEncoding, "PKCS1", "PKCS8"),
		RotationPolicy: p.oneOf(v1alpha1.AnnotationKeyRotationPolicy, "Always", v1alpha1.RotationNever),
	}
	if size := p.keySize(key.Algorithm); size != 0 {
		key.Size = size
	}
	if key == (v1alpha1.PrivateKey{}) {
		return nil
	}
	return &key
}

// keySizes are the sizes of the CRD rule on privateKey.size.
var keySizes = map[string][]string{"RSA": {"2048", "3072", "4096"}, "ECDSA": {"256", "384", "521"}, "": {"256", "384", "521"}}

func (p *parser) keySize(algorithm string) int32 {
	if p.text(v1alpha1.AnnotationKeySize) == "" {
		return 0
	}
	sizes, ok := keySizes[algorithm]
	if !ok {
		p.problem(v1alpha1.AnnotationKeySize, "is not allowed with algorithm "+algorithm+": remove it")
		return 0
	}
	if text := p.text(v1alpha1.AnnotationKeySize); algorithm == "" && slices.Contains(keySizes["RSA"], text) {
		p.problem(v1alpha1.AnnotationKeySize, quote(text)+" is not a valid size of an ECDSA key: set "+v1alpha1.AnnotationKeyAlgorithm+" to RSA")
		return 0
	}
	size, _ := strconv.ParseInt(p.oneOf(v1alpha1.AnnotationKeySize, sizes...), 10, 32)
	return int32(size)
}

func (p *parser) subject() *v1alpha1.X509Subject {
	subject := &v1alpha1.X509Subject{
		Organizations:       p.quotedList(v1alpha1.AnnotationSubjectOrganizations),
		OrganizationalUnits: p.quotedList(v1alpha1.AnnotationSubjectOrganizationalUnits),
		Countries:           p.quotedList(v1alpha1.AnnotationSubjectCountries),
		Provinces:           p.quotedList(v1alpha1.AnnotationSubjectProvinces),
		Localities:          p.quotedList(v1alpha1.AnnotationSubjectLocalities),
		PostalCodes:         p.quotedList(v1alpha1.AnnotationSubjectPostalCodes),
		StreetAddresses:     p.quotedList(v1alpha1.AnnotationSubjectStreetAddresses),
		SerialNumber:        p.text(v1alpha1.AnnotationSubjectSerialNumber),
	}
	for key := range p.annotations {
		if strings.HasPrefix(key, v1alpha1.Prefix+"subject-") {
			return subject
		}
	}
	return nil
}

func (p *parser) secretTemplate() *v1alpha1.SecretTemplate {
	text := p.text(v1alpha1.AnnotationSecretTemplate)
	if text == "" {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	template := &v1alpha1.SecretTemplate{}
	if err := decoder.Decode(template); err != nil || decoder.More() {
		p.problem(v1alpha1.AnnotationSecretTemplate, `is not of the form {"labels":{"KEY":"VALUE"},"annotations":{"KEY":"VALUE"}}`)
		return nil
	}
	return template
}

// quote quotes a value of an annotation, truncated so that it cannot fill an event.
func quote(text string) string {
	return strconv.Quote(note.Cut(text, 40))
}
