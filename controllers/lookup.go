// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
)

// kindPoll is how often a kind whose CRD is not installed is looked for.
const kindPoll = 10 * time.Second

// lookupError says that the API server did not tell whether it has a kind.
type lookupError struct {
	kind  string
	cause error
}

func (e *lookupError) Error() string { return "look for kind " + e.kind + ": " + e.cause.Error() }

func (e *lookupError) Unwrap() error { return e.cause }

// awaitKinds calls start every pause until it is done. Where the API server does not answer it is asked again: a controller
// that ended for that would lose its lease in each restart of the API server.
func awaitKinds(ctx context.Context, pause time.Duration, start func(context.Context) (done bool, err error)) error {
	err := wait.PollUntilContextCancel(ctx, pause, false, func(ctx context.Context) (bool, error) {
		done, err := start(ctx)
		var unknown *lookupError
		if errors.As(err, &unknown) {
			ctrl.LoggerFrom(ctx).V(1).Info("cannot look for a kind", "kind", unknown.kind, "error", unknown.cause.Error())
			return false, nil
		}
		return done, err
	})
	if wait.Interrupted(err) {
		return nil // the manager stops
	}
	return err
}
