// SPDX-License-Identifier: Apache-2.0

package source

import (
	"cmp"
	"encoding/hex"
	"hash/fnv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// group is a Secret and the sources of one namespace that share it. They get one certificate.
type group struct {
	namespace string // of the sources and the certificate
	secret    types.NamespacedName
}

// kindSecret marks a request for a group. Other requests have the kind of a source.
const kindSecret = "Secret"

// request returns the request for the group. Names of objects contain no slash.
func (g group) request() ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: g.namespace, Name: kindSecret + "/" + g.secret.String()}}
}

// sourceRequest returns the request for one source.
func sourceRequest(kind string, key types.NamespacedName) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: key.Namespace, Name: kind + "/" + key.Name}}
}

// groupOf returns the group that a request is for. ok is false if it is for a source of the returned kind and name.
func groupOf(req ctrl.Request) (g group, kind, name string, ok bool) {
	kind, name, _ = strings.Cut(req.Name, "/")
	if kind != kindSecret {
		return group{}, kind, name, false
	}
	namespace, secret, _ := strings.Cut(name, "/")
	return group{req.Namespace, types.NamespacedName{Namespace: namespace, Name: secret}}, "", "", true
}

// groupOfCertificate returns the group of the sources of an ApisixCertificate.
func groupOfCertificate(cert *v1alpha1.ApisixCertificate) group {
	return group{cert.Namespace, types.NamespacedName{Namespace: cmp.Or(cert.Spec.SecretNamespace, cert.Namespace), Name: cert.Spec.SecretName}}
}

// indexGroup indexes ApisixCertificates by group.
const indexGroup = "sourceGroup"

func groupKeys(object client.Object) []string {
	cert, ok := object.(*v1alpha1.ApisixCertificate)
	if !ok {
		return nil
	}
	return []string{groupOfCertificate(cert).key()}
}

func (g group) key() string { return g.namespace + "/" + g.secret.String() }

// names returns the possible names of the group's certificate, the preferred one first. It may be in use by another Secret, as
// "a.b" is both a Secret of that name and Secret b of namespace a.
func (g group) names() [2]string {
	plain := g.secret.Name
	if g.secret.Namespace != g.namespace {
		plain = g.secret.Namespace + "." + plain
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(g.secret.String()))
	const most = 253 - 17
	return [2]string{plain[:min(len(plain), 253)], strings.TrimRight(plain[:min(len(plain), most)], "-.") + "-" + hex.EncodeToString(hash.Sum(nil))}
}

// secretText returns the name of the Secret for messages, with its namespace if it is another one.
func (g group) secretText() string {
	if g.secret.Namespace == g.namespace {
		return g.secret.Name
	}
	return g.secret.String()
}

// member is a source that names the Secret of a group, or that an owner reference of its certificate names.
type member struct {
	object  client.Object // nil if it does not exist, or its kind is not watched
	ref     metav1.OwnerReference
	created metav1.Time
	wants   wants
	// entry is what the source requests for the Secret, or nil if it does not name the Secret.
	entry *entry
	// unknown is set if the kind of the source is not watched, so nothing is known of it.
	unknown bool
	// coveredHosts are messages for the hosts that other certificates of the namespace have.
	coveredHosts []string
	// awaits is a Secret that the source names instead of this one, and whose certificate does not exist yet.
	awaits string
}

// state is the role of a source for the certificate of a group.
type state int

const (
	gone     state = iota // the object does not exist
	leaves                // the object no longer names the Secret
	ignored               // it names the Secret, but neither requests nor had a certificate
	keeps                 // it has the certificate, and its current wishes are unclear: nothing is removed
	optedOut              // the same, because it has opted out
	faulty                // it requests the certificate, and is invalid
	joins                 // it requests the certificate
)

// state returns the state of the member. owner reports whether the certificate already belongs to it.
func (m *member) state(owner bool) state {
	switch {
	case m.unknown:
		return keeps
	case m.object == nil:
		return gone
	case !owner && (m.wants.optedOut != "" || m.entry == nil || !m.object.GetDeletionTimestamp().IsZero()):
		return ignored
	case m.entry == nil && !m.wants.unclear && m.awaits == "":
		return leaves
	case !m.object.GetDeletionTimestamp().IsZero(): // garbage collection deletes its certificate
		return keeps
	case m.wants.optedOut != "":
		return optedOut
	case m.entry == nil && m.awaits != "":
		return keeps
	case m.entry == nil:
		return faulty
	case m.entry.cert == nil && m.entry.problem == "": // other certificates cover all of its hosts
		return leaves
	case m.entry.cert == nil || len(m.entry.faults) > 0:
		return faulty
	}
	return joins
}

// name returns the source for messages.
func (m *member) name() string { return m.ref.Kind + " " + m.ref.Name }

// older orders sources by age. Sources of the same second are ordered by kind, then name.
func older(a, b *member) int {
	return cmp.Or(a.created.Compare(b.created.Time), cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.Name, b.ref.Name))
}
