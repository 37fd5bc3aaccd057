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

// group is the Secret that sources of one namespace have in common: they get one certificate between them.
type group struct {
	namespace string // of the sources and the certificate
	secret    types.NamespacedName
}

// kindSecret is the word for a group in a request. Others are kinds of sources.
const kindSecret = "Secret"

// request is that of the group. Names of objects have no slash.
func (g group) request() ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: g.namespace, Name: kindSecret + "/" + g.secret.String()}}
}

// sourceRequest is that of one source by itself.
func sourceRequest(kind string, key types.NamespacedName) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: key.Namespace, Name: kind + "/" + key.Name}}
}

// groupOf is the group that a request is for; ok is false where it is for a source of that kind and name.
func groupOf(req ctrl.Request) (g group, kind, name string, ok bool) {
	kind, name, _ = strings.Cut(req.Name, "/")
	if kind != kindSecret {
		return group{}, kind, name, false
	}
	namespace, secret, _ := strings.Cut(name, "/")
	return group{req.Namespace, types.NamespacedName{Namespace: namespace, Name: secret}}, "", "", true
}

// groupOfCertificate is that of the sources which have, or would have, an ApisixCertificate.
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

// names are those that the certificate of the group may have, the best first: another Secret may have the first one, since
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

// secretText names the Secret for people: with its namespace where that is another.
func (g group) secretText() string {
	if g.secret.Namespace == g.namespace {
		return g.secret.Name
	}
	return g.secret.String()
}

// member is a source that names the Secret of a group, or one that an owner reference of its certificate names.
type member struct {
	object  client.Object // nil where it is gone, or of a kind that is not followed
	ref     metav1.OwnerReference
	created metav1.Time
	wants   wants
	// entry is what the source says of the Secret. Nil: it does not name it.
	entry *entry
	// unknown: the source is of a kind that is not followed here, so that nothing is known of it.
	unknown bool
	// yields are the hosts that other certificates of the namespace have, in words.
	yields []string
	// awaits is a Secret that the source names in the place of this one and whose certificate does not exist yet.
	awaits string
}

// state is what a source means for the certificate of a group.
type state int

const (
	gone     state = iota // the object does not exist
	leaves                // the object does not name the Secret any more
	ignored               // it names the Secret, and neither wants nor had a certificate
	keeps                 // it has the certificate, and does not say now what that should be: nothing it had is taken away
	optedOut              // the same, for it has opted out
	faulty                // it wants the certificate, and something is wrong with it
	joins                 // it wants the certificate
)

// state of the member, of which owner says whether the certificate belongs to it already.
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
	case !m.object.GetDeletionTimestamp().IsZero(): // garbage collection ends what it has
		return keeps
	case m.wants.optedOut != "":
		return optedOut
	case m.entry == nil && m.awaits != "":
		return keeps
	case m.entry == nil:
		return faulty
	case m.entry.cert == nil && m.entry.problem == "": // it yields all of its hosts
		return leaves
	case m.entry.cert == nil || len(m.entry.faults) > 0:
		return faulty
	}
	return joins
}

// name is the source for people.
func (m *member) name() string { return m.ref.Kind + " " + m.ref.Name }

// older orders sources by age. Of two that were created in the same second the one whose kind, then name sorts first comes
// first.
func older(a, b *member) int {
	return cmp.Or(a.created.Compare(b.created.Time), cmp.Compare(a.ref.Kind, b.ref.Kind), cmp.Compare(a.ref.Name, b.ref.Name))
}
