// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestBadInput(t *testing.T) {
	for _, row := range []struct{ args, want string }{
		{"", "a command is required: image, push, archives or check"},
		{"images", "a command is required"},
		{"image now", `unexpected argument "now"`},
		{"image -platforms linux/mips", `unknown platform "linux/mips": must be one of [linux/amd64 `},
		{"image -platforms darwin/arm64", `platform "darwin/arm64" has no image`},
		{"image -platforms linux/amd64,linux/amd64", "is given twice"},
		{"image -root /nowhere", "git describe"},
		{"push", "no image name: set -image"},
		{"push -image Registry:x", `invalid -image "Registry:x": must be REGISTRY/NAME:TAG`},
	} {
		err := run(context.Background(), strings.Fields(row.args))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("release %s: %v, want %q", row.args, err, row.want)
		}
	}
}

// TestSBOM writes the SBOM of the test binary.
func TestSBOM(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sbom.json")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := source.writeSBOM(self, []byte("program"), Platform{"linux", "amd64"}, file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(data), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	info, _ := debug.ReadBuildInfo()
	if n := len(*bom.Components); n != len(info.Deps)+1 {
		t.Errorf("%d components, want %d modules and Go's library", n, len(info.Deps))
	}
	if !slices.ContainsFunc(*bom.Components, func(c cyclonedx.Component) bool {
		return strings.HasPrefix(c.PackageURL, "pkg:golang/github.com/google/go-containerregistry@v")
	}) {
		t.Error("a module that is linked is not named")
	}
	if bom.Metadata.Component.Version != "1.2.3" || !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(bom.SerialNumber) {
		t.Errorf("%s of %s", bom.SerialNumber, bom.Metadata.Component.Version)
	}
}

// TestPack checks the name of the program in each archive.
func TestPack(t *testing.T) {
	files := []File{{binary, 0o755, []byte("x")}, {"licenses/LICENSE", 0o644, nil}}
	data, file, err := source.pack(Platform{"windows", "amd64"}, plugin, files)
	if err != nil || file != "kubectl-apisix_certs_1.2.3_windows_amd64.zip" {
		t.Fatal(file, err)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range r.File {
		names = append(names, entry.Name)
	}
	if diff := cmp.Diff(names, []string{"LICENSE", "kubectl-apisix_certs.exe"}); diff != "" {
		t.Error(diff)
	}
	packed, _, err := source.pack(Platform{"linux", "arm64"}, plugin, files)
	if err != nil {
		t.Fatal(err)
	}
	if have := tarNames(t, packed); !slices.Equal(have, []string{"LICENSE", "kubectl-apisix_certs", "kubectl_complete-apisix_certs"}) {
		t.Errorf("the archive of the plugin has %v", have)
	}
	one, _, _ := source.pack(Platform{"linux", "arm64"}, binary, files)
	two, _, _ := source.pack(Platform{"linux", "arm64"}, binary, files)
	if !bytes.Equal(one, two) || len(one) == 0 {
		t.Error("the same files make other bytes")
	}
}

func tarNames(t *testing.T, data []byte) []string {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for files := tar.NewReader(r); ; {
		header, err := files.Next()
		if err != nil {
			return names
		}
		names = append(names, header.Name)
	}
}

func TestKrew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "krew.yaml")
	if err := source.writeKrew([]krewPlatform{krew(Platform{"windows", "amd64"}, "https://x/p.zip", "abcd")}, file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var have struct {
		Metadata struct{ Name string }
		Spec     struct {
			Version   string
			Platforms []krewPlatform
		}
	}
	if err := yaml.Unmarshal(data, &have); err != nil {
		t.Fatal(err)
	}
	p := have.Spec.Platforms[0]
	if have.Metadata.Name != "apisix-certs" || have.Spec.Version != "v1.2.3" || p.Bin != "kubectl-apisix_certs.exe" || p.SHA256 != "abcd" || p.Selector["matchLabels"]["os"] != "windows" {
		t.Errorf("%+v", have)
	}
}
