// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

const day = 24 * time.Hour

// broughtTLS is an ApisixTls whose Secret somebody else keeps.
const broughtTLS = `
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata:
  name: web
  namespace: $ns
  annotations: {apisix-certs.io/provided: "true"}
spec:
  hosts: [web.$domain]
  secret: {name: mine, namespace: $ns}
`

// pairFor is a pair of 90 days, of which left are left, as cert-manager would put it into a Secret.
func (s *scene) pairFor(ca *certstest.CA, left time.Duration, hosts ...string) map[string][]byte {
	s.Helper()
	key, err := certs.GenerateKey(certs.KeySpec{})
	s.must(err)
	end := time.Now().Add(left).Truncate(time.Second)
	leaf := ca.Sign(s.T, &x509.Certificate{DNSNames: hosts, NotBefore: end.Add(-90 * day), NotAfter: end}, key.Public())
	return map[string][]byte{"tls.crt": certstest.PEM(leaf), "tls.key": key.PEM(""), "ca.crt": certstest.PEM(ca.Cert)}
}

// put writes the data of a Secret as its keeper, and makes it where there is none.
func (s *scene) put(name string, data map[string][]byte) {
	s.Helper()
	secret := s.keptSecret(name)
	if secret == nil {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name}, Type: corev1.SecretTypeTLS, Data: data}
		s.must(s.Client.Create(s.Context(), secret))
		return
	}
	secret.Data = data
	s.must(s.Client.Update(s.Context(), secret))
}

// TestPush brings a Secret, renews it, breaks it and mends it.
func TestPush(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	host, ca := "web."+s.domain, certstest.NewCA(t, "ours", time.Now().Add(1000*day))
	s.apply(broughtTLS)
	s.condition("mine", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, "Secret mine")

	s.put("mine", s.pairFor(ca, 20*day, host))
	old := s.ready("mine", host)
	s.condition("mine", v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonProvided)
	s.condition("mine", v1alpha1.ConditionExpiring, metav1.ConditionTrue, v1alpha1.ReasonExpires30Days)
	s.event("ApisixCertificate", "mine", v1alpha1.ReasonExpires30Days, "Secret mine")
	s.expiryMetric("mine", old.NotAfter)

	s.put("mine", s.pairFor(ca, 80*day, host))
	leaf := s.readyBut("mine", certs.Serial(old), host)
	if c := meta.FindStatusCondition(s.cert("mine").Status.Conditions, v1alpha1.ConditionExpiring); c != nil {
		t.Errorf("it warns still: %+v", c)
	}

	broken := s.pairFor(ca, 85*day, host)
	broken["tls.key"] = s.pairFor(ca, 85*day, host)["tls.key"]
	s.put("mine", broken)
	s.condition("mine", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpdateRefused, "the private key does not match the certificate", "The previously pushed certificate stays in place")
	s.condition("mine", v1alpha1.ConditionServed, metav1.ConditionTrue, v1alpha1.ReasonServed)
	s.stillServed(host, leaf)
	s.put("mine", s.pairFor(ca, 85*day, "other."+s.domain))
	s.condition("mine", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonUpdateRefused, "does not cover "+host)
	s.stillServed(host, leaf)
	s.put("mine", s.pairFor(ca, 86*day, host))
	s.readyBut("mine", certs.Serial(leaf), host)

	s.must(s.Client.Delete(t.Context(), &configv2.ApisixTls{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "web"}}))
	s.until("end", func() string {
		if s.cert("mine").Name != "" || len(s.ssls(host)) > 0 {
			return "the certificate or the ssl object is there"
		}
		return ""
	})
	s.expiryMetric("mine", time.Time{})
	secret := s.keptSecret("mine")
	if secret == nil {
		t.Fatal("the Secret was deleted")
	}
	for _, field := range secret.ManagedFields {
		if field.Manager == "apisix-certs" {
			t.Error("the Secret was written")
		}
	}
}

// TestPushRefused shows what the API server takes of an ApisixCertificate without an issuer.
func TestPushRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, c := range []struct {
		name   string
		change func(*v1alpha1.ApisixCertificateSpec)
		says   string // empty: taken
	}{
		{"push", func(spec *v1alpha1.ApisixCertificateSpec) { spec.Provided = true }, ""},
		{"neither", func(*v1alpha1.ApisixCertificateSpec) {}, "exactly one of issuerRef and provided must be set"},
		{"both", func(spec *v1alpha1.ApisixCertificateSpec) {
			spec.Provided, spec.IssuerRef.Name = true, "vault"
		}, "exactly one of issuerRef and provided must be set"},
		{"no host", func(spec *v1alpha1.ApisixCertificateSpec) {
			spec.Provided, spec.DNSNames, spec.CommonName = true, nil, "x"
		}, "provided requires dnsNames"},
		{"how to issue", func(spec *v1alpha1.ApisixCertificateSpec) {
			spec.Provided, spec.Duration = true, &metav1.Duration{Duration: time.Hour}
		}, "provided allows only secretName"},
	} {
		cert := &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: strings.ReplaceAll(c.name, " ", "-")}}
		cert.Spec.SecretName, cert.Spec.DNSNames = "mine", []string{c.name[:2] + "." + s.domain}
		c.change(&cert.Spec)
		err := s.Client.Create(t.Context(), cert, client.DryRunAll)
		if c.says == "" && err != nil || c.says != "" && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// expiryMetric waits until the metric has this value; zero: there is none.
func (s *scene) expiryMetric(name string, end time.Time) {
	s.Helper()
	series := fmt.Sprintf(`apisix_certs_expiry_timestamp_seconds{name="%s",namespace="%s"} `, name, s.ns)
	s.until("metric", func() string {
		answer, err := http.Get(s.controller.MetricsURL + "/metrics")
		s.must(err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		s.must(err)
		_, value, found := strings.Cut(string(text), series)
		value, _, _ = strings.Cut(value, "\n")
		var seconds float64
		_, _ = fmt.Sscan(value, &seconds)
		if found != !end.IsZero() || found && int64(seconds) != end.Unix() {
			return fmt.Sprintf("found %v, value %q", found, value)
		}
		return ""
	})
}
