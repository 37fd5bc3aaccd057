// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// ref is a plain owner reference to the ApisixTls of that name.
func ref(name string) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: "apisix.apache.org/v2", Kind: kindTLS, Name: name, UID: types.UID("uid-" + name)}
}

func controlling(ref metav1.OwnerReference) metav1.OwnerReference {
	ref.Controller = ptr.To(true)
	return ref
}

// certEdit changes the ApisixCertificate "s" for a.example.
type certEdit func(*v1alpha1.ApisixCertificate)

func newCert(edits ...certEdit) v1alpha1.ApisixCertificate {
	cert := v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{SecretName: "s", DNSNames: []string{"a.example"}, IssuerRef: byVault}}
	cert.Namespace, cert.Name, cert.UID = "ns", "s", "uid-cert-s"
	for _, edit := range edits {
		edit(&cert)
	}
	return cert
}

// controlled and shared give the certificate owners, the controller and others.
func controlled(by string) certEdit {
	return func(c *v1alpha1.ApisixCertificate) {
		c.OwnerReferences = append(c.OwnerReferences, controlling(ref(by)))
	}
}
func shared(by string) certEdit {
	return func(c *v1alpha1.ApisixCertificate) { c.OwnerReferences = append(c.OwnerReferences, ref(by)) }
}
func forHosts(hosts ...string) certEdit {
	return func(c *v1alpha1.ApisixCertificate) { c.Spec.DNSNames = hosts }
}
func named(name string) certEdit {
	return func(c *v1alpha1.ApisixCertificate) {
		c.Name, c.Spec.SecretName, c.UID = name, name, types.UID("uid-cert-"+name)
	}
}
func note1(key, value string) certEdit {
	return func(c *v1alpha1.ApisixCertificate) { metav1.SetMetaDataAnnotation(&c.ObjectMeta, key, value) }
}
func faultyCert(c *v1alpha1.ApisixCertificate) {
	note1(v1alpha1.AnnotationSourceProblem, badDuration)(c)
}
func ending(c *v1alpha1.ApisixCertificate) {
	c.DeletionTimestamp, c.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{v1alpha1.Finalizer}
}
func retained(c *v1alpha1.ApisixCertificate) { c.Spec.SecretRetention = v1alpha1.SecretRetain }
func ofClass(class string) certEdit {
	return func(c *v1alpha1.ApisixCertificate) { c.Spec.IngressClassName = class }
}

const badDuration = `annotation apisix-certs.io/duration: "90d" is not a positive duration: use a value such as 2160h or 30m`

// source makes a member of the group of Secret s from an ApisixTls of that name, which was created in that second.
func source(name string, second int64, edits ...tlsEdit) *member {
	return sourceFor(Defaults{}, name, second, edits...)
}

func sourceFor(defaults Defaults, name string, second int64, edits ...tlsEdit) *member {
	tls := newTLS(edits...)
	tls.Name, tls.UID, tls.CreationTimestamp = name, types.UID("uid-"+name), metav1.Time{Time: time.Unix(second, 0)}
	r := &reconciler{defaults: defaults}
	return memberOf(r, kindOf(kindTLS), tls, groupS)
}

// memberOf is for objects that depend on nothing else.
func memberOf(r *reconciler, kind Kind, object client.Object, g group) *member {
	m, err := r.member(context.Background(), kind, object, g)
	if err != nil {
		panic(err)
	}
	return m
}

var groupS = group{"ns", types.NamespacedName{Namespace: "ns", Name: "s"}}

func kindOf(name string) Kind {
	return kinds[slices.IndexFunc(kinds, func(k Kind) bool { return k.Kind == name })]
}

func deleting(tls *configv2.ApisixTls) { tls.DeletionTimestamp = &metav1.Time{Time: time.Unix(9, 0)} }
func class(name string) tlsEdit {
	return func(tls *configv2.ApisixTls) { tls.Spec.IngressClassName = name }
}

// goneSource is an owner that does not exist any more, unknownSource one of a kind that is not followed.
func goneSource(name string) *member    { return &member{ref: ref(name)} }
func unknownSource(name string) *member { return &member{ref: ref(name), unknown: true} }

// steps is a plan in short: what is done to which certificate, with its hosts, owners (* the controller), ! for a problem and ? for an
// opted out source; then what is said to whom.
func steps(p plan) []string {
	var out []string
	show := func(verb string, cert *v1alpha1.ApisixCertificate) {
		if cert == nil {
			return
		}
		words := append([]string{verb, cert.Name}, cert.Spec.DNSNames...)
		for _, owner := range cert.OwnerReferences {
			words = append(words, map[bool]string{true: "*", false: "+"}[ptr.Deref(owner.Controller, false)]+owner.Name)
		}
		for mark, key := range map[string]string{"!": v1alpha1.AnnotationSourceProblem, "?": v1alpha1.AnnotationSourceOptedOut} {
			if cert.Annotations[key] != "" {
				words = append(words, mark)
			}
		}
		out = append(out, strings.Join(words, " "))
	}
	show("create", p.create)
	if p.patch != nil {
		show("patch", p.patch.to)
	}
	show("delete", p.delete)
	show("keep", p.keep)
	if p.again {
		out = append(out, "again")
	}
	for _, w := range p.says {
		out = append(out, w.to.GetName()+" "+w.reason+": "+w.text)
	}
	return out
}

type certList = []v1alpha1.ApisixCertificate

func observe(have certList, members ...*member) observed {
	o := observed{group: groupS, members: members, name: "s"}
	for i := range have {
		o.have = append(o.have, &have[i])
	}
	return o
}

// checkSteps compares lines; of one that ends in "~" only what is before that.
func checkSteps(t *testing.T, want, got []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if start, ok := strings.CutSuffix(want[i], "~"); ok && strings.HasPrefix(got[i], start) {
			got[i] = want[i]
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

type sources = []*member

func TestPlan(t *testing.T) {
	elsewhere := secret("other")
	awaiting := source("me", 1, elsewhere)
	awaiting.awaits = "other"
	slip, many := with("duration", "90d"), numbered(70, "m")
	for _, c := range []struct {
		name    string
		sources sources
		have    certList
		steps   []string
	}{
		{"nothing", nil, nil, nil},
		{"create", sources{source("me", 1)}, nil, []string{"create s a.example *me"}},
		{"keep", sources{source("me", 1)}, certList{newCert(controlled("me"))}, []string{"keep s a.example *me"}},
		{"change", sources{source("me", 1, hosts("b.example"))}, certList{newCert(controlled("me"))}, []string{"patch s b.example *me"}},
		{"another order is no change", sources{source("me", 1, hosts("b.example", "a.example"))}, certList{newCert(controlled("me"), forHosts("a.example", "b.example"))}, []string{"keep s a.example b.example *me"}},
		{"its entry is gone", sources{source("me", 1, elsewhere)}, certList{newCert(controlled("me"))}, []string{"delete s a.example *me"}},
		{"its entry is gone, and where it is now there is no certificate yet", sources{awaiting}, certList{newCert(controlled("me"))}, []string{"keep s a.example *me", "again"}},
		{"it is gone", sources{goneSource("me")}, certList{newCert(controlled("me"))}, nil},
		{"it is being deleted", sources{source("me", 1, deleting)}, certList{newCert(controlled("me"))}, []string{"keep s a.example *me"}},
		{"it is being deleted and had none", sources{source("me", 1, deleting)}, nil, nil},
		{"on its way out", sources{source("me", 1)}, certList{newCert(controlled("me"), ending)}, nil},
		{"held on its way out by somebody else", sources{source("me", 1)}, certList{newCert(controlled("me"), ending, func(c *v1alpha1.ApisixCertificate) {
			c.Finalizers = append(c.Finalizers, "example.com/x")
		})}, []string{"me InvalidSource: ApisixCertificate s is being deleted and blocked by finalizer example.com/x: remove the finalizer, and a new one is created for Secret s"}},
		{"retention is the user's", sources{source("me", 1)}, certList{newCert(controlled("me"), retained)}, []string{"keep s a.example *me"}},
		{"a kind that is not followed", sources{unknownSource("other")}, certList{newCert(controlled("other"))}, []string{"keep s a.example *other"}},
		{"a kind that is not followed, and one that is", sources{unknownSource("other"), source("me", 1, hosts("b.example"))}, certList{newCert(controlled("other"))}, []string{"patch s b.example a.example +other *me"}},

		{"two", sources{source("b", 2, hosts("b.example")), source("a", 1)}, nil, []string{"create s a.example b.example *a +b"}},
		{"two of one second", sources{source("b", 1, hosts("b.example")), source("a", 1)}, nil, []string{"create s a.example b.example *a +b"}},
		{"a second comes", sources{source("a", 1), source("b", 2, hosts("a.example", "b.example"))}, certList{newCert(controlled("a"))}, []string{"patch s a.example b.example *a +b"}},
		{"an older one opts in", sources{source("a", 1, hosts("b.example")), source("b", 2)}, certList{newCert(controlled("b"))}, []string{"patch s b.example a.example +b *a"}},
		{"the first goes", sources{goneSource("a"), source("b", 2, hosts("a.example", "b.example"))}, certList{newCert(controlled("a"), shared("b"), forHosts("a.example", "b.example"))}, []string{"patch s a.example b.example *b"}},
		{"the union shrinks", sources{source("a", 1), goneSource("b")}, certList{newCert(controlled("a"), shared("b"), forHosts("a.example", "b.example"))}, []string{"patch s a.example *a"}},
		{"an entry of one goes", sources{source("a", 1, elsewhere), source("b", 2)}, certList{newCert(controlled("a"), shared("b"))}, []string{"patch s a.example *b"}},
		{"both entries go", sources{source("a", 1, elsewhere), source("b", 2, elsewhere)}, certList{newCert(controlled("a"), shared("b"))}, []string{"delete s a.example *a +b"}},
		{"one entry goes, the other object", sources{source("a", 1, elsewhere), goneSource("b")}, certList{newCert(controlled("a"), shared("b"))}, []string{"delete s a.example *a +b"}},
		{"under the wildcard of another", sources{source("a", 1, hosts("*.example")), source("b", 2, hosts("b.example", "c.d.example"))}, nil, []string{"create s *.example c.d.example *a +b"}},
		{"under the wildcard of a younger one", sources{source("a", 1), source("b", 2, hosts("*.example"))}, nil, []string{"create s *.example *a +b"}},
		{"beside its own wildcard", sources{source("a", 1, hosts("a.example", "*.example")), source("b", 2, hosts("*.example"))}, nil, []string{"create s a.example *.example *a +b"}},
		{"they differ", sources{source("a", 1), source("b", 2, with("duration", "1h", "private-key-algorithm", "RSA"), class("c"))}, nil, []string{"create s a.example *a +b",
			"b SecretShared: Secret s is shared with ApisixTls a, which is older and takes precedence; this object differs in annotation apisix-certs.io/duration, annotation apisix-certs.io/private-key-*, the ingress class: set the same on both, or name another Secret here"}},
		{"they differ in what is not compared", sources{source("a", 1), source("b", 2, with("alt-names", "b.example", "adopt-secret", "true", "renew-at", "2030-01-31T12:00:00Z"))}, nil, []string{"create s a.example b.example *a +b"}},
		{"too many hosts together", sources{source("a", 1, hosts(numbered(mostHosts-30, "n")...)), source("b", 2, hosts(many...)), source("c", 3)}, nil, []string{
			"create s " + strings.Join(numbered(mostHosts-30, "n"), " ") + " a.example *a +c", "b InvalidSource: Secret s is shared with ApisixTls a, and one certificate cannot have all hosts of both (spec.hosts): ~"}},

		{"by hand", sources{source("me", 1)}, certList{newCert()}, nil},
		{"by hand, of another name", sources{source("me", 1)}, certList{newCert(named("x"), func(c *v1alpha1.ApisixCertificate) { c.Spec.SecretName = "s" })}, nil},
		{"by hand, a host is missing", sources{source("me", 1, hosts("a.example", "b.example"))}, certList{newCert()}, []string{
			"me InvalidSource: Secret s has ApisixCertificate s, written by hand, which lacks host b.example: add it to spec.dnsNames there, or name another Secret here"}},
		{"by hand, for an object that is opted out", sources{source("me", 1, bare, hosts("b.example"))}, certList{newCert()}, nil},
		{"by hand, with an owner that is no source", sources{source("me", 1)}, certList{newCert(func(c *v1alpha1.ApisixCertificate) {
			c.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "x", Controller: ptr.To(true)}}
		})}, nil},
		{"an owner beside sources stays, and controls", sources{source("me", 1), goneSource("b")}, certList{newCert(shared("b"), func(c *v1alpha1.ApisixCertificate) {
			c.OwnerReferences = append(c.OwnerReferences, metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "x", Controller: ptr.To(true)})
		})}, []string{"patch s a.example *x +me"}},

		{"faulty, new", sources{source("me", 1, slip)}, nil, []string{"create s a.example *me !"}},
		{"faulty, last good spec", sources{source("me", 1, slip, hosts("b.example"))}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me !"}},
		{"still faulty", sources{source("me", 1, slip, hosts("b.example"))}, certList{newCert(controlled("me"), faultyCert)}, []string{"keep s a.example *me !"}},
		{"corrected", sources{source("me", 1, hosts("b.example"))}, certList{newCert(controlled("me"), faultyCert)}, []string{"patch s b.example *me"}},
		{"no host that is one, new", sources{source("me", 1, hosts("a..b"))}, nil, nil},
		{"no host that is one", sources{source("me", 1, hosts("a..b"))}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me !"}},
		{"no host", sources{source("me", 1, hosts())}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me !"}},
		{"no host, new", sources{source("me", 1, hosts())}, nil, nil},
		{"no Secret", sources{source("me", 1, secret(""))}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me !"}},
		{"no spec", sources{source("me", 1, func(tls *configv2.ApisixTls) { tls.Spec = nil })}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me ?", "me SourceOptedOut: it has no spec: ~"}},
		{"one of two is faulty", sources{source("a", 1, slip, hosts("x.example")), source("b", 2, hosts("b.example"))}, certList{newCert(controlled("a"), shared("b"), forHosts("a.example", "b.example"))}, []string{
			"patch s a.example b.example +a *b"}},

		{"annotation gone", sources{source("me", 1, bare, hosts("b.example"))}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me ?",
			"me SourceOptedOut: no annotation apisix-certs.io/issuer or apisix-certs.io/cluster-issuer: ApisixCertificate s is kept and renewed; opt in again, or delete it"}},
		{"annotation empty", sources{source("me", 1, with("issuer", ""))}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me ?", "me SourceOptedOut: annotation apisix-certs.io/issuer is empty: ~"}},
		{"manage false", sources{source("me", 1, with("manage", "false"))}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me ?", `me SourceOptedOut: annotation apisix-certs.io/manage is "false": ~`}},
		{"manage true without an issuer", sources{source("me", 1, with("issuer", "", "manage", "true"))}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me ?", "me SourceOptedOut: annotation apisix-certs.io/manage: the controller has no default issuer ~"}},
		{"opted out, marked", sources{source("me", 1, bare)}, certList{newCert(controlled("me"), optedOutMark)}, []string{"keep s a.example *me ?", "me SourceOptedOut: ~"}},
		{"opted out, then its entry goes", sources{source("me", 1, bare, elsewhere)}, certList{newCert(controlled("me"), optedOutMark)}, []string{"delete s a.example *me ?"}},
		{"opted out, had none", sources{source("me", 1, bare)}, nil, nil},
		{"opts in again", sources{source("me", 1, hosts("b.example"))}, certList{newCert(controlled("me"), optedOutMark)}, []string{"patch s b.example *me"}},
		{"one of two opts out", sources{source("a", 1, bare), source("b", 2, hosts("b.example"))}, certList{newCert(controlled("a"), shared("b"), forHosts("a.example", "b.example"))}, []string{
			"patch s a.example b.example +a *b ?", "a SourceOptedOut: ~"}},
		{"label of an ApisixTls of a route", sources{source("me", 1, func(tls *configv2.ApisixTls) { tls.Labels = map[string]string{v1alpha1.LabelManaged: "true"} })}, certList{newCert(controlled("me"))},
			[]string{"patch s a.example *me ?", "me SourceOptedOut: ~"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkSteps(t, c.steps, steps(makePlan(observe(c.have, c.sources...), Defaults{})))
			slices.Reverse(c.sources)
			checkSteps(t, c.steps, steps(makePlan(observe(c.have, c.sources...), Defaults{})))
		})
	}
}

func optedOutMark(c *v1alpha1.ApisixCertificate) {
	note1(v1alpha1.AnnotationSourceOptedOut, "ApisixTls me: no annotation apisix-certs.io/issuer or apisix-certs.io/cluster-issuer: the certificate is kept and renewed; opt in again, or delete this ApisixCertificate")(c)
}

func numbered(n int, prefix string) []string {
	var hosts []string
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("%s%04d.example", prefix, i))
	}
	return hosts
}

// Two controllers, one a class each, never write the same certificate in turn.
func TestPlanOfClasses(t *testing.T) {
	a, b := Defaults{IngressClass: "a"}, Defaults{IngressClass: "b"}
	for _, c := range []struct {
		name     string
		defaults Defaults
		edits    []tlsEdit
		have     certEdit
		steps    []string
	}{
		{"its own", a, []tlsEdit{class("a")}, ofClass("a"), []string{"keep s a.example *me"}},
		{"of the other, never seen here", a, []tlsEdit{class("b")}, ofClass("b"), nil},
		{"of the other, opted out there", a, []tlsEdit{class("b"), bare}, ofClass("b"), nil},
		{"it goes to the other: here", a, []tlsEdit{class("b")}, ofClass("a"), []string{"patch s a.example *me ?", "me SourceOptedOut: ingress class b is not that of the controller (--ingress-class a): ~"}},
		{"it goes to the other: there", b, []tlsEdit{class("b")}, ofClass("a"), []string{"patch s a.example *me"}},
		{"it goes to the other and is opted out: there", b, []tlsEdit{class("b"), bare}, ofClass("a"), nil},
		{"it goes to the other and is faulty: there", b, []tlsEdit{class("b"), with("duration", "90d")}, ofClass("a"), nil},
		{"of none", a, nil, ofClass(""), []string{"keep s a.example *me"}},
		{"from none to the other: here", a, []tlsEdit{class("b")}, ofClass(""), []string{"patch s a.example *me ?", "me SourceOptedOut: ~"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			have := certList{newCert(controlled("me"), c.have)}
			checkSteps(t, c.steps, steps(makePlan(observe(have, sourceFor(c.defaults, "me", 1, c.edits...)), c.defaults)))
		})
	}
	t.Run("a Secret of both", func(t *testing.T) {
		have := certList{newCert(controlled("x"), ofClass("a"))}
		there := makePlan(observe(have, sourceFor(b, "x", 1, class("a")), sourceFor(b, "y", 2, class("b"), hosts("b.example"))), b)
		checkSteps(t, []string{"y InvalidSource: Secret s has ApisixCertificate s, of ingress class a, which this controller does not manage (--ingress-class), which lacks host b.example: name another Secret here"}, steps(there))
		here := makePlan(observe(have, sourceFor(a, "x", 1, class("a")), sourceFor(a, "y", 2, class("b"), hosts("b.example"))), a)
		checkSteps(t, []string{"keep s a.example *x"}, steps(here))
	})
}

func TestPlanAnnotations(t *testing.T) {
	const early, late = "2030-01-31T12:00:00Z", "2030-01-31T13:00:00+00:30" // half past twelve
	for _, c := range []struct {
		name string
		want tlsEdit
		have certEdit
		then certEdit
	}{
		{"adoption comes", with("adopt-secret", "true"), nil, note1(v1alpha1.AnnotationAdoptSecret, "true")},
		{"adoption goes", with(), note1(v1alpha1.AnnotationAdoptSecret, "true"), nil},
		{"a renewal requested on the certificate stays", with(), note1(v1alpha1.AnnotationRenewAt, early), note1(v1alpha1.AnnotationRenewAt, early)},
		{"a renewal comes", with("renew-at", early), nil, note1(v1alpha1.AnnotationRenewAt, early)},
		{"a later renewal comes", with("renew-at", late), note1(v1alpha1.AnnotationRenewAt, early), note1(v1alpha1.AnnotationRenewAt, late)},
		{"an older renewal does not", with("renew-at", early), note1(v1alpha1.AnnotationRenewAt, late), note1(v1alpha1.AnnotationRenewAt, late)},
		{"a renewal in the place of what is no time", with("renew-at", early), note1(v1alpha1.AnnotationRenewAt, "soon"), note1(v1alpha1.AnnotationRenewAt, early)},
		{"others stay", with(), note1("example.com/a", "b"), note1("example.com/a", "b")},
	} {
		t.Run(c.name, func(t *testing.T) {
			cert := newCert(controlled("me"))
			if c.have != nil {
				c.have(&cert)
			}
			want := newCert()
			if c.then != nil {
				c.then(&want)
			}
			p := makePlan(observe(certList{cert}, source("me", 1, c.want)), Defaults{})
			if diff := cmp.Diff(want.Annotations, p.settled().Annotations, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Of two that share a Secret, the latest time to renew counts.
func TestRenewAtOfSeveral(t *testing.T) {
	a, b := source("a", 1, with("renew-at", "2030-01-31T12:00:00Z")), source("b", 2, with("renew-at", "2031-01-31T12:00:00Z"))
	if got := makePlan(observe(nil, a, b), Defaults{}).create.Annotations[v1alpha1.AnnotationRenewAt]; got != "2031-01-31T12:00:00Z" {
		t.Error(got)
	}
}

func TestCreatedWithFinalizer(t *testing.T) {
	p := makePlan(observe(nil, source("me", 1)), Defaults{})
	if diff := cmp.Diff([]string{v1alpha1.Finalizer}, p.create.Finalizers); diff != "" {
		t.Error(diff)
	}
}

// What belongs to somebody else: the source is told how to do without, in its own terms.
func TestPlanSaysTheWayOutOfAConflict(t *testing.T) {
	conflict := func(owned ...string) certEdit {
		return func(c *v1alpha1.ApisixCertificate) {
			c.Status.OwnedNames = owned
			meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionIssued, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonConflict, Message: "MESSAGE"})
		}
	}
	changed := func(c *v1alpha1.ApisixCertificate) { c.Generation++ }
	named := func(name string) certEdit { return func(c *v1alpha1.ApisixCertificate) { c.Spec.CommonName = name } }
	two := forHosts("a.example", "b.example")
	const host = "me Conflict: spec.hosts: host a.example belongs to another namespace: remove it from spec.hosts, or delete this ApisixTls (ApisixCertificate s: MESSAGE)"
	for name, c := range map[string]struct {
		edits  []certEdit
		source tlsEdit
		want   string
	}{
		"a host":             {[]certEdit{two, conflict("b.example")}, hosts("a.example", "b.example"), host},
		"an alternative":     {[]certEdit{two, conflict("a.example")}, with("alt-names", "b.example"), "me Conflict: annotation apisix-certs.io/alt-names: host b.example belongs to another namespace: remove it there (ApisixCertificate s: MESSAGE)"},
		"a common name":      {[]certEdit{named("cn.example"), conflict("a.example")}, with("common-name", "cn.example"), "me Conflict: annotation apisix-certs.io/common-name: host cn.example belongs to another namespace: remove it there (ApisixCertificate s: MESSAGE)"},
		"the Secret":         {[]certEdit{conflict("a.example")}, hosts("a.example"), "me Conflict: spec.secret.name: Secret s belongs to another certificate: name another Secret here (ApisixCertificate s: MESSAGE)"},
		"of the spec before": {[]certEdit{two, conflict("b.example"), changed}, hosts("a.example", "b.example"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			have := certList{newCert(append([]certEdit{controlled("me")}, c.edits...)...)}
			var said string
			for _, word := range makePlan(observe(have, source("me", 1, c.source)), Defaults{}).says {
				said += word.to.GetName() + " " + word.reason + ": " + word.text
			}
			if said != c.want {
				t.Errorf("said %q, want %q", said, c.want)
			}
		})
	}
}

func TestPlanLeavesWhatItLooksAt(t *testing.T) {
	have := certList{newCert(controlled("me"), shared("other"), note1("a", "b"))}
	before := have[0].DeepCopy()
	for _, members := range []sources{{source("me", 1, hosts("b.example"))}, {source("me", 1, bare), source("other", 2, hosts("b.example"))}, {goneSource("me"), source("third", 0)}} {
		makePlan(observe(have, members...), Defaults{})
	}
	if diff := cmp.Diff(*before, have[0]); diff != "" {
		t.Errorf("written into the object of the cache:\n%s", diff)
	}
}

// Two Secrets never get certificates of one name.
func TestNames(t *testing.T) {
	long := strings.Repeat("s", 253)
	for _, c := range []struct{ namespace, secret, plain string }{
		{"ns", "s", "s"}, {"other", "s", "other.s"}, {"ns", "other.s", "other.s"}, {"ns", long, long}, {"other", long, ("other." + long)[:253]},
	} {
		got := group{"ns", types.NamespacedName{Namespace: c.namespace, Name: c.secret}}.names()
		if got[0] != c.plain || len(validation.IsDNS1123Subdomain(got[0])) > 0 || len(validation.IsDNS1123Subdomain(got[1])) > 0 {
			t.Errorf("%+v: %q", c, got)
		}
	}
	a, b := group{"ns", types.NamespacedName{Namespace: "other", Name: "s"}}.names(), group{"ns", types.NamespacedName{Namespace: "ns", Name: "other.s"}}.names()
	if a[0] != b[0] || a[1] == b[1] {
		t.Errorf("%q %q", a, b)
	}
}

func TestRequests(t *testing.T) {
	want := group{"ns", types.NamespacedName{Namespace: "other", Name: "a.b"}}
	if got, _, _, ok := groupOf(want.request()); !ok || got != want {
		t.Errorf("%+v", got)
	}
	if _, kind, name, ok := groupOf(sourceRequest(kindTLS, client.ObjectKey{Namespace: "ns", Name: "a.b"})); ok || kind != kindTLS || name != "a.b" {
		t.Errorf("%s %s", kind, name)
	}
}
