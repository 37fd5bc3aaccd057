// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// writeSBOM writes an SBOM of the binary at file from its build information, as CycloneDX 1.6 JSON.
func (s Source) writeSBOM(file string, data []byte, p Platform, to string) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	encoder := cyclonedx.NewBOMEncoder(out, cyclonedx.BOMFileFormatJSON).SetPretty(true)
	if err := encoder.EncodeVersion(s.sbom(info, sha256.Sum256(data), p), cyclonedx.SpecVersion1_6); err != nil {
		return err
	}
	return out.Close()
}

func (s Source) sbom(info *debug.BuildInfo, digest [32]byte, p Platform) *cyclonedx.BOM {
	program := cyclonedx.Component{
		BOMRef: "program", Type: cyclonedx.ComponentTypeApplication, Name: binary, Version: s.Version,
		PackageURL: "pkg:golang/" + info.Main.Path + "@" + s.Version + "?goos=" + p.OS + "&goarch=" + p.Arch + "#cmd/apisix-certs",
		Hashes:     &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(digest[:])}},
		Licenses:   &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		Properties: &[]cyclonedx.Property{{Name: "commit", Value: s.Commit}},
	}
	components := []cyclonedx.Component{library("std", strings.TrimPrefix(info.GoVersion, "go"), "")}
	refs := []string{components[0].BOMRef}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		one := library(module.Path, module.Version, module.Sum)
		components, refs = append(components, one), append(refs, one.BOMRef)
	}
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = serial(digest)
	bom.Metadata = &cyclonedx.Metadata{Timestamp: s.Time.Format(time.RFC3339), Component: &program}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: program.BOMRef, Dependencies: &refs}}
	return bom
}

func library(path, version, sum string) cyclonedx.Component {
	url := "pkg:golang/" + path + "@" + version
	c := cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: url}
	if sum != "" {
		c.Properties = &[]cyclonedx.Property{{Name: "go.sum", Value: sum}}
	}
	return c
}

// serial returns a version 8 UUID (RFC 9562 section 5.8) from the digest of the program, so that the SBOM is reproducible.
func serial(digest [32]byte) string {
	u := digest[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
