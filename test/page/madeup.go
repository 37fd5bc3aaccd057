// SPDX-License-Identifier: Apache-2.0

// Package page tries the status page in a real Chromium, with made-up certificates and with those of a real controller. It
// is a module of its own, so that the product does not depend on what drives a browser.
package page

import (
	"fmt"
	"math/rand/v2"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/page"
)

const day = 24 * time.Hour

// MadeUp fills a feed with n certificates that nobody issued, the same ones for the same n, and with their issuers. About
// two in a hundred of them are failing, as many not served, at risk and being renewed.
func MadeUp(n int, now time.Time) *page.Feed {
	feed := page.NewFeed()
	for i := range n {
		cert := Certificate(i, now)
		feed.PutCertificate(page.CertificateOf(&cert))
	}
	for i := range issuers {
		feed.PutIssuer(page.IssuerOf(issuer(i, now)))
	}
	return feed
}

// Certificate makes up the i-th certificate.
func Certificate(i int, now time.Time) v1alpha1.ApisixCertificate {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	team := teams[r.IntN(len(teams))]
	name := fmt.Sprintf("%s-%d", services[r.IntN(len(services))], i)
	life := []time.Duration{30 * day, 90 * day, 90 * day, 90 * day, 365 * day}[r.IntN(5)]
	begin := now.Add(-time.Duration(r.Float64() * 0.6 * float64(life))).Truncate(time.Second)
	cert := v1alpha1.ApisixCertificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: team, Name: name, OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "apisix.apache.org/v2", Kind: []string{"ApisixTls", "Ingress", "ApisixRoute"}[r.IntN(3)], Name: name, Controller: ptr.To(true),
		}}},
		Spec: v1alpha1.ApisixCertificateSpec{
			SecretName: name + "-tls", DNSNames: []string{name + "." + team + ".example.com"},
			IssuerRef: v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterVaultIssuer, Name: issuers[r.IntN(len(issuers)-1)]},
		},
		Status: v1alpha1.ApisixCertificateStatus{
			Issued:      v1alpha1.IssuedCertificate{SerialNumber: hex(r, 20), Fingerprint: hex(r, 32), NotBefore: at(begin), NotAfter: at(begin.Add(life))},
			RenewalTime: at(begin.Add(life * 2 / 3)),
		},
	}
	for range r.IntN(3) * r.IntN(2) {
		cert.Spec.DNSNames = append(cert.Spec.DNSNames, fmt.Sprintf("%s-%s.%s.example.com", name, hex(r, 2), team))
	}
	for _, g := range []string{"edge-eu", "edge-us"}[:1+r.IntN(2)] {
		cert.Status.Gateways = append(cert.Status.Gateways, v1alpha1.GatewayStatus{
			Name: g, Mode: "own", SSLID: hex(r, 8), PushedSerial: cert.Status.Issued.SerialNumber, ServedSerial: cert.Status.Issued.SerialNumber,
		})
	}
	Settle(&cert, now)
	if fate := r.IntN(100); fate < len(fates)*2 {
		fates[fate/2](&cert, now)
	}
	return cert
}

// Settle gives cert the conditions of one that is all right.
func Settle(cert *v1alpha1.ApisixCertificate, now time.Time) {
	Say(cert, now, "Issued", "True", v1alpha1.ReasonIssued, "the Secret contains a valid certificate")
	Say(cert, now, "Pushed", "True", v1alpha1.ReasonPushed, "certificate is pushed to all gateways")
	Say(cert, now, "Served", "True", v1alpha1.ReasonServed, "TLS handshakes for all hosts returned the certificate")
	Say(cert, now, "Ready", "True", v1alpha1.ReasonReady, "certificate is valid and pushed to all gateways")
}

// Say sets a condition.
func Say(cert *v1alpha1.ApisixCertificate, now time.Time, kind, status, reason, message string) {
	said := metav1.Condition{Type: kind, Status: metav1.ConditionStatus(status), Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(now.Add(-3 * time.Hour))}
	for i := range cert.Status.Conditions {
		if cert.Status.Conditions[i].Type == kind {
			cert.Status.Conditions[i] = said
			return
		}
	}
	cert.Status.Conditions = append(cert.Status.Conditions, said)
}

// fates are what may be wrong with a made-up certificate.
var fates = []func(*v1alpha1.ApisixCertificate, time.Time){
	func(cert *v1alpha1.ApisixCertificate, now time.Time) {
		if len(cert.Spec.DNSNames) > 1 {
			Refused(cert, now)
		} else {
			Expired(cert, now)
		}
	},
	NotServed,
	func(cert *v1alpha1.ApisixCertificate, now time.Time) { // its renewals fail
		const message = "Vault at https://vault.example.com:8200 does not answer: dial tcp: connection refused"
		cert.Status.RenewalTime, cert.Status.FailedAttempts, cert.Status.LastFailureTime = at(now.Add(-5*day)), 12, at(now.Add(-4*time.Minute))
		Say(cert, now, "Issued", "True", v1alpha1.ReasonRenewalFailing, message)
		Say(cert, now, "Ready", "True", v1alpha1.ReasonRenewalFailing, message)
	},
	func(cert *v1alpha1.ApisixCertificate, now time.Time) {
		cert.Status.RenewalTime = at(now.Add(-time.Minute))
	},
}

// Refused is what becomes of a certificate that Vault's role does not allow.
func Refused(cert *v1alpha1.ApisixCertificate, now time.Time) {
	message := "Vault's role web refuses " + cert.Spec.DNSNames[0] + ": subject alternate name not allowed by this role: add it to the role's allowed_domains"
	Say(cert, now, "Issued", "False", v1alpha1.ReasonRefused, message)
	Say(cert, now, "Pushed", "False", v1alpha1.ReasonNotApplicable, "no valid certificate to push")
	Say(cert, now, "Served", "Unknown", v1alpha1.ReasonNotProven, "not verified: nothing is pushed")
	Say(cert, now, "Ready", "False", v1alpha1.ReasonRefused, message)
	cert.Status = v1alpha1.ApisixCertificateStatus{Conditions: cert.Status.Conditions, FailedAttempts: 3, LastFailureTime: at(now.Add(-2 * time.Minute))}
}

// Expired is what becomes of a certificate that could not be renewed in time.
func Expired(cert *v1alpha1.ApisixCertificate, now time.Time) {
	const message = "Vault at https://vault-old.example.com:8200 is sealed: unseal it"
	ended := now.Add(-time.Duration(len(cert.Name)) * 7 * time.Hour)
	cert.Spec.IssuerRef.Name = "vault-old"
	cert.Status.Issued.NotBefore, cert.Status.RenewalTime, cert.Status.Issued.NotAfter = at(ended.Add(-90*day)), at(ended.Add(-30*day)), at(ended)
	cert.Status.FailedAttempts, cert.Status.LastFailureTime = 8640, at(now.Add(-4*time.Minute))
	Say(cert, now, "Issued", "False", v1alpha1.ReasonExpired, message)
	Say(cert, now, "Ready", "False", v1alpha1.ReasonExpired, "the certificate has expired: "+message)
}

// NotServed is what becomes of a certificate whose first gateway goes on to serve an older one.
func NotServed(cert *v1alpha1.ApisixCertificate, now time.Time) {
	message := "gateway edge-eu: a handshake for " + cert.Spec.DNSNames[0] + " showed another certificate, which ends in 4 days"
	cert.Status.Gateways[0].ServedSerial = "0badc0de"
	Say(cert, now, "Served", "False", v1alpha1.ReasonNotServed, message)
	Say(cert, now, "Ready", "False", v1alpha1.ReasonNotServed, message)
}

var (
	teams    = []string{"shop", "checkout", "identity", "search", "media", "billing", "partners", "internal-tools", "data", "mobile"}
	services = []string{"api", "www", "admin", "assets", "events", "graphql", "images", "login", "status", "webhooks"}
	issuers  = []string{"vault-web", "vault-internal", "vault-partners", "vault-old"}
)

func issuer(i int, now time.Time) *v1alpha1.ClusterVaultIssuer {
	made := &v1alpha1.ClusterVaultIssuer{ObjectMeta: metav1.ObjectMeta{Name: issuers[i]}}
	since := metav1.NewTime(now.Add(-100 * day))
	made.Status.CA = &v1alpha1.IssuerCA{CommonName: "Example CA " + issuers[i], NotAfter: metav1.NewTime(now.Add([]time.Duration{1200 * day, 700 * day, 18 * day, 300 * day}[i])), Since: since}
	ready := metav1.Condition{Type: "Ready", Status: "True", Reason: v1alpha1.ReasonVaultReady, Message: "Vault responds, the login works and the role exists", LastTransitionTime: since}
	if issuers[i] == "vault-old" {
		ready.Status, ready.Reason, ready.Message = "False", v1alpha1.ReasonVaultUnavailable, "Vault at https://vault-old.example.com:8200 is sealed"
	}
	made.Status.Conditions = []metav1.Condition{ready}
	if i == 2 {
		made.Status.Conditions = append(made.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionCAExpiring, Status: "True", Reason: v1alpha1.ReasonCAExpiringSoon, Message: "CA expires soon: rotate it", LastTransitionTime: since})
	}
	return made
}

func at(t time.Time) *metav1.Time { return ptr.To(metav1.NewTime(t.Truncate(time.Second))) }

func hex(r *rand.Rand, bytes int) string {
	text := ""
	for range bytes {
		text += fmt.Sprintf("%02x", r.IntN(256))
	}
	return text
}
