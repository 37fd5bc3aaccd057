// SPDX-License-Identifier: Apache-2.0

// Package explain shows what the controller would do with a certificate now, and why. It uses the controller's own observation
// and plan. It only reads from the Kubernetes API and does not connect to Vault or gateways.
//
//	found, err := explain.Of(ctx, reader, cert, explain.Options{RequirePolicy: true})
//
// Facts that only the running controller knows, such as the current content of a gateway, are read from the certificate's status.
package explain

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/certificate"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/controllers/source"
	"apisix-certs.io/apisix-certs/internal/admission"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/grant"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/keystorage"
	"apisix-certs.io/apisix-certs/internal/references"
)

// Options are the settings of the controller that affect the plan.
type Options struct {
	RequirePolicy bool
	// RotationSpread is --ca-rotation-spread.
	RotationSpread time.Duration
}

// Explanation is what was observed, what would be done, and the current status.
type Explanation struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Observed  Observed `json:"observed"`
	Plan      Plan     `json:"plan"`
	Status    Status   `json:"status"`
}

// Observed is the input of the plan.
type Observed struct {
	Secret    string     `json:"secret"` // NAMESPACE/NAME
	There     bool       `json:"secretExists"`
	Ours      bool       `json:"secretIsOurs"`
	Serial    string     `json:"serial,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
	RenewalAt *time.Time `json:"renewalTime,omitempty"`
	Issuer    string     `json:"issuer,omitempty"`
	Found     bool       `json:"issuerExists"`
	// Owned are the DNS names that belong to the certificate. Yielded are those that belong to an older one of its namespace.
	Owned    []string               `json:"ownedNames,omitempty"`
	Yielded  []string               `json:"yieldedNames,omitempty"`
	Uses     []string               `json:"usedBy,omitempty"` // KIND NAMESPACE/NAME
	Gateways []certificateOnGateway `json:"gateways,omitempty"`
}

// certificateOnGateway is the last recorded state of a gateway.
type certificateOnGateway = v1alpha1.GatewayStatus

// Plan is what would be done.
type Plan struct {
	Secret string `json:"secret"`        // keep, issue or rewrite
	Why    string `json:"why,omitempty"` // why a new certificate is due
	// Held says what prevents the controller from following the spec. Waits says what the certificate is waiting for.
	Held    *Finding   `json:"heldBy,omitempty"`
	Waits   *Finding   `json:"waitsFor,omitempty"`
	Backoff bool       `json:"backoff,omitempty"` // waiting to retry after the last failure
	Deliver string     `json:"deliver"`           // nothing, push, verify or withdraw
	Revoke  int        `json:"revoke,omitempty"`  // how many replaced certificates are to be revoked
	Next    *time.Time `json:"next,omitempty"`    // next scheduled action
}

// Finding is a reason and a message, as in a condition.
type Finding struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Status is the current status of the certificate.
type Status struct {
	Ready   string `json:"ready"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// Behind is set if the status describes an older spec.
	Behind bool `json:"behind,omitempty"`
}

// Of explains a certificate. reader must not use a cache, and has the permissions of the caller.
func Of(ctx context.Context, reader client.Client, cert *v1alpha1.ApisixCertificate, options Options) (*Explanation, error) {
	r, err := reconcilerFor(ctx, reader, options)
	if err != nil {
		return nil, err
	}
	s, _, err := r.Preview(ctx, cert)
	if err != nil {
		return nil, err
	}
	s.Keys.Unsupported, s.Keys.Unknown = nil, nil // no gateway was queried
	now := clock.RealClock{}.Now()
	p := plan.Make(s, now)
	return &Explanation{Namespace: cert.Namespace, Name: cert.Name, Observed: observedOf(&s, &p), Plan: planOf(&p), Status: statusOf(cert)}, nil
}

// reconcilerFor returns a reconciler with a client that only reads, and without issuers or gateways.
func reconcilerFor(ctx context.Context, reader client.Client, options Options) (*certificate.Reconciler, error) {
	readOnly := readOnly{source.Unindexed(reader)}
	var list v1alpha1.ApisixCertificateList
	if err := readOnly.List(ctx, &list); err != nil {
		return nil, err
	}
	grants := &grant.Grants{Reader: readOnly}
	if mapping, err := reader.RESTMapper().RESTMapping(grant.Kind); err == nil {
		grants.Found(mapping.GroupVersionKind)
	} else if !meta.IsNoMatchError(err) {
		return nil, err
	}
	uses := &source.Uses{Client: readOnly}
	if err := uses.HasKinds(reader.RESTMapper()); err != nil {
		return nil, err
	}
	real := clock.RealClock{}
	issuers := &issuance.Issuers{Client: readOnly, Live: readOnly, Clock: real, Signers: noSigners{}}
	reviewer := &admission.Reviewer{
		Reader: readOnly, Claims: &authority.Claims{Clock: real}, Granted: grants.Allow,
		RequirePolicy: options.RequirePolicy,
	}
	for i := range list.Items {
		reviewer.Claim(&list.Items[i])
	}
	return &certificate.Reconciler{
		Client: readOnly, Live: readOnly, Clock: real, Gateways: noGateways{}, RotationSpread: options.RotationSpread,
		NoSecret: func(types.NamespacedName) bool { return false },
		Components: certificate.Components{
			Issuers: issuers, Keys: &keystorage.Stores{Live: readOnly, Issuers: issuers}, Reviewer: reviewer,
			References: &references.Finder{Live: readOnly, Uses: uses.Of, Clients: uses.ClientsOf, Granted: grants.Allow},
		},
	}, nil
}

func observedOf(s *plan.Snapshot, p *plan.Plan) Observed {
	o := Observed{
		Secret: s.Cert.Namespace + "/" + s.Cert.Spec.SecretName, There: s.Secret.Object != nil, Ours: s.Secret.Right.Ours(),
		Found: s.Issuer.Request.Issuer != nil, Owned: s.Review.Names.Owned, Yielded: s.Review.Names.OwnedBySibling, Gateways: s.Cert.Status.Gateways,
	}
	if other := s.Cert.Spec.SecretNamespace; other != "" {
		o.Secret = other + "/" + s.Cert.Spec.SecretName
	}
	if !s.Cert.Spec.Provided {
		o.Issuer = s.Cert.Spec.IssuerRef.String()
	}
	if leaf := p.Decision.Bundle.Leaf; leaf != nil {
		o.Serial, o.NotAfter = s.Cert.Status.Issued.SerialNumber, timeOf(p.Decision.NotAfter)
		o.RenewalAt = timeOf(p.Decision.RenewAt)
	}
	for _, use := range s.References.Uses {
		o.Uses = append(o.Uses, use.Kind+" "+use.Namespace+"/"+use.Name)
	}
	return o
}

func planOf(p *plan.Plan) Plan {
	planned := Plan{
		Secret: string(p.Secret), Held: findingOf(p.Blocked), Waits: findingOf(p.Pending), Backoff: p.Backoff,
		Deliver: string(p.Delivery), Revoke: len(p.Revoke), Next: timeOf(p.Next),
	}
	if p.Decision.Issue {
		planned.Why = p.Decision.Message
	}
	if planned.Held == nil {
		planned.Held = findingOf(p.Provided.Fault)
	}
	return planned
}

func findingOf(f *finding.Finding) *Finding {
	if f == nil {
		return nil
	}
	return &Finding{f.Reason, f.Message}
}

func statusOf(cert *v1alpha1.ApisixCertificate) Status {
	ready := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return Status{Ready: string(metav1.ConditionUnknown), Message: "no controller has processed it yet: run apisix-certs check to find out whether one is running"}
	}
	return Status{Ready: string(ready.Status), Reason: ready.Reason, Message: ready.Message, Behind: cert.Status.ObservedGeneration != cert.Generation}
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// noGateways returns no gateways, so that none is connected to.
type noGateways struct{}

func (noGateways) For(string) []*gateway.Gateway { return nil }
func (noGateways) Named(string) *gateway.Gateway { return nil }

// noSigners returns no sessions, so that no issuer is connected to.
type noSigners struct{}

func (noSigners) Get(context.Context, v1alpha1.Issuer) (*vault.Session, error) {
	return nil, finding.New(v1alpha1.ReasonIssuerNotReady, "issuers are not queried by explain")
}

func (noSigners) Observation(v1alpha1.Issuer) issuer.Observation { return issuer.Observation{} }
