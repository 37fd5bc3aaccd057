// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"net/netip"
	"strings"
)

// NormalizeHost converts a host to lower case (ASCII only) and trims white space. It does not change anything else,
// such as a trailing dot or Unicode, so that Validate can report it.
func NormalizeHost(host string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.TrimSpace(host))
}

// MatchHost reports whether a certificate for pattern is valid for host: they are the same name, or pattern starts
// with "*." and host has exactly one label in its position (RFC 9525 section 6.3). Case is ignored. An empty host
// never matches.
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

// MatchHosts returns a function that reports whether one of patterns matches a host. The cost of a call does not
// depend on the number of patterns.
func MatchHosts(patterns []string) func(host string) bool { return newNameSet(patterns).matches }

// hostProblem returns nil for a host name in lower case, or a wildcard with at least one more label (RFC 1123 section
// 2.1, RFC 5280 section 4.2.1.6). "*.com" is allowed, because a private CA may sign such a name.
func hostProblem(host string) *problem {
	if general := shapeProblem(host); general != nil {
		return general
	}
	name := strings.TrimPrefix(host, "*.")
	if strings.Contains(name, "*") {
		return &problem{"has a wildcard where none is allowed", `use "*" only as the whole first label, for example "*.example.com"`}
	}
	for label := range strings.SplitSeq(name, ".") {
		if bad := labelProblem(label); bad != nil {
			return bad
		}
	}
	return nil
}

// shapeProblem checks the host as a whole, so that the message refers to what the user meant.
func shapeProblem(host string) *problem {
	switch {
	case host == "":
		return &problem{"is empty", "set a host name or remove the entry"}
	case strings.Contains(host, "://"):
		return &problem{"is a URL, not a host name", "remove the scheme and the path"}
	case isIP(host):
		return &problem{"is an IP address, not a host name", "move it to ipAddresses"}
	case strings.HasSuffix(host, "."):
		return &problem{"ends with a dot", "remove the trailing dot"}
	case strings.ContainsFunc(host, func(r rune) bool { return r > '~' }):
		return &problem{"has characters outside ASCII", `use punycode, for example "xn--bcher-kva.example"`}
	case len(host) > 253:
		return &problem{"is longer than 253 characters", "use a shorter name"}
	}
	return nil
}

func isIP(host string) bool {
	if last := host[len(host)-1]; !strings.Contains(host, ":") && (last < '0' || last > '9') {
		return false // avoids the cost of an error for most hosts
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

func labelProblem(label string) *problem {
	switch {
	case label == "":
		return &problem{"has an empty label", "remove the extra dot"}
	case len(label) > 63:
		return &problem{"has a label longer than 63 characters", "use shorter labels"}
	case label[0] == '-' || label[len(label)-1] == '-':
		return &problem{"has a label that begins or ends with a hyphen", "use hyphens only inside a label"}
	case strings.Contains(label, "_"):
		return &problem{"has an underscore", "use a hyphen: host names have no underscores (RFC 1123)"}
	case strings.ContainsFunc(label, func(r rune) bool { return 'A' <= r && r <= 'Z' }):
		return &problem{"has upper-case letters", "write it in lower case"}
	case strings.ContainsFunc(label, notHostRune):
		return &problem{"has a character that is not allowed in host names", "use letters, digits, hyphens and dots"}
	}
	return nil
}

func notHostRune(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
}
