// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"strings"

	"apisix-certs.io/apisix-certs/apisix"
)

// SetupError is a fault in the setup of a gateway that a user must correct. Its text is stable and contains no key.
type SetupError struct {
	// Object is the object to correct, such as "GatewayProxy apisix/config", or a flag.
	Object string
	// Field of the object. Empty means the object as a whole.
	Field string
	// Problem says what is wrong and how to correct it.
	Problem string
	// NoClass: the object names a class that does not exist, which its author must correct.
	NoClass bool
}

func (e *SetupError) Error() string {
	words := []string{e.Object, e.Field, e.Problem}
	if e.Field == "" {
		words = []string{e.Object, e.Problem}
	}
	return strings.Join(words, ": ")
}

// ModeError means that the configured mode cannot work at this gateway.
type ModeError struct {
	Mode    Mode
	Problem string
}

func (e *ModeError) Error() string { return "push mode " + string(e.Mode) + ": " + e.Problem }

// ClientError is why client certificate settings cannot be copied to an own object. Its text is stable.
type ClientError struct{ Problem string }

func (e *ClientError) Error() string { return e.Problem }

// Refused reports whether retrying cannot resolve err: a bad admin key, an address that is not allowed, an object that the
// Admin API rejects, a fault in the gateway's settings or a mode that cannot work.
func Refused(err error) bool {
	var pair *apisix.PairError
	var api *apisix.APIError
	var setup *SetupError
	var unfit *ModeError
	var clients *ClientError
	return errors.As(err, &clients) || errors.As(err, &setup) || errors.As(err, &unfit) || errors.As(err, &pair) || errors.As(err, &api) && !apisix.IsUnavailable(err)
}
