// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/keystorage"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// observe reads everything a plan depends on. It is the only reader. With live, the Secret and a pending CertificateRequest
// are read from the API server instead of the cache.
func (r *Reconciler) observe(ctx context.Context, cert *v1alpha1.ApisixCertificate, live bool) (plan.Snapshot, error) {
	s := plan.Snapshot{Cert: cert, Seen: r.memory.load(client.ObjectKeyFromObject(cert), cert.UID)}
	s.Gateways = r.gatewaysOf(ctx, cert)
	var err error
	if s.References, err = r.References.Of(ctx, cert); err != nil {
		return s, err
	}
	if s.Review, err = r.Reviewer.Review(ctx, cert, s.References); err != nil {
		return s, err
	}
	s.Facts.Spec = s.Review.Spec
	r.enqueue(ctx, s.Review.Unblocked)
	if s.Secret.Object, s.Secret.Live, err = r.readSecret(ctx, cert, live); err != nil {
		return s, err
	}
	if s.Forms, err = tlssecret.ReadForms(ctx, r.Live, cert, keystorage.Outside(cert)); err != nil {
		return s, err
	}
	if s.Issuer, err = r.observeIssuer(ctx, cert); err != nil {
		return s, err
	}
	return r.observePair(ctx, s, s.Secret.Object, live)
}

// observeLive observes from the API server. The cache may lag behind the controller's own last write, and issuing from it
// could issue twice.
func (r *Reconciler) observeLive(ctx context.Context, s plan.Snapshot) (plan.Snapshot, error) {
	again, err := r.observe(ctx, s.Cert, true)
	again.Seen.ForceVerify = s.Seen.ForceVerify
	return again, err
}

// observePair observes what depends on the pair in the Secret.
func (r *Reconciler) observePair(ctx context.Context, s plan.Snapshot, secret *corev1.Secret, live bool) (plan.Snapshot, error) {
	var err error
	s.Secret.Object = secret
	s.Secret.Right, err = r.Reviewer.SecretRight(ctx, s.Cert, s.Review, secret, keystorage.SecretType(s.Cert))
	if err != nil {
		return s, err
	}
	s.Issuer.Request.Spec, s.Issuer.Request.Secret = s.Facts.Spec, secret
	if !s.Cert.Spec.Provided {
		if s.Issuer.Issuing, err = r.Issuers.Observe(ctx, s.Issuer.Request, live); err != nil {
			return s, err
		}
	}
	now := r.Clock.Now()
	s.Facts = plan.FactsOf(&s, r.RotationSpread)
	s.Judgement = plan.Judge(&s, now)
	d := s.Judgement.Decision
	if s.Keys, err = r.Keys.Observe(ctx, s.KeyInput(), s.TargetOf(d.Bundle), !d.Issue, s.Seen.Unserved != ""); err != nil {
		return s, err
	}
	if p := plan.Make(s, now); p.Delivery == plan.Push && p.Secret == plan.Keep {
		return r.observeGateways(ctx, s, p.Target), nil
	}
	return s, nil
}

// readSecret reads the Secret. The cache has only managed Secrets, so one that is not in it is read from the API server.
func (r *Reconciler) readSecret(ctx context.Context, cert *v1alpha1.ApisixCertificate, live bool) (*corev1.Secret, bool, error) {
	key := certspec.SecretKey(cert)
	if !r.Shard.MayRead(key.Namespace) { // the review rejects it
		return nil, live, nil
	}
	var from client.Reader = r.Client
	if live {
		from = r.Live
	}
	secret := &corev1.Secret{}
	err := from.Get(ctx, key, secret)
	switch {
	case apierrors.IsNotFound(err) && !live && r.NoSecret(key):
		return nil, false, nil
	case apierrors.IsNotFound(err) && !live:
		return r.readSecret(ctx, cert, true)
	case apierrors.IsNotFound(err):
		return nil, live, nil
	case err == nil && cert.Spec.Provided:
		secret = tlssecret.Provided(secret)
	}
	return secret, live, err
}

func (r *Reconciler) observeIssuer(ctx context.Context, cert *v1alpha1.ApisixCertificate) (plan.IssuerState, error) {
	of := plan.IssuerState{Request: issuance.Request{Certificate: cert}}
	if cert.Spec.Provided {
		return of, nil
	}
	found, err := r.Issuers.Find(ctx, cert.Namespace, cert.Spec.IssuerRef)
	if errors.As(err, &of.Bad) {
		return of, nil
	}
	if found != nil {
		of.Request.Issuer, of.Request.Observation = found, r.Issuers.Observation(found)
	}
	return of, err
}

// gatewaysOf returns the gateways of a certificate without contacting them.
func (r *Reconciler) gatewaysOf(ctx context.Context, cert *v1alpha1.ApisixCertificate) plan.GatewayStates {
	states := plan.GatewayStates{Known: r.certificateExists(ctx)}
	for _, g := range r.Gateways.For(class.Of(cert)) {
		states.At = append(states.At, plan.GatewayState{Gateway: g})
	}
	for _, was := range cert.Status.Gateways {
		if slices.ContainsFunc(states.At, func(at plan.GatewayState) bool { return at.Name == was.Name }) {
			continue
		}
		if g := r.Gateways.Named(was.Name); g != nil {
			states.Former = append(states.Former, g)
		}
	}
	return states
}

// observeGateways observes all gateways concurrently, so that a gateway that hangs does not delay the others.
func (r *Reconciler) observeGateways(ctx context.Context, s plan.Snapshot, t gateway.Target) plan.Snapshot {
	s.Gateways.At = slices.Clone(s.Gateways.At)
	var group sync.WaitGroup
	for i := range s.Gateways.At {
		at := &s.Gateways.At[i]
		group.Go(func() {
			at.State, at.Err = at.Observe(ctx, t)
			at.Observed = true
		})
	}
	group.Wait()
	return s
}

// certificateExists reports whether there is an ApisixCertificate with that name and UID. On a read error it returns true.
func (r *Reconciler) certificateExists(ctx context.Context) func(namespace, name, uid string) bool {
	return func(namespace, name, uid string) bool {
		cert := &v1alpha1.ApisixCertificate{}
		err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, cert, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
		return client.IgnoreNotFound(err) != nil || err == nil && string(cert.UID) == uid
	}
}

// Preview observes a certificate and returns the plan for it without running it.
func (r *Reconciler) Preview(ctx context.Context, cert *v1alpha1.ApisixCertificate) (plan.Snapshot, plan.Plan, error) {
	s, err := r.observe(ctx, cert, false)
	if s.Seen.ForceVerify { // that is for the next run
		r.ForceVerify(client.ObjectKeyFromObject(cert))
	}
	if err != nil {
		return s, plan.Plan{}, fmt.Errorf("observe: %w", err)
	}
	return s, plan.Make(s, r.Clock.Now()), nil
}
