// SPDX-License-Identifier: Apache-2.0

// Package admission reviews whether a certificate is allowed by ReferenceGrants, policies and approval, which of its names belong
// to it, and what may be done to its Secret. It reads the objects for that, and package authority decides.
//
//	review, err := reviewer.Review(ctx, cert, references)
//	right, err := reviewer.SecretRight(ctx, cert, review, secret, secretType)
package admission

import (
	"context"
	"fmt"
	"slices"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
	"apisix-certs.io/apisix-certs/internal/grant"
	"apisix-certs.io/apisix-certs/internal/note"
	"apisix-certs.io/apisix-certs/internal/policy"
	"apisix-certs.io/apisix-certs/internal/references"
)

// Review reviews a certificate. It claims the free names for the certificate.
func (r *Reviewer) Review(ctx context.Context, cert *v1alpha1.ApisixCertificate, found references.References) (Review, error) {
	known := r.claimants.check(cert)
	review := Review{Spec: known.spec, Invalid: known.problems, inUse: found.InUse()}
	var err error
	if review.notGranted, err = r.checkGrant(ctx, cert, found); err != nil {
		return review, err
	}
	if review.NoGateway, err = r.checkGateway(ctx, cert); err != nil {
		return review, err
	}
	if err := r.checkPolicies(ctx, cert, &review); err != nil {
		return review, err
	}
	deleting := !cert.DeletionTimestamp.IsZero()
	if !deleting {
		review.Unblocked = r.Claims.Set(r.claimants.of(cert))
	}
	judge := &judge{r: r, ctx: ctx}
	review.Names = r.Claims.Acquire(cert.UID, review.Refused == nil && len(review.Invalid) == 0, judge)
	if deleting { // clean up what it had
		review.Names = authority.Names{Owned: slices.Clone(cert.Status.OwnedNames)}
	}
	for _, host := range review.Spec.DNSNames {
		if slices.Contains(review.Names.Owned, host) {
			review.Hosts = append(review.Hosts, host)
		}
	}
	return review, judge.err
}

// checkGateway returns why nothing may be pushed to the Gateway of another namespace that the spec names, or nil. Such a
// Gateway is used with its owner's admin key, and the owner allows other namespaces with spec.allowedListeners, as for their
// ListenerSets.
func (r *Reviewer) checkGateway(ctx context.Context, cert *v1alpha1.ApisixCertificate) (*finding.Finding, error) {
	key, ok := class.Gateway(class.Of(cert))
	if !ok || key.Namespace == cert.Namespace {
		return nil, nil
	}
	if !r.Shard.MayRead(key.Namespace) {
		return finding.New(v1alpha1.ReasonNamespaceNotWatched, "spec.gatewayRef: the controller does not watch namespace %s or has no permissions there; "+
			"use a Gateway in namespace %s, or have %s added to --watch-namespaces (chart: watchNamespaces)", key.Namespace, cert.Namespace, key.Namespace), nil
	}
	_, allowed, err := gatewayapi.Allowed(ctx, r.Reader, key, cert.Namespace)
	if err != nil {
		return nil, fmt.Errorf("Gateway %s: %w", key, err)
	}
	if allowed {
		return nil, nil
	}
	return finding.New(v1alpha1.ReasonRefNotPermitted, "spec.gatewayRef: Gateway %s does not exist or does not allow listeners from namespace %s; "+
		"use a Gateway in this namespace, or have its spec.allowedListeners allow this one", key, cert.Namespace), nil
}

// checkGrant returns why the certificate may not refer to a Secret in another namespace, or nil.
func (r *Reviewer) checkGrant(ctx context.Context, cert *v1alpha1.ApisixCertificate, found references.References) (*finding.Finding, error) {
	if certspec.SameNamespace(cert) {
		return nil, nil
	}
	ns, name := cert.Spec.SecretNamespace, cert.Spec.SecretName
	if !r.Shard.MayRead(ns) {
		return finding.New(v1alpha1.ReasonNamespaceNotWatched, "Secret %s: the controller does not watch namespace %s or has no permissions there; "+
			"use a Secret in namespace %s, or have %s added to --watch-namespaces (chart: watchNamespaces)", certspec.SecretText(cert), ns, cert.Namespace, ns), nil
	}
	kinds := kindsFrom(cert.Namespace, found)
	used := len(kinds) > 0 || !cert.DeletionTimestamp.IsZero()
	if len(kinds) == 0 {
		kinds = grantable
	}
	for _, kind := range kinds {
		switch granted, err := r.Granted(ctx, kind, cert.Namespace, ns, name); {
		case err != nil:
			return nil, fmt.Errorf("ReferenceGrants: %w", err)
		case granted && !used:
			return finding.New(v1alpha1.ReasonRefNotPermitted, "spec.secretNamespace: no ApisixTls, ApisixUpstream, Gateway or ListenerSet in namespace %s refers to Secret %s, and only these kinds are granted access",
				cert.Namespace, certspec.SecretText(cert)), nil
		case granted:
			return nil, nil
		}
	}
	kind := kinds[0]
	return finding.New(v1alpha1.ReasonRefNotPermitted, "no ReferenceGrant in namespace %s allows %s in namespace %s to refer to Secret %s; "+
		"create one there from {group: %s, kind: %s, namespace: %s} to {group: \"\", kind: Secret, name: %s}",
		ns, plurals[kind], cert.Namespace, name, grant.GroupOf(kind), kind, cert.Namespace, name), nil
}

// grantable are the kinds that may refer to a Secret in another namespace.
var grantable = []string{"ApisixTls", "ApisixUpstream", "Gateway", "ListenerSet"}

// grantedToAny reports whether objects of any of these kinds may refer to the Secret.
func (r *Reviewer) grantedToAny(ctx context.Context, from, secretNamespace, secretName string) (bool, error) {
	for _, kind := range grantable {
		if granted, err := r.Granted(ctx, kind, from, secretNamespace, secretName); granted || err != nil {
			return granted, err
		}
	}
	return false, nil
}

var plurals = map[string]string{"ApisixTls": "ApisixTlses", "ApisixUpstream": "ApisixUpstreams", "Gateway": "Gateways", "ListenerSet": "ListenerSets"}

// kindsFrom returns the grantable kinds of the objects in a namespace that refer to the Secret.
func kindsFrom(namespace string, found references.References) []string {
	return slices.DeleteFunc(slices.Clone(grantable), func(kind string) bool {
		return !slices.ContainsFunc(slices.Concat(found.Uses, found.Clients), func(use gateway.Reference) bool { return use.Namespace == namespace && use.Kind == kind })
	})
}

// checkPolicies sets what policies and approvals say.
func (r *Reviewer) checkPolicies(ctx context.Context, cert *v1alpha1.ApisixCertificate, review *Review) error {
	if review.notGranted != nil {
		review.Refused = review.notGranted
		return nil
	}
	if review.NoGateway != nil {
		review.Refused = review.NoGateway
		return nil
	}
	verdict, err := r.verdict(ctx, cert)
	if err != nil {
		return err
	}
	digest, approval := digestFor(verdict, cert), cert.Status.Approval
	switch settled := verdict.Settle(approval, digest); {
	case verdict.Denied != "":
		review.Refused = &finding.Finding{Reason: v1alpha1.ReasonDenied, Message: verdict.Denied}
	case settled == policy.Refused:
		message := "denied by " + approval.By
		if approval.Message != "" {
			message += ": " + approval.Message
		}
		review.Refused = &finding.Finding{Reason: v1alpha1.ReasonDenied, Message: note.Fit(message)}
	case settled == policy.Unsettled:
		review.Wanted = &v1alpha1.ApprovalRequest{Policy: verdict.Manual[0], Digest: digest}
		review.Refused = finding.New(v1alpha1.ReasonWaitingForApproval,
			"CertificatePolicy %s requires approval of this certificate; run: apisix-certs approve %s -n %s", verdict.Manual[0], cert.Name, cert.Namespace)
	}
	return nil
}
