// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// observed is everything that a run looks at.
type observed struct {
	cert *v1alpha1.ApisixCertificate
	spec certs.Spec

	secret *corev1.Secret // nil: there is none
	live   bool           // secret was read past the cache

	issuer   v1alpha1.Issuer // nil: not found
	standing issuer.Observation
	// rotationSpread is Reconciler.RotationSpread.
	rotationSpread time.Duration
	// badIssuer says why the issuer cannot be read.
	badIssuer *finding
	// requested is what is on its way through cert-manager.
	requested requested
	// names are the DNS names that belong to the certificate, right what may be done to its Secret; notGranted says why a
	// Secret of another namespace may not be referred to.
	names      authority.Names
	right      authority.SecretRight
	notGranted *authority.Refusal
	// refused says why the certificate may not be had; approvalRequest is what would settle that.
	refused         *finding
	approvalRequest *v1alpha1.ApprovalRequest
	// hosts are those to push: the spec's DNS names that belong to the certificate.
	hosts []string
	uses  []gateway.Use
	// client is what the uses ask of clients; unfit says why that is not known.
	client *apisix.SSLClient
	unfit  error
	// passwords are those of the keystores; noPassword says why there is none.
	passwords  passwords
	noPassword *finding
	// noKeyPlace says why the key cannot be kept where the spec says, keyUnknown why that cannot be told now.
	noKeyPlace *KeyStorageError
	keyUnknown error
	// lost says that a key outside of Kubernetes is gone from there.
	lost string
	// keys are the keys that are at no gateway yet, gatewayVault the Vault that gateways read keys from.
	keys         *heldKeys
	gatewayVault apisix.VaultSecret
	// before is the status as it was read.
	before *v1alpha1.ApisixCertificateStatus
	// writer is who else wrote the Secret last, for events.
	writer string
	// signableAt is when the next certificate may be signed, see signatures.
	signableAt time.Time
	// suspect: what was seen to be served is to be looked at anew.
	suspect bool
	// known tells whether there is an ApisixCertificate of that name with this UID.
	known func(namespace, name, uid string) bool
	// gateways are those of the certificate's ingress class.
	gateways []*gateway.Gateway
	// left are others that status names: the ingress class was another.
	left []*gateway.Gateway
}

func (r *Reconciler) observe(ctx context.Context, cert *v1alpha1.ApisixCertificate) (observed, error) {
	o := observed{cert: cert, before: cert.Status.DeepCopy(), spec: specOf(cert), gateways: r.Gateways(cert.Spec.IngressClassName), known: r.known(ctx), keys: &r.keys, rotationSpread: r.RotationSpread}
	o.left = r.left(&o)
	o.signableAt = r.signatures.next(cert.UID, r.Clock.Now())
	for _, step := range []func() error{
		func() error { return r.observeSecret(ctx, r.Client, &o) },
		func() error { return r.observeIssuer(ctx, &o) },
		func() error { return r.observeRequest(ctx, r.Client, &o) },
		func() error { return r.observeUses(ctx, &o) },
		func() error { return r.observeGrant(ctx, &o) },
		func() error { return r.observeAdmission(ctx, &o) },
		func() error { return r.observeRights(ctx, &o) },
		func() error { return r.observeClients(ctx, &o) },
		func() error { return r.observeKey(ctx, &o) },
		func() error { return r.observePasswords(ctx, &o) },
	} {
		if err := step(); err != nil {
			return o, err
		}
	}
	return o, nil
}

// observeSecret reads the Secret with from. One that the cache does not have may be somebody else's.
func (r *Reconciler) observeSecret(ctx context.Context, from client.Reader, o *observed) error {
	key := client.ObjectKey{Namespace: secretNamespace(o.cert), Name: o.cert.Spec.SecretName}
	o.live = from == r.Live
	if !r.Shard.MayRead(key.Namespace) { // observeGrant refuses it
		o.secret = nil
		return nil
	}
	secret := &corev1.Secret{}
	err := from.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) && !o.live {
		return r.observeSecret(ctx, r.Live, o)
	}
	o.secret = secret
	if apierrors.IsNotFound(err) {
		o.secret, err = nil, nil
	}
	if err != nil {
		return err
	}
	return r.observeSecretRight(ctx, o)
}

// known tells whether there is an ApisixCertificate of that name with that UID. Where it cannot tell, there is one.
func (r *Reconciler) known(ctx context.Context) func(namespace, name, uid string) bool {
	return func(namespace, name, uid string) bool {
		cert := &v1alpha1.ApisixCertificate{}
		err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, cert, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
		return client.IgnoreNotFound(err) != nil || err == nil && string(cert.UID) == uid
	}
}

// issuerChanged tells whether the issuer changed for the better since the time given, to the second, so that a failure is
// worth a new try at once.
func (o *observed) issuerChanged(since metav1.Time) bool {
	if o.issuer == nil {
		return false
	}
	ready := meta.FindStatusCondition(o.issuer.IssuerStatus().Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Status == metav1.ConditionTrue && !ready.LastTransitionTime.Before(&since)
}

// target is the pair in the Secret as the gateways should hold it, for the hosts that it names: of a spec that was
// changed and not followed yet, the hosts of the old certificate are still served.
func (o *observed) target(d certs.Decision) gateway.Target {
	t := gateway.Target{
		Namespace: o.cert.Namespace, Name: o.cert.Name, UID: string(o.cert.UID),
		SecretNamespace: secretNamespace(o.cert), SecretName: o.cert.Spec.SecretName, Uses: o.uses, OwnTerms: gateway.OwnTerms{Client: o.client, Unfit: o.unfit, Known: o.known},
		Pair: gateway.Pair{Fingerprint: certs.Fingerprint(d.Bundle.Leaf), Serial: certs.Serial(d.Bundle.Leaf)},
	}
	t.Hosts = slices.DeleteFunc(slices.Clone(o.hosts), func(host string) bool { return !names(d.Bundle, host) })
	if o.secret != nil {
		t.Cert, t.Key = o.secret.Data[corev1.TLSCertKey], o.secret.Data[corev1.TLSPrivateKeyKey]
	}
	if o.keyOutside() {
		if held := o.keys.get(o.cert.UID, t.Fingerprint); held != nil {
			t.Key = held
		}
		t.Reference = o.reference(t)
	}
	return t
}
