// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// nowhere is the place of a key that is not in Vault.
var nowhere v1alpha1.VaultKVPlace

// wantedPlace is where in Vault the spec wants the key; nowhere: not there.
func (o *observed) wantedPlace() v1alpha1.VaultKVPlace {
	if o.storage() != v1alpha1.KeyInVaultKV || o.cert.Spec.VaultKV == nil {
		return nowhere
	}
	return v1alpha1.VaultKVPlace{Issuer: o.cert.Spec.IssuerRef.String(), Mount: o.kvMount(), Path: o.kvFolder()}
}

// place is where in Vault the key of the Secret's certificate is. A Secret that has lost its marks has the key where the
// spec wants it, if it was there before.
func (o *observed) place() v1alpha1.VaultKVPlace {
	if o.secret == nil || o.cert.Spec.Push {
		return nowhere
	}
	text, marked := o.vaultKVMark()
	wanted := o.wantedPlace()
	switch {
	case marked && text == placeText(wanted):
		return wanted
	case marked:
		return o.recordedPlace(text)
	case wanted != nowhere && slices.Contains(o.cert.Status.VaultKV, wanted):
		return wanted
	}
	return nowhere
}

// vaultKVMark is the mark on the Secret that tells its place.
func (o *observed) vaultKVMark() (text string, marked bool) {
	if o.secret != nil {
		text, marked = o.secret.Annotations[v1alpha1.AnnotationVaultKV]
	}
	return text, marked
}

func placeText(p v1alpha1.VaultKVPlace) string {
	if p == nowhere {
		return ""
	}
	return p.Issuer + " " + p.Mount + " " + p.Path
}

// folder is the path of a place's secrets in Vault.
func folder(p v1alpha1.VaultKVPlace) string { return p.Mount + "/" + p.Path }

// recordedPlace is the place that the mark names, among those that the status records: who may write the Secret must not lead
// the controller elsewhere.
func (o *observed) recordedPlace(text string) v1alpha1.VaultKVPlace {
	for _, place := range o.cert.Status.VaultKV {
		if placeText(place) == text {
			return place
		}
	}
	return nowhere
}

// places are all that may hold keys of the certificate, the present one last.
func (o *observed) places() []v1alpha1.VaultKVPlace {
	all := slices.Clone(o.cert.Status.VaultKV)
	if p := o.place(); p != nowhere {
		all = append(slices.DeleteFunc(all, func(other v1alpha1.VaultKVPlace) bool { return other == p }), p)
	}
	return all
}

// clearPlaces deletes the keys in the places that the certificate has left, once it is proven to be served from where it
// is now, and gives the places that are left. again: the rest may be cleared soon.
func (r *Reconciler) clearPlaces(ctx context.Context, o *observed, done outcome) (left []v1alpha1.VaultKVPlace, again bool) {
	all := o.places()
	if len(done.gateways) == 0 || !done.settled() || done.err != nil {
		return all, false
	}
	target := o.target(done.decision)
	for _, p := range all {
		if p == o.place() {
			left = append(left, p)
			continue
		}
		if err := r.clearPlace(ctx, o, target, p); err != nil {
			ctrl.LoggerFrom(ctx).Info("keys in Vault are left over for now", "issuer", p.Issuer, "path", folder(p), "error", err.Error())
			left, again = append(left, p), again || passes(err)
		}
	}
	return left, again
}

// clearPlace deletes all keys of a place but the target's and what a gateway still refers to, which is an error, and the
// gateways' knowledge of the Vault where nothing is read from it any more.
func (r *Reconciler) clearPlace(ctx context.Context, o *observed, t gateway.Target, p v1alpha1.VaultKVPlace) error {
	gateways := slices.Concat(o.left, o.gateways)
	used, err := references(ctx, gateways, t)
	if err != nil {
		return err
	}
	if used != "" && o.place() == nowhere {
		return &usedError{p}
	}
	kv, err := r.keyValueOf(ctx, o.cert.Namespace, p.Issuer)
	if err != nil {
		return err
	}
	err = clearFolder(ctx, kv, folder(p), func(name string) (bool, error) {
		if strings.Contains(used, "/"+name+"/") && name != kvName(t.Fingerprint) {
			return false, &usedError{p}
		}
		return t.Fingerprint != "" && name == kvName(t.Fingerprint), nil
	})
	if err != nil || o.place() != nowhere {
		return err
	}
	return forgetVault(ctx, gateways, t)
}

// usedError says that a gateway still reads a key.
type usedError struct{ place v1alpha1.VaultKVPlace }

func (e *usedError) Error() string { return "a gateway still refers to a key in " + folder(e.place) }

// passes tells whether what failed may work a minute later without anybody's help.
func passes(err error) bool {
	var storage *KeyStorageError
	var answered *vault.Error
	var busy *vault.BusyError
	if errors.As(err, &busy) || errors.As(err, &storage) || errors.As(err, &answered) {
		return unanswered(err)
	}
	return !gateway.Refused(err)
}

// unanswered tells whether it is Vault that does not answer for now.
func unanswered(err error) bool {
	var busy *vault.BusyError
	var answered *vault.Error
	return errors.As(err, &busy) || errors.As(err, &answered) && answered.Kind == vault.Transient
}

// references are what the certificate's own objects at the gateways have in the place of certificate and key, in one text.
func references(ctx context.Context, gateways []*gateway.Gateway, t gateway.Target) (string, error) {
	var all strings.Builder
	for _, g := range gateways {
		text, err := g.References(ctx, t)
		if err != nil {
			return "", fmt.Errorf("gateway %s: %w", g.Name, err)
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

func forgetVault(ctx context.Context, gateways []*gateway.Gateway, t gateway.Target) error {
	for _, g := range gateways {
		if err := g.ForgetVault(ctx, t); err != nil {
			return fmt.Errorf("gateway %s: %w", g.Name, err)
		}
	}
	return nil
}

// clearFolder deletes the secrets of a folder but those that keep names.
func clearFolder(ctx context.Context, kv keyValue, folder string, keep func(name string) (bool, error)) error {
	names, err := kv.ListKV(ctx, folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		if kept, err := keep(name); kept || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := kv.DeleteKV(ctx, folder+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

// endPlaces deletes all keys of a certificate that ends. It only holds up the end while Vault does not answer: where the
// issuer or its rights are gone, nobody could delete anything.
func (r *Reconciler) endPlaces(ctx context.Context, o *observed) error {
	all := o.places()
	if wanted := o.wantedPlace(); wanted != nowhere && !slices.Contains(all, wanted) {
		all = append(all, wanted) // a key may have been written, and its Secret not
	}
	if len(all) == 0 {
		return nil
	}
	if err := forgetVault(ctx, slices.Concat(o.left, o.gateways), o.target(certs.Decision{})); err != nil {
		return err
	}
	for _, p := range all {
		kv, err := r.keyValueOf(ctx, o.cert.Namespace, p.Issuer)
		if err == nil {
			err = clearFolder(ctx, kv, folder(p), func(string) (bool, error) { return false, nil })
		}
		switch {
		case unanswered(err):
			return fmt.Errorf("delete keys in Vault: %w", err)
		case err != nil:
			ctrl.LoggerFrom(ctx).Info("keys in Vault are left over", "issuer", p.Issuer, "path", folder(p), "error", err.Error())
		}
	}
	return nil
}
