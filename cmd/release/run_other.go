// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"context"
	"errors"
)

// runIn returns an error, because only Linux can run the image.
func runIn(context.Context, string, ...string) (string, error) {
	return "", errors.New("only Linux can run the image")
}
