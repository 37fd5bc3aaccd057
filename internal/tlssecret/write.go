// SPDX-License-Identifier: Apache-2.0

package tlssecret

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/authority"
)

// FieldOwner is the field manager of all writes.
const FieldOwner = client.FieldOwner("apisix-certs")

// RefusedError reports that the API server rejected the Secret, because of a quota, admission or an immutable field. Its
// text quotes the API server.
type RefusedError struct {
	Secret types.NamespacedName
	Cause  error
}

func (e *RefusedError) Error() string {
	return "Secret " + e.Secret.Name + " cannot be written: " + e.Cause.Error()
}

func (e *RefusedError) Unwrap() error { return e.Cause }

// Writer writes Secrets. All fields are required. Live reads from the API server. Direct is a client without a cache, for
// dry runs and for writes that remove a Secret from the cache of managed Secrets, for which a cached client would wait
// forever.
type Writer struct {
	Client client.Client
	Live   client.Reader
	Direct client.Client
}

// Write creates or updates the Secret of the permit. current is the Secret as it was read, nil for none. A Secret that
// changed since the permit was given is a conflict.
func (w Writer) Write(ctx context.Context, permit authority.WritePermit, current *corev1.Secret, c Content) (*corev1.Secret, error) {
	return w.write(ctx, w.Client, permit, current, c)
}

// DryRun reports whether the API server would accept Write, without writing.
func (w Writer) DryRun(ctx context.Context, permit authority.WritePermit, current *corev1.Secret, c Content) error {
	_, err := w.write(ctx, w.Direct, permit, current, c, client.DryRunAll)
	return err
}

// dryRun is an option of both create and update.
type dryRun interface {
	client.CreateOption
	client.UpdateOption
}

func (w Writer) write(ctx context.Context, to client.Client, permit authority.WritePermit, current *corev1.Secret, c Content, options ...dryRun) (*corev1.Secret, error) {
	key := permit.Key()
	if (current == nil) != (permit.UID() == "") {
		return nil, conflict(key)
	}
	if current == nil {
		after := c.Apply(nil, key)
		create := []client.CreateOption{FieldOwner}
		for _, o := range options {
			create = append(create, o)
		}
		return after, writeError("create", key, to.Create(ctx, after, create...))
	}
	if current.ResourceVersion != permit.ResourceVersion() || current.UID != permit.UID() {
		return nil, conflict(key)
	}
	after := c.Apply(current, key)
	update := []client.UpdateOption{FieldOwner}
	for _, o := range options {
		update = append(update, o)
	}
	return after, writeError("update", key, to.Update(ctx, after, update...))
}

// Delete deletes the Secret as it was read. A Secret that is already deleted is not an error.
func (w Writer) Delete(ctx context.Context, permit authority.DeletePermit) error {
	uid, version, key := permit.UID(), permit.ResourceVersion(), permit.Key()
	secret := &corev1.Secret{}
	secret.Namespace, secret.Name = key.Namespace, key.Name
	err := w.Direct.Delete(ctx, secret, client.Preconditions{UID: &uid, ResourceVersion: &version})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Secret %s: %w", key.Name, err)
	}
	return nil
}

// Release removes the controller's metadata from the Secret. The certificate stays, with an annotation that says who
// released it, see authority.ReleasedText.
func (w Writer) Release(ctx context.Context, permit authority.DeletePermit, by string) error {
	key := permit.Key()
	current := &corev1.Secret{}
	switch err := w.Live.Get(ctx, key, current); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read Secret %s: %w", key.Name, err)
	case current.UID != permit.UID():
		return nil
	}
	return writeError("release", key, w.Direct.Update(ctx, released(current, by), FieldOwner))
}

func writeError(verb string, key types.NamespacedName, err error) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return &RefusedError{key, err}
	}
	return fmt.Errorf("%s Secret %s: %w", verb, key.Name, err)
}

func conflict(key types.NamespacedName) error {
	return apierrors.NewConflict(corev1.Resource("secrets"), key.Name, errors.New("the Secret has changed since it was read"))
}

// IsTransient reports whether the API server may accept later what it rejected now, because it is unreachable or says so.
func IsTransient(err error) bool {
	var answered apierrors.APIStatus
	return !errors.As(err, &answered) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err)
}

// LastWriter returns the field manager that last wrote the data of a Secret. It is empty if that was this controller or is
// not known. Only a Secret that was read from the API server has it.
func LastWriter(secret *corev1.Secret) string {
	if secret == nil {
		return ""
	}
	var last metav1.ManagedFieldsEntry
	for _, entry := range secret.ManagedFields {
		if entry.Time == nil || entry.FieldsV1 == nil || !strings.Contains(entry.FieldsV1.GetRawString(), `"f:data"`) {
			continue
		}
		if last.Time == nil || last.Time.Before(entry.Time) || last.Time.Equal(entry.Time) && last.Manager == string(FieldOwner) {
			last = entry
		}
	}
	if last.Manager == string(FieldOwner) {
		return ""
	}
	return last.Manager
}
