// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/issuance"
)

// settlePeriod is the time that a certificate has to be issued, pushed and served before it is a finding.
const settlePeriod = time.Minute

// maxProofs is the number of certificates that are verified at the gateways. The controller verifies all.
const maxProofs = 200

// checkCertificates compares each certificate with its issuer's role and with the objects that use its Secret, reads its
// status, and verifies what the gateway serves for its hosts.
func (d *checker) checkCertificates(ctx context.Context) error {
	certificates, err := d.certificates(ctx)
	if err != nil {
		return err
	}
	if err := d.readUses(ctx); err != nil && !d.noteSkipped(err) {
		return err
	}
	if len(certificates) > maxProofs {
		d.diagnosis.addNote(fmt.Sprintf("only the first %d certificates are verified at the gateways; for the others, their status is used", maxProofs))
	}
	d.diagnosis.addChecked(len(certificates))
	unproven := 0
	for i := range certificates {
		cert := &certificates[i]
		d.waiting.setStep("checking ApisixCertificate %s/%s", cert.Namespace, cert.Name)
		found := d.specFindings(cert)
		if len(found) == 0 {
			found = d.statusFindings(cert)
		}
		if len(found) == 0 && i < maxProofs {
			found = d.servedFindings(ctx, cert)
			if d.cannotProve(cert) {
				unproven++
			}
		}
		for _, f := range found {
			f.Object = "ApisixCertificate " + cert.Namespace + "/" + cert.Name
			d.diagnosis.addFinding(f)
		}
	}
	if unproven > 0 {
		d.diagnosis.addNote(fmt.Sprintf("%d certificates were not verified at their gateways: the TLS port is unknown or cannot be reached from here", unproven))
	}
	return nil
}

// cannotProve reports whether a pushed certificate cannot be verified at its gateway from here, and no finding of the
// gateway says why.
func (d *checker) cannotProve(cert *v1alpha1.ApisixCertificate) bool {
	gate := d.gateways[class.Of(cert)]
	return len(cert.Status.Gateways) > 0 && !gate.proves && !gate.tlsFaulty && !gate.adminFaulty
}

// specFindings returns the faults of the spec: on its own, with the issuer, and with the objects that use the Secret.
func (d *checker) specFindings(cert *v1alpha1.ApisixCertificate) []finding {
	problems := certspec.Problems(cert)
	var found []finding
	if cert.Spec.IssuerRef.Name != "" {
		look, known := d.issuers[issuerObject(cert)]
		if !known && d.issuersRead {
			found = append(found, finding{Field: "spec.issuerRef", Problem: issuerObject(cert) + " does not exist", Fix: "create it, or correct spec.issuerRef"})
		}
		problems = append(problems, issuance.Objections(cert, look.status)...)
	}
	for _, p := range problems {
		found = append(found, fieldFinding(p))
	}
	return append(found, d.hostFindings(cert)...)
}

func fieldFinding(p certs.FieldError) finding {
	problem := p.Problem
	if p.Value != "" {
		problem = fmt.Sprintf("%q %s", p.Value, problem)
	}
	return finding{Field: "spec." + p.Field, Problem: problem, Fix: p.Fix}
}

// hostFindings returns a finding for each host that an object serves with the Secret and that is not in spec.dnsNames.
func (d *checker) hostFindings(cert *v1alpha1.ApisixCertificate) []finding {
	namespace := cert.Spec.SecretNamespace
	if namespace == "" {
		namespace = cert.Namespace
	}
	var found []finding
	for _, use := range d.uses[namespace+"/"+cert.Spec.SecretName] {
		for _, host := range use.hosts {
			if !slices.ContainsFunc(cert.Spec.DNSNames, func(name string) bool { return certs.MatchHost(certs.NormalizeHost(name), host) || name == host }) {
				found = append(found, finding{Field: "spec.dnsNames", Problem: use.object + " serves " + host + " with Secret " + cert.Spec.SecretName + ", but the certificate is not valid for this host",
					Fix: "add " + host + " to spec.dnsNames"})
			}
		}
	}
	return found
}

// Reasons that are a consequence of a finding of the issuer or of the gateway.
var (
	ofIssuer = []string{v1alpha1.ReasonIssuerNotFound, v1alpha1.ReasonIssuerNotReady, v1alpha1.ReasonIssueFailed, v1alpha1.ReasonRefused, v1alpha1.ReasonRenewalFailing}
	ofAdmin  = []string{v1alpha1.ReasonGatewayUnreachable, v1alpha1.ReasonGatewayRefused, v1alpha1.ReasonModeRefused}
)

// statusFindings returns the failure that the conditions report. It omits consequences of other findings, and what may still be
// in progress.
func (d *checker) statusFindings(cert *v1alpha1.ApisixCertificate) []finding {
	if expiry := cert.Status.Issued.NotAfter; expiry != nil && !d.now.Before(expiry.Time) {
		return []finding{{Field: "status.issued.notAfter", Problem: "the certificate has expired", Fix: "check " + issuerObject(cert) + " and the controller's log, then run apisix-certs renew " + cert.Name}}
	}
	gate := d.gateways[class.Of(cert)]
	reported := map[string]bool{}
	for _, reasons := range []struct {
		all      []string
		reported bool
	}{{ofIssuer, d.issuers[issuerObject(cert)].faulty}, {ofAdmin, gate.adminFaulty}, {[]string{v1alpha1.ReasonNotServed}, gate.tlsFaulty || gate.adminFaulty}} {
		for _, reason := range reasons.all {
			reported[reason] = reasons.reported
		}
	}
	for _, kind := range []string{v1alpha1.ConditionIssued, v1alpha1.ConditionPushed, v1alpha1.ConditionServed} {
		c := meta.FindStatusCondition(cert.Status.Conditions, kind)
		if c == nil || reported[c.Reason] || c.Status != metav1.ConditionFalse && c.Reason != v1alpha1.ReasonRenewalFailing {
			continue
		}
		if inProgress(c.Reason) && d.now.Sub(c.LastTransitionTime.Time) < settlePeriod {
			return nil
		}
		f := finding{Field: "status.conditions[" + kind + "] " + c.Reason}
		f.Problem, f.Fix = splitMessage(c.Message, "see kubectl describe acert "+cert.Name)
		return []finding{f}
	}
	if len(cert.Status.Conditions) == 0 && d.now.Sub(cert.CreationTimestamp.Time) > settlePeriod {
		return []finding{{Field: "status", Problem: "the controller has not processed it", Fix: "check that the controller runs, and its log"}}
	}
	return nil
}

func inProgress(reason string) bool {
	return slices.Contains([]string{v1alpha1.ReasonIssuing, v1alpha1.ReasonNotApplicable, v1alpha1.ReasonWaitingForIngressController, v1alpha1.ReasonNotServed}, reason)
}

// servedFindings verifies what the gateway serves for the hosts of the certificate.
func (d *checker) servedFindings(ctx context.Context, cert *v1alpha1.ApisixCertificate) []finding {
	gate := d.gateways[class.Of(cert)]
	if !gate.proves || cert.Status.Issued.Fingerprint == "" || !meta.IsStatusConditionTrue(cert.Status.Conditions, v1alpha1.ConditionPushed) {
		return nil
	}
	proof := gate.Prove(ctx, cert.Spec.DNSNames, cert.Status.Issued.Fingerprint)
	if proof.Served || !proof.Attempted {
		return nil
	}
	// It may have been renewed since it was read.
	if now, err := d.access.certificate(ctx, keyOf(cert)); err != nil || now.Status.Issued.Fingerprint != cert.Status.Issued.Fingerprint {
		return nil
	}
	return []finding{{Field: "spec.dnsNames", Problem: proof.Problem,
		Fix: "check that --apisix-tls-addr and the Admin API are of the same gateway, look for another ssl object with the host (apisix-certs inspect host " + proof.Host + "), and read the gateway's error log"}}
}

// secretUse is an object that refers to a Secret, and the hosts for which it does.
type secretUse struct {
	object string // KIND NAMESPACE/NAME
	hosts  []string
}

// readUses reads the objects that refer to Secrets.
func (d *checker) readUses(ctx context.Context) error {
	return errors.Join(d.readTLSUses(ctx), d.readIngressUses(ctx), d.readListenerUses(ctx))
}
