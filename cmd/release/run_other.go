// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"context"
	"errors"
)

// runIn cannot run a program of Linux here.
func runIn(context.Context, string, ...string) (string, error) {
	return "", errors.New("only Linux runs the image")
}
