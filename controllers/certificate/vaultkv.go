// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"cmp"
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// keyValue is a session that keeps secrets.
type keyValue interface {
	WriteKV(ctx context.Context, path string, data map[string]string) error
	HasKV(ctx context.Context, path, key string) (bool, error)
	ListKV(ctx context.Context, path string) ([]string, error)
	DeleteKV(ctx context.Context, path string) error
}

// The fields of a secret in Vault.
const (
	kvCert = "cert"
	kvKey  = "key"
)

func (o *observed) kvMount() string { return cmp.Or(o.cert.Spec.VaultKV.Mount, "kv") }

// kvFolder is where the certificate's secrets are below the mount. The UID keeps clusters and tenants apart, whatever
// path they name.
func (o *observed) kvFolder() string {
	return cmp.Or(o.cert.Spec.VaultKV.Path, "apisix-certs") + "/" + string(o.cert.UID)
}

// kvName is the name of one certificate's secret there. A gateway keeps what it read for 300 s, so that each certificate
// must have a name of its own to be served at once.
func kvName(fingerprint string) string { return fingerprint[:min(len(fingerprint), 32)] }

// reference is what the ssl object has in the place of the target's certificate and key, nil where the key is not in Vault.
// One to a place that the spec has left is as it is until there is a new certificate: what the gateway needs for it is not
// in the spec any more.
func (o *observed) reference(t gateway.Target) *gateway.Reference {
	place := o.place()
	if place == nowhere || len(o.gateways) == 0 || t.Fingerprint == "" {
		return nil
	}
	secret := o.gatewayVault
	secret.ID = o.gateways[0].ID(t) // the same at all gateways
	base := "$secret://vault/" + secret.ID + "/" + place.Path + "/" + kvName(t.Fingerprint) + "/"
	return &gateway.Reference{Cert: base + kvCert, Key: base + kvKey, Secret: secret, Old: place != o.wantedPlace()}
}

// keyValue is the session of the certificate's issuer.
func (r *Reconciler) keyValue(ctx context.Context, o *observed) (keyValue, error) {
	return r.keyValueBy(ctx, o.issuer)
}

// keyValueOf is the session of the issuer that is called so, KIND/NAME.
func (r *Reconciler) keyValueOf(ctx context.Context, namespace, name string) (keyValue, error) {
	found, err := r.findIssuer(ctx, namespace, v1alpha1.ParseIssuer(name))
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, &KeyStorageError{name + " does not exist, through which keys were put into Vault"}
	}
	return r.keyValueBy(ctx, found)
}

func (r *Reconciler) keyValueBy(ctx context.Context, issuer v1alpha1.Issuer) (keyValue, error) {
	session, err := r.Signers.Get(ctx, issuer)
	if err != nil {
		return nil, err
	}
	kv, ok := any(session).(keyValue)
	if !ok {
		return nil, &KeyStorageError{"VaultKV needs an issuer that is a Vault"}
	}
	return kv, nil
}

// writeKV puts a new pair into Vault.
func (r *Reconciler) writeKV(ctx context.Context, o *observed, fingerprint string, cert, key []byte) error {
	kv, err := r.keyValue(ctx, o)
	if err != nil {
		return err
	}
	return kv.WriteKV(ctx, folder(o.wantedPlace())+"/"+kvName(fingerprint), map[string]string{kvCert: string(cert), kvKey: string(key)})
}

// lostInVault says that the pair is gone from Vault; empty: it is there, served all the same, or that cannot be told.
func (r *Reconciler) lostInVault(ctx context.Context, o *observed, t gateway.Target) string {
	if o.issuer == nil || o.place() != o.wantedPlace() || !meta.IsStatusConditionFalse(o.cert.Status.Conditions, v1alpha1.ConditionServed) {
		return ""
	}
	kv, err := r.keyValue(ctx, o)
	if err != nil {
		return ""
	}
	if has, err := kv.HasKV(ctx, folder(o.wantedPlace())+"/"+kvName(t.Fingerprint), kvKey); err != nil || has {
		return ""
	}
	return "the private key is gone from Vault"
}

// sweep deletes the secrets of older certificates, once the new one is proven. What fails is left for the next time: a
// secret too many harms nothing.
func (r *Reconciler) sweep(ctx context.Context, o *observed, fingerprint string) {
	if swept, _ := r.swept.Load(o.cert.UID); swept == fingerprint || o.issuer == nil {
		return
	}
	kv, err := r.keyValue(ctx, o)
	if err == nil {
		err = clearFolder(ctx, kv, folder(o.place()), func(name string) (bool, error) { return name == kvName(fingerprint), nil })
	}
	if err != nil {
		ctrl.LoggerFrom(ctx).Info("cannot delete older keys in Vault", "error", err.Error())
		return
	}
	r.swept.Store(o.cert.UID, fingerprint)
}

// endKey ends what a deleted certificate has outside of Kubernetes.
func (r *Reconciler) endKey(ctx context.Context, o *observed) error {
	r.keys.drop(o.cert.UID)
	r.swept.Delete(o.cert.UID)
	return r.endPlaces(ctx, o)
}
