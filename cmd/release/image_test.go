// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

var source = Source{Version: "1.2.3", Commit: "abc", Time: time.Unix(1_700_000_000, 0).UTC()}

// fake returns an index of images without a real program.
func fake(t *testing.T, platforms ...Platform) v1.ImageIndex {
	t.Helper()
	index, err := source.assemble(platforms, func(p Platform) ([]File, error) {
		return []File{{binary, 0o755, []byte(p.String())}, {"licenses/LICENSE", 0o644, []byte("as you like")}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// read unpacks an OCI archive and returns its index.
func read(t *testing.T, file string) v1.ImageIndex {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	folder := t.TempDir()
	reader := tar.NewReader(in)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = unpackOne(header, reader, filepath.Join(folder, header.Name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// TestArchive writes an archive twice: both have the same bytes, and an image that Kubernetes accepts for restricted Pods.
func TestArchive(t *testing.T) {
	var bytes2 [2][]byte
	var file string
	for i := range bytes2 {
		file = filepath.Join(t.TempDir(), "image.tar")
		err := source.writeArchive(fake(t, Platform{"linux", "amd64"}), file, "try")
		if err == nil {
			bytes2[i], err = os.ReadFile(file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(bytes2[0], bytes2[1]) {
		t.Error("two archives of the same image differ")
	}
	manifest, err := read(t, file).IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if name := manifest.Manifests[0].Annotations["io.containerd.image.name"]; name != "docker.io/library/apisix-certs:try" {
		t.Errorf("the image is called %q", name)
	}
	image, err := read(t, file).Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	have := []any{config.Config.User, config.Config.Entrypoint, config.OS, config.Architecture, config.Config.Labels["org.opencontainers.image.version"]}
	if diff := cmp.Diff(have, []any{"65532:65532", []string{"/apisix-certs"}, "linux", "amd64", "1.2.3"}); diff != "" {
		t.Error(diff)
	}
	root := t.TempDir()
	if err := unpack(image, root); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(pem) {
		t.Errorf("the image has no CA certificates: %v", err)
	}
	if info, err := os.Stat(filepath.Join(root, binary)); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the program cannot be run: %v %v", info, err)
	}
}

// TestPush pushes to a registry and pulls for each platform.
func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	to, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/apisix-certs:1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if err := pushIndex(context.Background(), to, fake(t, Platform{"linux", "amd64"}, Platform{"linux", "arm64"})); err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := remote.Image(to, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}))
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil || config.Architecture != arch {
			t.Errorf("pulled for %s: %v %v", arch, config, err)
		}
	}
}
