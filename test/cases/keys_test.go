// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"fmt"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

var rsaKey = certs.KeySpec{Algorithm: certs.RSA}

// keys are case 14: a pair that was taken over keeps the kind of its key.
var keys = []kase{
	reported("14", "an RSA pair is renewed with an RSA key", func(t *testing.T) { renewedAs(t, rsaKey, "RSA 2048") }),
	neighbour("14", "a pair on P-384 is renewed on P-384", func(t *testing.T) {
		renewedAs(t, certs.KeySpec{Algorithm: certs.ECDSA, Size: 384}, "ECDSA 384")
	}),
	neighbour("14", "the spec names another kind: that is followed", func(t *testing.T) {
		s := newScene(t)
		certPEM, keyPEM := s.pair(rsaKey, "web.example")
		s.adopts(certPEM, keyPEM, "web.example")
		s.Edit("web", func(c *cert) { c.Spec.PrivateKey = &v1alpha1.PrivateKey{Algorithm: "ECDSA"} })
		s.Run()
		s.keyIs("ECDSA 256")
	}),
	neighbour("14", "a certificate of our own gets the default", func(t *testing.T) {
		s := issued(t)
		s.keyIs("ECDSA 256")
		s.Advance(70 * day)
		s.signatures(2)
		s.keyIs("ECDSA 256")
	}),
}

func renewedAs(t *testing.T, kind certs.KeySpec, want string) {
	s := newScene(t)
	certPEM, keyPEM := s.pair(kind, "web.example")
	s.adopts(certPEM, keyPEM, "web.example")
	s.signatures(0)
	s.shows("web.example", leafOf(t, certPEM))
	s.Advance(70 * day)
	s.signatures(1)
	s.ready("web")
	s.keyIs(want)
}

func (s *scene) keyIs(want string) {
	s.t.Helper()
	key, err := certs.ParseKey(s.Secret("web-tls").Data["tls.key"])
	if err != nil {
		s.t.Fatal(err)
	}
	if is := key.Spec(); fmt.Sprint(is.Algorithm, " ", is.Size) != want {
		s.t.Errorf("the key is %s %d, want %s", is.Algorithm, is.Size, want)
	}
}
