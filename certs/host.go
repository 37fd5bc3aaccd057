// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"net/netip"
	"strings"
)

// NormalizeHost lower-cases a host (ASCII only) and cuts white space around it. A trailing dot, an IDN in Unicode and
// anything else that is wrong stays, for Validate to name.
func NormalizeHost(host string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.TrimSpace(host))
}

// MatchHost reports whether a certificate for pattern serves host: the same name, or "*." and exactly one label in the
// star's place (RFC 9525 section 6.3). Case does not matter. The empty host matches nothing.
func MatchHost(pattern, host string) bool {
	pattern, host = NormalizeHost(pattern), NormalizeHost(host)
	if host == "" {
		return false
	}
	if pattern == host {
		return true
	}
	parent, wildcard := strings.CutPrefix(pattern, "*.")
	label, rest, found := strings.Cut(host, ".")
	return wildcard && found && label != "" && rest == parent
}

// MatchHosts is MatchHost for many patterns: it reports whether one of them matches. A call takes as long however many there
// are, where a certificate may have a thousand names and be asked for each of them.
func MatchHosts(patterns []string) func(host string) bool { return newNameSet(patterns).matches }

// hostProblem is nil for a lower-case host name or wildcard of at least one label (RFC 1123 section 2.1, RFC 5280
// section 4.2.1.6). "*.com" is one: a private CA may serve such a name.
func hostProblem(host string) *problem {
	if general := shapeProblem(host); general != nil {
		return general
	}
	name := strings.TrimPrefix(host, "*.")
	if strings.Contains(name, "*") {
		return &problem{"has a star where none is allowed", `use one star as the whole first label, as in "*.example.com"`}
	}
	for label := range strings.SplitSeq(name, ".") {
		if bad := labelProblem(label); bad != nil {
			return bad
		}
	}
	return nil
}

// shapeProblem looks at the whole, so that its message is about what the writer meant.
func shapeProblem(host string) *problem {
	switch {
	case host == "":
		return &problem{"is empty", "name a host, or remove the entry"}
	case strings.Contains(host, "://"):
		return &problem{"is a URL and not a host", "leave out the scheme and the path"}
	case isIP(host):
		return &problem{"is an IP address and not a host name", "move it to ipAddresses"}
	case strings.HasSuffix(host, "."):
		return &problem{"ends in a dot", "leave out the trailing dot"}
	case strings.ContainsFunc(host, func(r rune) bool { return r > '~' }):
		return &problem{"has characters outside ASCII", `write the name in punycode, as in "xn--bcher-kva.example"`}
	case len(host) > 253:
		return &problem{"is longer than 253 characters", "use a shorter name"}
	}
	return nil
}

func isIP(host string) bool {
	if last := host[len(host)-1]; !strings.Contains(host, ":") && (last < '0' || last > '9') {
		return false // most hosts, without the cost of an error
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

func labelProblem(label string) *problem {
	switch {
	case label == "":
		return &problem{"has an empty label", "leave out the extra dot"}
	case len(label) > 63:
		return &problem{"has a label longer than 63 characters", "use shorter labels"}
	case label[0] == '-' || label[len(label)-1] == '-':
		return &problem{"has a label that begins or ends with a hyphen", "use hyphens only inside a label"}
	case strings.Contains(label, "_"):
		return &problem{"has an underscore", "use a hyphen: host names have no underscores (RFC 1123)"}
	case strings.ContainsFunc(label, func(r rune) bool { return 'A' <= r && r <= 'Z' }):
		return &problem{"has upper-case letters", "write it in lower case"}
	case strings.ContainsFunc(label, notHostRune):
		return &problem{"has a character that host names cannot have", "use letters, digits, hyphens and dots"}
	}
	return nil
}

func notHostRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
}
