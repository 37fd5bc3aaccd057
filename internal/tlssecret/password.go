// SPDX-License-Identifier: Apache-2.0

package tlssecret

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// password is the password of a keystore, with the version of its Secret.
type password struct {
	// A pointer, because fmt prints unexported fields without calling their methods.
	text    *string
	version string
}

// readPassword reads a password. It is empty if it does not exist.
func readPassword(ctx context.Context, live client.Reader, namespace string, ref v1alpha1.SecretKeySelector) (password, error) {
	secret := &corev1.Secret{}
	err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, secret)
	if client.IgnoreNotFound(err) != nil {
		return password{}, fmt.Errorf("read keystore password: %w", err)
	}
	text := string(secret.Data[passwordKey(ref)])
	return password{&text, string(secret.UID) + "/" + secret.ResourceVersion}, nil
}

func passwordKey(ref v1alpha1.SecretKeySelector) string { return cmp.Or(ref.Key, "password") }

// missing returns a finding if the password that field refers to does not exist, else nil.
func (p password) missing(field string, ref v1alpha1.SecretKeySelector) *finding.Finding {
	if p.reveal() != "" {
		return nil
	}
	return finding.New(v1alpha1.ReasonInvalidSpec, "%s: Secret %s with a password under key %s does not exist; create it, or correct name and key", field, ref.Name, passwordKey(ref))
}

// reveal returns the password itself: never print it.
func (p password) reveal() string {
	if p.text == nil {
		return ""
	}
	return *p.text
}
