// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"strings"

	"apisix-certs.io/apisix-certs/apisix"
)

// SetupError says what keeps a gateway from being used until somebody corrects it. Its text is stable and holds no key.
type SetupError struct {
	// Object is the one to correct, such as "GatewayProxy apisix/config", or a flag with its value.
	Object string
	// Field of the object; empty for the object as a whole.
	Field string
	// Problem says what is wrong and how to correct it.
	Problem string
	// NoClass: the object names a class that does not exist. That concerns whoever wrote the object.
	NoClass bool
}

func (e *SetupError) Error() string {
	words := []string{e.Object, e.Field, e.Problem}
	if e.Field == "" {
		words = []string{e.Object, e.Problem}
	}
	return strings.Join(words, ": ")
}

// ModeError says that the mode that is set cannot work at this gateway.
type ModeError struct {
	Mode    Mode
	Problem string
}

func (e *ModeError) Error() string { return "push mode " + string(e.Mode) + ": " + e.Problem }

// ClientError says why what is required of clients cannot be carried over. Its text is stable.
type ClientError struct{ Problem string }

func (e *ClientError) Error() string { return e.Problem }

// Refused reports whether err will not change by itself: a bad admin key, an address that is not allowed, an object that
// the Admin API does not take, a fault of the gateway's settings or a mode that cannot work.
func Refused(err error) bool {
	var pair *apisix.PairError
	var api *apisix.APIError
	var setup *SetupError
	var unfit *ModeError
	var clients *ClientError
	return errors.As(err, &clients) || errors.As(err, &setup) || errors.As(err, &unfit) || errors.As(err, &pair) || errors.As(err, &api) && !apisix.IsUnavailable(err)
}
