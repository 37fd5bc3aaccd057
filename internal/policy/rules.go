// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"slices"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/class"
)

// rules are the checks of a policy. Each returns the field that the policy does not allow and the fix, or an empty string.
// Their order is that of an objection's distance.
var rules = []struct {
	check  func(*compiled, *Request) string
	issued bool // it concerns issuance, so it is skipped for provided Secrets
}{
	{checkHosts, false},
	{checkCommonName, false},
	{checkOtherNames, false},
	{checkSubject, false},
	{checkIngressClass, false},
	{checkIssuer, true},
	{checkDuration, true},
	{checkKey, true},
	{checkUsages, true},
	{checkKeyStorage, true},
	{checkVaultKV, true},
	{checkNumber, false},
}

// notIn is the objection to a value that is not in the policy's list.
func notIn(field, value, list string) string {
	return fmt.Sprintf("spec.%s: %s is not in the policy's %s; change it, or have it added to the policy", field, value, list)
}

func checkHosts(p *compiled, r *Request) string {
	for _, name := range r.Spec.DNSNames {
		if !p.names.allow(name) {
			return notIn("dnsNames", "host "+name, "dnsNames")
		}
	}
	return ""
}

func checkCommonName(p *compiled, r *Request) string {
	if name := r.Spec.CommonName; name != "" && !p.names.allow(name) {
		return notIn("commonName", "common name "+name, "dnsNames")
	}
	return ""
}

func checkOtherNames(p *compiled, r *Request) string {
	if p.spec.AllowOtherNames {
		return ""
	}
	for _, kind := range []struct {
		field, name string
		values      []string
	}{
		{"ipAddresses", "IP address", r.Spec.IPAddresses}, {"uris", "URI", r.Spec.URIs}, {"emailAddresses", "e-mail address", r.Spec.EmailAddresses},
	} {
		if len(kind.values) > 0 {
			return fmt.Sprintf("spec.%s: %s %s requires the policy's allowOtherNames; remove it, or have allowOtherNames set to true", kind.field, kind.name, kind.values[0])
		}
	}
	return ""
}

func checkSubject(p *compiled, r *Request) string {
	subject, bounds := r.Spec.Subject, p.spec.Subject
	switch {
	case subject == nil, bounds == nil && p.spec.AllowOtherNames:
		return ""
	case bounds == nil:
		return "spec.subject: the policy allows no subject; remove it, or have the policy's subject list the allowed values"
	}
	var serial []string
	if subject.SerialNumber != "" {
		serial = []string{subject.SerialNumber}
	}
	for _, attribute := range []struct {
		field, list     string
		values, allowed []string
	}{
		{"organizations", "organizations", subject.Organizations, bounds.Organizations},
		{"organizationalUnits", "organizationalUnits", subject.OrganizationalUnits, bounds.OrganizationalUnits},
		{"countries", "countries", subject.Countries, bounds.Countries},
		{"localities", "localities", subject.Localities, bounds.Localities},
		{"provinces", "provinces", subject.Provinces, bounds.Provinces},
		{"streetAddresses", "streetAddresses", subject.StreetAddresses, bounds.StreetAddresses},
		{"postalCodes", "postalCodes", subject.PostalCodes, bounds.PostalCodes},
		{"serialNumber", "serialNumbers", serial, bounds.SerialNumbers},
	} {
		for _, value := range attribute.values {
			if !listed(attribute.allowed, value) {
				return notIn("subject."+attribute.field, fmt.Sprintf("%q", value), "subject."+attribute.list)
			}
		}
	}
	return ""
}

// listed reports whether a list has the value, or a star for all values.
func listed(list []string, value string) bool {
	return slices.Contains(list, value) || slices.Contains(list, "*")
}

func checkIngressClass(p *compiled, r *Request) string {
	key, field := class.OfSpec(r.Namespace, r.Spec), "ingressClassName"
	if r.Spec.GatewayRef != nil {
		field = "gatewayRef"
	}
	if key != class.None && len(p.spec.IngressClassNames) > 0 && !listed(p.spec.IngressClassNames, key) {
		return notIn(field, fmt.Sprintf("%q", key), "ingressClassNames")
	}
	return ""
}

func checkIssuer(p *compiled, r *Request) string {
	ref := r.Spec.IssuerRef.WithKind()
	for _, allowed := range p.spec.Issuers {
		group := cmp.Or(allowed.Group, v1alpha1.GroupOf(allowed.Kind))
		if allowed.Kind == ref.Kind && group == v1alpha1.GroupOf(ref.QualifiedKind()) && (allowed.Name == "*" || allowed.Name == ref.Name) {
			return ""
		}
	}
	return notIn("issuerRef", "issuer "+ref.String(), "issuers")
}

func checkDuration(p *compiled, r *Request) string {
	least, most := p.spec.MinDuration, p.spec.MaxDuration
	switch duration := r.Spec.Duration; {
	case least == nil && most == nil:
	case duration == nil && most != nil:
		return fmt.Sprintf("spec.duration: is not set, and the policy's maxDuration is %s; set it", most.Duration)
	case duration == nil:
		return fmt.Sprintf("spec.duration: is not set, and the policy's minDuration is %s; set it", least.Duration)
	case least != nil && duration.Duration < least.Duration:
		return fmt.Sprintf("spec.duration: %s is below the policy's minDuration %s; raise it, or have minDuration lowered", duration.Duration, least.Duration)
	case most != nil && duration.Duration > most.Duration:
		return fmt.Sprintf("spec.duration: %s exceeds the policy's maxDuration %s; lower it, or have maxDuration raised", duration.Duration, most.Duration)
	}
	return ""
}

func checkKey(p *compiled, r *Request) string {
	algorithm, size := keyOf(r.Spec)
	allowed := func(key v1alpha1.PolicyKey) bool {
		return key.Algorithm == algorithm && (len(key.Sizes) == 0 || size == 0 || slices.Contains(key.Sizes, size))
	}
	if len(p.spec.PrivateKeys) == 0 || slices.ContainsFunc(p.spec.PrivateKeys, allowed) {
		return ""
	}
	return notIn("privateKey", keyText(algorithm, size), "privateKeys")
}

func checkUsages(p *compiled, r *Request) string {
	allowed := defaultUsages
	if len(p.spec.Usages) > 0 {
		allowed = usagesOf(&v1alpha1.ApisixCertificateSpec{Usages: p.spec.Usages})
	}
	for _, usage := range usagesOf(r.Spec) {
		if !listed(allowed, usage) {
			return notIn("usages", fmt.Sprintf("%q", usage), "usages")
		}
	}
	return ""
}

func checkKeyStorage(p *compiled, r *Request) string {
	allowed := p.spec.KeyStorages
	if len(allowed) == 0 {
		allowed = []v1alpha1.KeyStorage{v1alpha1.KeyInSecret}
	}
	if storage := keyStorageOf(r.Spec); !slices.Contains(allowed, storage) {
		return notIn("keyStorage", string(storage), "keyStorages")
	}
	return ""
}

func checkVaultKV(p *compiled, r *Request) string {
	if r.Spec.KeyStorage != v1alpha1.KeyInVaultKV {
		return ""
	}
	location := locationOf(r.Spec)
	if len(p.spec.VaultKV) == 0 && isAtOrBelow(location, defaultLocation) {
		return ""
	}
	for _, allowed := range p.spec.VaultKV {
		if other := allowed.Mount; allowed.Path == "" && isAtOrBelow(location, other) || allowed.Path != "" && isAtOrBelow(location, other+"/"+allowed.Path) {
			return ""
		}
	}
	return notIn("vaultKV", "location "+location, "vaultKV")
}

func checkNumber(p *compiled, r *Request) string {
	most := p.spec.MaxCertificates
	if most == nil || r.Older != nil && r.Older() < int(*most) {
		return ""
	}
	return fmt.Sprintf("the policy's maxCertificates %d is used up by older ApisixCertificates in namespace %s; delete some, or have it raised", *most, r.Namespace)
}
