// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// binary is the path of the command in the image.
const binary = "apisix-certs"

// image writes the image as an OCI archive, and an SBOM for each platform.
func image(ctx context.Context, o options) error {
	source, err := readSource(ctx, o.root)
	if err != nil {
		return err
	}
	index, err := source.index(ctx, o.platforms, o.out)
	if err != nil {
		return err
	}
	name := binary + ".oci.tar"
	if len(o.platforms) == 1 {
		name = binary + "-" + o.platforms[0].dashed() + ".oci.tar"
	}
	file := filepath.Join(o.out, name)
	if err := source.writeArchive(index, file, cmp.Or(o.tag, source.Version)); err != nil {
		return err
	}
	digest, err := index.Digest()
	fmt.Println(file, digest)
	return err
}

// index builds an image for each platform and writes SBOMs to folder out.
func (s Source) index(ctx context.Context, platforms []Platform, out string) (v1.ImageIndex, error) {
	return s.assemble(platforms, func(p Platform) ([]File, error) { return s.program(ctx, p, out) })
}

// assemble returns an index with an image for each platform. program returns its files.
func (s Source) assemble(platforms []Platform, program func(Platform) ([]File, error)) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range platforms {
		files, err := program(p)
		if err != nil {
			return nil, err
		}
		image, err := s.image(p, files)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.OS, Architecture: p.Arch}},
		})
	}
	return mutate.Annotations(index, s.labels()).(v1.ImageIndex), nil
}

// program builds the command, writes its SBOM to folder out, and returns the binary and its licences.
func (s Source) program(ctx context.Context, p Platform, out string) ([]File, error) {
	folder, err := os.MkdirTemp("", "apisix-certs-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, binary)
	if err := s.build(ctx, p, file); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	if err := s.writeSBOM(file, data, p, filepath.Join(out, binary+"-"+p.dashed()+".cdx.json")); err != nil {
		return nil, err
	}
	licences, err := s.licences(ctx, file)
	return append(licences, File{binary, 0o755, data}), err
}

// image returns an image with the base layer and files.
func (s Source) image(p Platform, files []File) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, one := range []struct {
		files []File
		by    string
	}{{base(), "certificates and users"}, {files, "apisix-certs " + s.Version}} {
		layer, err := s.layer(one.files)
		if err != nil {
			return nil, err
		}
		image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: one.by, Created: v1.Time{Time: s.Time}}})
		if err != nil {
			return nil, err
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = p.OS, p.Arch, v1.Time{Time: s.Time}
	file.Config = v1.Config{
		Entrypoint: []string{"/" + binary}, User: user, WorkingDir: "/", Labels: s.labels(),
		Env: []string{"PATH=/"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}, "8081/tcp": {}},
	}
	if image, err = mutate.ConfigFile(image, file); err != nil {
		return nil, err
	}
	return mutate.Annotations(image, s.labels()).(v1.Image), nil
}

// labels returns the labels of the OCI image specification. They are also set as annotations.
func (s Source) labels() map[string]string {
	const prefix = "org.opencontainers.image."
	return map[string]string{
		prefix + "title":       binary,
		prefix + "description": "Keeps the certificates of an Apache APISIX gateway valid",
		prefix + "licenses":    "Apache-2.0",
		prefix + "version":     s.Version,
		prefix + "revision":    s.Commit,
		prefix + "created":     s.Time.Format(time.RFC3339),
	}
}

// writeArchive writes index as an OCI layout in a tar file, with the name and tag that "kind load image-archive" and
// "docker load" give to the image.
func (s Source) writeArchive(index v1.ImageIndex, file, tag string) error {
	folder, err := os.MkdirTemp("", "apisix-certs-layout-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	path, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	if err := appendNamed(path, index, tag); err != nil {
		return err
	}
	files, err := readFolder(folder)
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := writeTar(out, files, s.Time); err != nil {
		return err
	}
	return out.Close()
}

// appendNamed adds the index, or the image itself if there is only one, because old tools cannot read an index of an index.
func appendNamed(path layout.Path, index v1.ImageIndex, tag string) error {
	named := layout.WithAnnotations(map[string]string{
		"io.containerd.image.name":          "docker.io/library/" + binary + ":" + tag,
		"org.opencontainers.image.ref.name": tag,
	})
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	if len(manifest.Manifests) > 1 {
		return path.AppendIndex(index, named)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return err
	}
	return path.AppendImage(image, named)
}
