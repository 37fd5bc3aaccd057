// SPDX-License-Identifier: Apache-2.0

package ingresscontroller

import (
	"crypto/sha1" //nolint:gosec // the ingress controller's choice, for names
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
)

// Kinds of a Source whose ids have a form of their own.
const (
	kindIngress = "Ingress"
	kindGateway = "Gateway"
)

// Source is what an ssl object is derived from: an object that refers to a Secret.
type Source struct {
	Kind, Namespace, Name string
	// Index is the place of an Ingress's entry among all its TLS entries, or of a Secret among the references of a Gateway's
	// listener. Listener is that listener's name.
	Index    int
	Listener string
	// Hosts and SecretName count for an Ingress of 1.8.
	Hosts      []string
	SecretName string
}

// ID is the id of the ssl object that the ingress controller keeps for the source. It has 32 bits and can be that of
// another object too: labels and hosts decide whose it is.
func (v Version) ID(s Source) string {
	name := s.Namespace + "_" + s.Name
	switch {
	case v == V2 && s.Kind == kindIngress:
		return crc(s.Kind + "_" + name + "_" + strconv.Itoa(s.Index))
	case v == V2 && s.Kind == kindGateway:
		return crc(s.Kind + "_" + name + "_" + s.Listener + "_" + strconv.Itoa(s.Index))
	case v == V2:
		return crc(s.Kind + "_" + name)
	case s.Kind == kindIngress:
		return crc(name + "-tls-" + ingressHash(s))
	}
	return crc(name)
}

// crc is not padded, as the controllers have it.
func crc(name string) string { return strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(name))), 16) }

// ingressHash distinguishes the TLS entries of an Ingress as 1.8 does: by a hash of the ApisixTls that it thinks up for the
// entry. Its first six characters are mapped to letters and digits, and the rest are zero bytes.
func ingressHash(s Source) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	hosts, _ := json.Marshal(s.Hosts) // strings always marshal
	sum := sha1.Sum(fmt.Appendf(nil,
		`{"kind":"ApisixTls","apiVersion":"apisix.apache.org/v1","metadata":{"namespace":%q,"creationTimestamp":null},`+
			`"spec":{"hosts":%s,"secret":{"name":%q,"namespace":%q}},"status":{}}`,
		s.Namespace, hosts, s.SecretName, s.Namespace))
	text := base64.URLEncoding.EncodeToString(sum[:])
	hash := make([]byte, len(text))
	for i := range 6 {
		hash[i] = letters[int(text[i])%len(letters)]
	}
	return string(hash)
}
