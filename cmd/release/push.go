// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push builds the image and pushes it to a registry, with the credentials of "docker login".
func push(ctx context.Context, o options) error {
	if o.image == "" {
		return errors.New("no image name: set -image REGISTRY/apisix-certs:TAG")
	}
	to, err := name.NewTag(o.image, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("invalid -image %q: must be REGISTRY/NAME:TAG: %w", o.image, err)
	}
	source, err := readSource(ctx, o.root)
	if err != nil {
		return err
	}
	index, err := source.index(ctx, o.platforms, o.out)
	if err != nil {
		return err
	}
	if err := pushIndex(ctx, to, index); err != nil {
		return err
	}
	digest, err := index.Digest()
	fmt.Println(to.Name() + "@" + digest.String())
	return err
}

func pushIndex(ctx context.Context, to name.Tag, index v1.ImageIndex) error {
	return remote.WriteIndex(to, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
}
