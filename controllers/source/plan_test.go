// SPDX-License-Identifier: Apache-2.0

package source

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// ref is a plain owner reference to the source of that name.
func ref(name string) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: "apisix.apache.org/v2", Kind: kindTLS, Name: name, UID: types.UID("uid-" + name)}
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
func faulty(c *v1alpha1.ApisixCertificate) { note1(v1alpha1.AnnotationSourceProblem, "problem")(c) }
func ending(c *v1alpha1.ApisixCertificate) { c.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }
func retained(c *v1alpha1.ApisixCertificate) {
	c.Spec.SecretRetention = v1alpha1.SecretRetain
}

// steps is a plan in short: what is done to which certificate, with its hosts, owners (* the controller) and problem.
func steps(p plans) []string {
	var out []string
	show := func(verb string, cert v1alpha1.ApisixCertificate) {
		words := []string{verb, cert.Name}
		words = append(words, cert.Spec.DNSNames...)
		for _, owner := range cert.OwnerReferences {
			words = append(words, map[bool]string{true: "*", false: "+"}[ptr.Deref(owner.Controller, false)]+owner.Name)
		}
		if cert.Annotations[v1alpha1.AnnotationSourceProblem] != "" {
			words = append(words, "!")
		}
		out = append(out, strings.Join(words, " "))
	}
	for _, cert := range p.create {
		show("create", cert)
	}
	for _, change := range p.patch {
		show("patch", change.to)
	}
	for _, cert := range p.delete {
		show("delete", cert)
	}
	for _, cert := range p.keep {
		show("keep", cert)
	}
	return append(out, p.problems...)
}

type certList = []v1alpha1.ApisixCertificate

func TestPlan(t *testing.T) {
	const lacks = "Secret s is kept by ApisixCertificate s of ApisixTls other, which lacks a host of this object: name another Secret here, or add the hosts there"
	for _, c := range []struct {
		name       string
		want, have certList
		steps      []string
	}{
		{"nothing", nil, nil, nil},
		{"create", certList{newCert()}, nil, []string{"create s a.example *me"}},
		{"keep", certList{newCert()}, certList{newCert(controlled("me"))}, []string{"keep s a.example *me"}},
		{"change", certList{newCert(forHosts("b.example"))}, certList{newCert(controlled("me"))}, []string{"patch s b.example *me"}},
		{"rename", certList{newCert(named("new"))}, certList{newCert(controlled("me"))}, []string{"create new a.example *me", "delete s a.example *me"}},
		{"no longer", nil, certList{newCert(controlled("me"))}, []string{"delete s a.example *me"}},
		{"on its way out", nil, certList{newCert(controlled("me"), ending)}, nil},
		{"somebody else's", nil, certList{newCert(controlled("other"))}, nil},
		{"retention is the user's", certList{newCert()}, certList{newCert(controlled("me"), retained)}, []string{"keep s a.example *me"}},

		{"share", certList{newCert()}, certList{newCert(controlled("other"))}, []string{"patch s a.example *other +me"}},
		{"share a wildcard", certList{newCert()}, certList{newCert(controlled("other"), forHosts("*.example"))}, []string{"patch s *.example *other +me"}},
		{"shared", certList{newCert()}, certList{newCert(controlled("other"), shared("me"))}, []string{"keep s a.example *other +me"}},
		{"shared by others", certList{newCert()}, certList{newCert(controlled("me"), shared("other"))}, []string{"keep s a.example *me +other"}},
		{"share no more", nil, certList{newCert(controlled("other"), shared("me"))}, []string{"patch s a.example *other"}},
		{"leave to others", nil, certList{newCert(controlled("me"), shared("other"))}, []string{"patch s a.example +other"}},
		{"take over", certList{newCert(forHosts("b.example"))}, certList{newCert(shared("me"), shared("other"))}, []string{"patch s b.example *me +other"}},
		{"not covered", certList{newCert(forHosts("b.example"))}, certList{newCert(controlled("other"))}, []string{lacks}},
		{"not covered any more", certList{newCert(forHosts("b.example"))}, certList{newCert(controlled("other"), shared("me"))}, []string{lacks}},
		{"written by hand", certList{newCert()}, certList{newCert()}, []string{"keep s a.example"}},
		{"written by hand, not covered", certList{newCert(forHosts("b.example"))}, certList{newCert()}, []string{strings.Replace(lacks, "ApisixTls other", "its own", 1)}},

		{"faulty, new", certList{newCert(faulty)}, nil, []string{"create s a.example *me !", "problem"}},
		{"faulty, last good spec", certList{newCert(faulty, forHosts("b.example"))}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me !", "problem"}},
		{"still faulty", certList{newCert(faulty, forHosts("b.example"))}, certList{newCert(controlled("me"), faulty)}, []string{"keep s a.example *me !", "problem"}},
		{"mended", certList{newCert(forHosts("b.example"))}, certList{newCert(controlled("me"), faulty)}, []string{"patch s b.example *me"}},
		{"no host that is one, new", certList{newCert(faulty, forHosts())}, nil, []string{"problem"}},
		{"no host that is one", certList{newCert(faulty, forHosts())}, certList{newCert(controlled("me"))}, []string{"patch s a.example *me !", "problem"}},
		{"no host that is one, somebody else's", certList{newCert(faulty, forHosts())}, certList{newCert(controlled("other"))}, []string{"problem"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.steps, steps(plan(ref("me"), wants{certificates: c.want}, c.have))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlanAnnotations(t *testing.T) {
	for _, c := range []struct {
		name             string
		want, have, then certEdit
	}{
		{"adoption comes", note1(v1alpha1.AnnotationAdoptSecret, "true"), nil, note1(v1alpha1.AnnotationAdoptSecret, "true")},
		{"adoption goes", nil, note1(v1alpha1.AnnotationAdoptSecret, "true"), nil},
		{"a renewal asked for on the certificate stays", nil, note1(v1alpha1.AnnotationRenewAt, "x"), note1(v1alpha1.AnnotationRenewAt, "x")},
		{"others stay", nil, note1("example.com/a", "b"), note1("example.com/a", "b")},
	} {
		t.Run(c.name, func(t *testing.T) {
			with := func(edit certEdit, owner ...certEdit) v1alpha1.ApisixCertificate {
				if edit == nil {
					return newCert(owner...)
				}
				return newCert(append(owner, edit)...)
			}
			have := certList{with(c.have, controlled("me"))}
			after := applied(plan(ref("me"), wants{certificates: certList{with(c.want)}}, have), have)
			if diff := cmp.Diff(with(c.then).Annotations, after[0].Annotations, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreatedWithFinalizer(t *testing.T) {
	p := plan(ref("me"), wants{certificates: certList{newCert()}}, nil)
	if diff := cmp.Diff([]string{v1alpha1.Finalizer}, p.create[0].Finalizers); diff != "" {
		t.Error(diff)
	}
}

func TestPlanLeavesWhatItLooksAt(t *testing.T) {
	want, have := certList{newCert(forHosts("b.example"))}, certList{newCert(controlled("me"), shared("other"))}
	before := have[0].DeepCopy()
	plan(ref("me"), wants{certificates: want}, have)
	plan(ref("third"), wants{certificates: certList{newCert()}}, have)
	if diff := cmp.Diff(*before, have[0]); diff != "" {
		t.Errorf("written into the object of the cache:\n%s", diff)
	}
}
