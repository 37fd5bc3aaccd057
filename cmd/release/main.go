// SPDX-License-Identifier: Apache-2.0

// Command release builds the image of the controller, without a container daemon, and the archives of the command and of
// kubectl's plugin. `make image`, `make push` and `make release` call it. It is a separate module, so that its dependencies are
// not dependencies of the product.
//
//	release image -platforms linux/amd64,linux/arm64
//	release push -image registry.example.com/apisix-certs:0.1.0
//	release archives -url https://example.com/apisix-certs
//	release check
//
// Builds are reproducible: the same commit, Go version and platform give the same bytes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// options are the options of the command line.
type options struct {
	root, out, image, tag, url string
	platforms                  []Platform
}

var steps = map[string]func(context.Context, options) error{
	"image": image, "push": push, "archives": archives, "check": check,
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || steps[args[0]] == nil {
		return errors.New("a command is required: image, push, archives or check")
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	return steps[args[0]](ctx, o)
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&o.root, "root", "../..", "checkout of the project")
	flags.StringVar(&o.out, "out", "", "folder to write to (default ROOT/bin, ROOT/dist for archives)")
	flags.StringVar(&o.image, "image", "", "REGISTRY/NAME:TAG to push to")
	flags.StringVar(&o.tag, "tag", "", "tag of the image in the archive (default: the version)")
	flags.StringVar(&o.url, "url", "https://releases.example.com/apisix-certs", "base URL of the archives in the krew manifest")
	platforms := flags.String("platforms", "", "platforms, such as linux/amd64,linux/arm64 (default: linux with the architecture of this machine; all for archives)")
	if err := flags.Parse(args[1:]); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: see -h", flags.Arg(0))
	}
	if o.out == "" {
		o.out = o.root + map[bool]string{true: "/dist", false: "/bin"}[args[0] == "archives"]
	}
	var err error
	o.platforms, err = parsePlatforms(*platforms, args[0])
	return o, err
}
