// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate/controllertest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	began := time.Now()
	code := m.Run()
	if n := controllertest.Made(); n > 0 {
		fmt.Printf("measure: controller_tests n=%d seconds=%.1f\n", n, time.Since(began).Seconds())
	}
	os.Exit(code)
}

type (
	scene = controllertest.Scene
	cert  = v1alpha1.ApisixCertificate
)

const day = 24 * time.Hour

// issued is a scene at rest with certificate "web".
func issued(t testing.TB, edits ...func(*cert)) *scene {
	t.Helper()
	s := controllertest.New(t)
	s.Create("web", edits...)
	s.Run()
	inOrder(t, s, "web")
	s.Steps()
	return s
}

// inOrder is what is to be true of every certificate at rest that nothing is wrong with.
func inOrder(t testing.TB, s *scene, name string) {
	t.Helper()
	found := s.Cert(name)
	if found == nil {
		t.Fatalf("there is no %s", name)
	}
	if got := s.Ready(name); got != "True Ready" {
		t.Errorf("Ready is %s: %s", got, s.Message(name, v1alpha1.ConditionReady))
	}
	leaf := s.Leaf(found.Namespace + "/" + found.Spec.SecretName)
	switch {
	case leaf == nil:
		t.Fatalf("%s has no certificate in its Secret", name)
	case leaf.NotAfter.Before(s.Clock.Now()):
		t.Errorf("the certificate ended at %s", leaf.NotAfter)
	case serial(leaf.SerialNumber.Bytes()) != found.Status.Issued.SerialNumber:
		t.Errorf("the Secret has %x, the record %s", leaf.SerialNumber, found.Status.Issued.SerialNumber)
	}
	if !s.NoGateway && len(found.Spec.DNSNames) > 0 {
		if served := s.Served(strings.ToLower(found.Spec.DNSNames[0])); served == nil || !served.Equal(leaf) {
			t.Error("the gateway does not serve what is in the Secret")
		}
	}
	if plan := s.Plan(name); plan != "" {
		t.Errorf("planning after a run gives %q", plan)
	}
}

func serial(number []byte) string {
	return fmt.Sprintf("%x", number)
}

// steps fails where the calls since the last look are others.
func steps(t testing.TB, s *scene, want string) {
	t.Helper()
	if got := strings.Join(s.Steps(), ", "); got != want {
		t.Errorf("steps\n  %s\nwant\n  %s", got, want)
	}
}
