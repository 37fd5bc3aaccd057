// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"sigs.k8s.io/yaml"
)

// krewPlatform is an entry of spec.platforms of a krew manifest, krew.googlecontainertools.github.com/v1alpha2.
type krewPlatform struct {
	Selector map[string]map[string]string `json:"selector"`
	URI      string                       `json:"uri"`
	SHA256   string                       `json:"sha256"`
	Bin      string                       `json:"bin"`
	Files    []krewFile                   `json:"files"`
}

type krewFile struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func krew(p Platform, uri, digest string) krewPlatform {
	bin := plugin + p.extension()
	files := []krewFile{{bin, "."}, {"LICENSE", "."}, {"THIRD-PARTY", "."}}
	if p.OS != "windows" {
		files = append(files, krewFile{completer, "."})
	}
	return krewPlatform{
		Selector: map[string]map[string]string{"matchLabels": {"os": p.OS, "arch": p.Arch}},
		URI:      uri, SHA256: digest, Bin: bin,
		Files: files,
	}
}

// writeKrew writes the manifest with which krew installs the plugin as "kubectl apisix-certs".
func (s Source) writeKrew(platforms []krewPlatform, file string) error {
	data, err := yaml.Marshal(map[string]any{
		"apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
		"kind":       "Plugin",
		"metadata":   map[string]any{"name": "apisix-certs"},
		"spec": map[string]any{
			"version":          "v" + s.Version,
			"homepage":         "https://apisix-certs.io/apisix-certs",
			"shortDescription": "Manage certificates of an Apache APISIX gateway",
			"description":      "Shows, renews, inspects and checks the certificates that apisix-certs manages for Apache APISIX.\n",
			"platforms":        platforms,
		},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}
