// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/sha1" //nolint:gosec // the ingress controller's choice, for names
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
)

// Line is a line of apache/apisix-ingress-controller. They name and label their ssl objects differently.
type Line string

// Lines.
const (
	Line18 Line = "1.8"
	Line2  Line = "2.x"
)

const (
	kindIngress    = "Ingress"
	controllerName = "apisix-ingress-controller" // the value of both lines' labels

	// The names of IngressClasses' controllers in the charts of the two lines. 1.8 itself reads no IngressClass; 2.x may be
	// configured with another name.
	controllerClass18 = "apisix.apache.org/apisix-ingress"
	controllerClass2  = "apisix.apache.org/apisix-ingress-controller"
)

// Labels of the ingress controllers' objects. 2.x spells manager-by so.
const (
	label18ManagedBy       = "managed-by"
	label18SecretNamespace = "meta_secret_namespace"
	label18SecretName      = "meta_secret_name"

	label2ManagedBy  = "manager-by"
	label2Kind       = "k8s/kind"
	label2Namespace  = "k8s/namespace"
	label2Name       = "k8s/name"
	label2Controller = "k8s/controller-name"
)

// lineOf is the line whose object o is; empty: neither's.
func lineOf(o Object) Line {
	switch {
	case o.labels.of(label2ManagedBy) == controllerName:
		return Line2
	case o.labels.of(label18ManagedBy) == controllerName:
		return Line18
	}
	return ""
}

// line is that of the ingress controller that serves a use: as its IngressClass and the gateway's objects say, empty
// where they say nothing or contradict each other.
func (g *Gateway) line(use Use) Line {
	byClass := map[string]Line{controllerClass18: Line18, controllerClass2: Line2}[use.Controller]
	var byObjects Line
	for _, line := range []Line{Line18, Line2} {
		if !g.inventory.any(func(o Object) bool { return lineOf(o) == line }) {
			continue
		}
		if byObjects != "" {
			return byClass // both: somebody is migrating
		}
		byObjects = line
	}
	if byClass != "" && byObjects != "" && byClass != byObjects {
		return ""
	}
	if byClass != "" {
		return byClass
	}
	return byObjects
}

// controllerID is the id of the ssl object that the ingress controller keeps for a use of a Secret. It has 32 bits and
// can be that of another object too: labels and hosts decide.
func controllerID(line Line, use Use, secretName string) string {
	switch {
	case line == Line2 && use.Kind == kindIngress:
		return crc(use.Kind + "_" + use.Namespace + "_" + use.Name + "_" + strconv.Itoa(use.Index))
	case line == Line2:
		return crc(use.Kind + "_" + use.Namespace + "_" + use.Name)
	case use.Kind == kindIngress:
		return crc(use.Namespace + "_" + use.Name + "-tls-" + ingressHash(use, secretName))
	}
	return crc(use.Namespace + "_" + use.Name)
}

// crc is not padded, as the controllers have it.
func crc(name string) string { return strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(name))), 16) }

// ingressHash is how 1.8 tells the TLS entries of an Ingress apart: by a hash of the ApisixTls that it thinks up for the
// entry. Its first six characters are mapped to letters and digits, and the rest are zero bytes.
func ingressHash(use Use, secretName string) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	hosts, _ := json.Marshal(use.Hosts) // strings always marshal
	sum := sha1.Sum(fmt.Appendf(nil,
		`{"kind":"ApisixTls","apiVersion":"apisix.apache.org/v1","metadata":{"namespace":%q,"creationTimestamp":null},`+
			`"spec":{"hosts":%s,"secret":{"name":%q,"namespace":%q}},"status":{}}`,
		use.Namespace, hosts, secretName, use.Namespace))
	text := base64.URLEncoding.EncodeToString(sum[:])
	hash := make([]byte, len(text))
	for i := range 6 {
		hash[i] = letters[int(text[i])%len(letters)]
	}
	return string(hash)
}

// controllerLabels are the labels of that object.
func (g *Gateway) controllerLabels(line Line, use Use, t Target) map[string]string {
	if line == Line18 {
		return map[string]string{
			label18ManagedBy: controllerName, label18SecretNamespace: t.SecretNamespace, label18SecretName: t.SecretName,
		}
	}
	return map[string]string{
		label2ManagedBy: controllerName, label2Kind: use.Kind, label2Namespace: use.Namespace, label2Name: use.Name,
		label2Controller: g.controllerLabel(use),
	}
}

// controllerLabel is the name that a 2.x controller writes into its objects: that of its IngressClass. Another object
// tells it where the class does not.
func (g *Gateway) controllerLabel(use Use) string {
	name := use.Controller
	if name == "" {
		g.inventory.any(func(o Object) bool {
			name = o.labels.of(label2Controller)
			return name != ""
		})
	}
	if name == "" {
		return controllerClass2
	}
	return name
}
