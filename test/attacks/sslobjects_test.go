// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"context"
	"fmt"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// sslWithID is an ssl object as the stand-in has it, nil where there is none.
func (s *scene) sslWithID(id string) *apisix.SSL {
	for _, ssl := range s.StandIn.SSLs() {
		if ssl.ID == id {
			return &ssl
		}
	}
	return nil
}

// sameSSL fails where an ssl object is gone or another.
func (s *scene) sameSSL(before *apisix.SSL) {
	s.Helper()
	now := s.sslWithID(before.ID)
	switch {
	case now == nil:
		s.Fatalf("ssl object %s for %v was deleted", before.ID, before.Hosts())
	case now.Cert != before.Cert || now.Key != before.Key || fmt.Sprint(now.Hosts(), now.Labels) != fmt.Sprint(before.Hosts(), before.Labels):
		s.Fatalf("ssl object %s for %v was changed", before.ID, before.Hosts())
	}
}

// puts puts an ssl object of somebody else at the gateway and returns it as it is then.
func (s *scene) puts(id string, labels map[string]string, hosts ...string) *apisix.SSL {
	s.Helper()
	pair := bought(s, hosts...)
	_, err := s.gateway.PutSSL(s.Context(), apisix.SSL{
		ID: id, SNIs: hosts, Labels: labels, Cert: string(pair[corev1.TLSCertKey]), Key: string(pair[corev1.TLSPrivateKeyKey]),
	})
	s.must(err)
	return s.sslWithID(id)
}

// TestObjectsOfOthers: an ssl object that was not made for this certificate is never changed or deleted, though it has the
// same host or the same certificate. Here in mode own.
func TestObjectsOfOthers(t *testing.T) {
	t.Parallel()
	rows := map[string]map[string]string{
		"an object put by hand":                   nil,
		"an object of another cluster":            {"managed-by": "apisix-certs", "apisix-certs.io/cluster": "another", "apisix-certs.io/namespace": "shop", "apisix-certs.io/name": "pay", "apisix-certs.io/uid": "1"},
		"an object of a 1.8 controller elsewhere": {"managed-by": "apisix-ingress-controller", "meta_secret_namespace": "shop", "meta_secret_name": "pay"},
	}
	for name, labels := range rows {
		run(t, newScene,
			row{name + ", whose host is wanted", func(s *scene) {
				host := "pay." + s.victim.domain
				theirs := s.puts("of-others-"+s.id, labels, host)
				s.makes(s.evil, s.evil.cert("grab", host))
				s.checkedAgain(s.evil, "grab")
				s.sameSSL(theirs)
				s.ends(s.evil, "grab")
				s.sameSSL(theirs)
			}, ownObjectEnds},
			row{name + ", whose certificate is provided", func(s *scene) {
				host := "pay." + s.victim.domain
				theirs := s.puts("of-others-"+s.id, labels, host)
				s.makes(s.evil, s.evil.tlsSecret("copy", publicOf(s, []byte(theirs.Cert))), edited(s.evil.cert("grab", host), provided("copy")))
				s.checkedAgain(s.evil, "grab")
				s.sameSSL(theirs)
				s.ends(s.evil, "grab")
				s.sameSSL(theirs)
			}, ownObjectEnds},
		)
	}
}

func ownObjectEnds(s *scene) {
	host := "own." + s.evil.domain
	s.possess(s.evil, "own", host)
	s.ends(s.evil, "own")
	s.servesNone(s.evil, host)
}

// adoptClass is the ingress class of the real controller 1.8.4.
const adoptClass = "attacks"

// TestAdoptedObjects: beside the real ingress controller 1.8.4, ours are those objects alone that it derives from a
// certificate's own references.
func TestAdoptedObjects(t *testing.T) {
	t.Parallel()
	o := newOutpost(t, "--push-mode", "own")
	class := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: adoptClass}, Spec: networkingv1.IngressClassSpec{Controller: "apisix.apache.org/apisix-ingress"}}
	if err := o.create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Client.Delete(context.Background(), class) })
	changesMode(o.scene(t), o)
	t.Run("rows", func(t *testing.T) {
		run(t, o.scene,
			row{"end a copy of a certificate that a 1.8 controller serves", endsCopy((*scene).servedBy18), adopted},
			row{"end a copy of a certificate that a 2.x controller serves", endsCopy((*scene).servedBy2), adopted},
			row{"put an own pair into the object of another's host", patchesOthers, adopted},
			row{"end one of two that serve the same pair", endsOneOfTwo, adopted},
		)
	})
}

// changesMode takes a gateway from own to adopt. Until the ingress controller's object is there, ours is renewed; then it
// goes.
func changesMode(s *scene, o *outpost) {
	host := "mode." + s.victim.domain
	s.makes(s.victim, s.adoptTLS(s.victim, "mode", optIn(), host))
	first := s.ready(s.victim, "mode-tls", host)
	s.honest(func(s *scene) {
		o.restart("--push-mode", "adopt")
		s.askRenewal(s.victim, "mode-tls")
		s.within(patience/2, "a renewal of what is served by our own object, while there is no other", func() string {
			leaf := leafOf(s.readSecret(s.victim, "mode-tls"))
			if leaf == nil || leaf.Equal(first) {
				return "the Secret has the old certificate"
			}
			return s.unserved(host, leaf)
		})
	})
	if o.controller == nil {
		o.start("--push-mode", "adopt")
	}
	s.starts18()
	s.attack(func(s *scene) {
		s.until("an object of the ingress controller", func() string {
			for _, ssl := range s.ssls(host) {
				if ssl.Labels["managed-by"] == "apisix-ingress-controller" {
					return ""
				}
			}
			return "there is none"
		})
		s.within(patience/2, "the end of our own object", func() string {
			if all := s.ssls(host); len(all) != 1 {
				return fmt.Sprintf("%d ssl objects serve %s: after the next renewal ours is never renewed again", len(all), host)
			}
			return s.unserved(host, leafOf(s.readSecret(s.victim, "mode-tls")))
		})
	})
}

// adoptTLS is an ApisixTls of the ingress controller's class, in Secret NAME-tls.
func (s *scene) adoptTLS(tn *tenant, name string, annotations map[string]string, hosts ...string) *configv2.ApisixTls {
	tls := cluster.NewApisixTLS(tn.ns, name, tn.ns, name+"-tls", annotations, hosts...)
	tls.Spec.IngressClassName = adoptClass
	return tls
}

func (s *scene) starts18() {
	s.Helper()
	theirs, err := servers.StartIngressController(s.Context(), s.Kube, servers.IngressControllerOptions{
		AdminURL: s.Gateway.AdminURL + "/apisix/admin", AdminKey: servers.Key(s.Gateway.AdminKey), IngressClass: adoptClass, Name: "attacks",
	})
	s.must(err)
	s.Cleanup(func() { _ = theirs.Stop() })
}

// servedBy18 lets the victim have a Secret of its own that the ingress controller serves, without us.
func (s *scene) servedBy18() (*apisix.SSL, string) {
	s.Helper()
	host := "pay." + s.victim.domain
	s.makes(s.victim, s.victim.tlsSecret("pay-tls", bought(s, host)), s.adoptTLS(s.victim, "pay", nil, host))
	s.until("the ingress controller's object", func() string { return unless(len(s.ssls(host)) == 1, "it is not there") })
	return s.sslWithID(s.ssls(host)[0].ID), host
}

// servedBy2 is servedBy18 for what a 2.x controller would make.
func (s *scene) servedBy2() (*apisix.SSL, string) {
	s.Helper()
	host := "pay." + s.victim.domain
	return s.puts("c0ffee"+s.id[1:], map[string]string{
		"manager-by": "apisix-ingress-controller", "k8s/kind": "ApisixTls", "k8s/namespace": s.victim.ns, "k8s/name": "pay",
		"k8s/controller-name": "apisix.apache.org_apisix-ingress-controller",
	}, host), host
}

func endsCopy(serve func(*scene) (*apisix.SSL, string)) func(*scene) {
	return func(s *scene) {
		theirs, host := serve(s)
		s.makes(s.evil, s.evil.tlsSecret("copy", publicOf(s, []byte(theirs.Cert))),
			edited(s.evil.cert("grab", host), provided("copy"), ofClass(adoptClass)))
		s.checkedAgain(s.evil, "grab")
		s.sameSSL(theirs)
		s.ends(s.evil, "grab")
		time.Sleep(time.Second)
		s.sameSSL(theirs)
	}
}

func ofClass(name string) func(*v1alpha1.ApisixCertificateSpec) {
	return func(spec *v1alpha1.ApisixCertificateSpec) { spec.IngressClassName = name }
}

func patchesOthers(s *scene) {
	theirs, host := s.servedBy18()
	s.makes(s.evil, s.evil.tlsSecret("pair", bought(s, host)), edited(s.evil.cert("grab", host), provided("pair"), ofClass(adoptClass)))
	s.checkedAgain(s.evil, "grab")
	s.sameSSL(theirs)
	s.ends(s.evil, "grab")
	s.sameSSL(theirs)
}

// endsOneOfTwo: a wildcard's pair is replicated into two namespaces, and a host moves from one to the other.
func endsOneOfTwo(s *scene) {
	host := "app." + s.victim.domain
	pair := bought(s, "*."+s.victim.domain)
	byUs := map[string]string{v1alpha1.AnnotationProvided: "true"}
	for _, tn := range []*tenant{s.evil, s.victim} {
		s.makes(tn, tn.tlsSecret("app-tls", pair), s.adoptTLS(tn, "app", byUs, host))
	}
	objectOf := func(tn *tenant) string {
		for _, ssl := range s.ssls(host) {
			if ssl.Labels["meta_secret_namespace"] == tn.ns {
				return ssl.ID
			}
		}
		return ""
	}
	s.until("the ingress controller's objects", func() string {
		return unless(objectOf(s.evil) != "" && objectOf(s.victim) != "", "one is not there")
	})
	theirs := s.sslWithID(objectOf(s.victim))
	s.settled(s.evil, "app-tls")
	s.must(s.evil.Delete(s.Context(), named(s.evil, &configv2.ApisixTls{}, "app")))
	s.gone(named(s.evil, &v1alpha1.ApisixCertificate{}, "app-tls"))
	time.Sleep(time.Second)
	s.sameSSL(theirs)
}

// adopted: what the ingress controller serves for an ApisixTls of ours is issued, renewed and ended.
func adopted(s *scene) {
	host := "adopted." + s.victim.domain
	s.makes(s.victim, s.adoptTLS(s.victim, "adopted", optIn(), host))
	leaf := s.ready(s.victim, "adopted-tls", host)
	s.renews(s.victim, "adopted-tls", leaf, host)
	s.must(s.victim.Delete(s.Context(), named(s.victim, &configv2.ApisixTls{}, "adopted")))
	s.gone(named(s.victim, &v1alpha1.ApisixCertificate{}, "adopted-tls"))
	if left := s.ssls(host); len(left) > 0 {
		s.Errorf("ssl object %s is left over", left[0].ID)
	}
}
