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

// Kinds whose ids have a specific form.
const (
	kindIngress = "Ingress"
	kindGateway = "Gateway"
)

// Source is an object that references a Secret, from which an ssl object is derived.
type Source struct {
	Kind, Namespace, Name string
	// Index is the position of the entry among all TLS entries of an Ingress, or of the Secret among the references of a
	// Gateway's listener. Listener is the name of that listener.
	Index    int
	Listener string
	// Hosts and SecretName are used for an Ingress of 1.8 only.
	Hosts      []string
	SecretName string
}

// ID returns the id of the ssl object that the ingress controller creates for the source. It has 32 bits and can collide
// with the id of another object, so labels and hosts decide who owns an object.
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

// crc does not pad, as in the controllers.
func crc(name string) string { return strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(name))), 16) }

// ingressHash distinguishes the TLS entries of an Ingress as 1.8 does: by a hash of the ApisixTls that it generates for the
// entry. The first six characters are mapped to letters and digits, and the rest are zero bytes.
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
