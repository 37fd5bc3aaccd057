// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer/issuertest"
)

// problems are what the controller finds in a spec before it reads a Secret.
func problems(spec *v1alpha1.VaultIssuerSpec) []certs.FieldError {
	config := vault.Config{Server: spec.Server, Path: spec.Path, CABundle: spec.CABundle, Now: time.Now, Auth: vault.TokenAuth{Token: vault.NewSecret("t")}}
	return append(Problems(spec), config.Validate()...)
}

// TestRules: the controller finds in each row what the row says, and nothing else.
func TestRules(t *testing.T) {
	for _, row := range issuertest.Rows(t) {
		spec := issuertest.Good()
		row.Break(&spec)
		found := problems(&spec)
		if len(found) == 0 || found[0].Field != row.Field || found[0].Problem+": "+found[0].Fix != row.Message {
			t.Errorf("%s: %v", row.Name, found)
		}
	}
	for _, server := range issuertest.GoodServers {
		for _, path := range issuertest.GoodPaths {
			spec := issuertest.Good()
			spec.Server, spec.Path = server, path
			if found := problems(&spec); len(found) > 0 {
				t.Errorf("%s %s: %v", server, path, found)
			}
		}
	}
}

// TestRulesOfTheCRD: the CRDs have the rules of the table and no others. That they find the same is TestIssuerRules of
// test/e2e, with the API server.
func TestRulesOfTheCRD(t *testing.T) {
	var want []string
	for _, row := range issuertest.Rows(t) {
		if one := row.Field + " " + row.Message; !slices.Contains(want, one) {
			want = append(want, one)
		}
	}
	slices.Sort(want)
	for _, kind := range []string{"vaultissuers", "clustervaultissuers"} {
		text, err := os.ReadFile("../../manifests/crds/apisix-certs.io_" + kind + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var crd struct {
			Spec struct {
				Versions []struct {
					Schema struct{ OpenAPIV3Schema crdSchema }
				}
			}
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			t.Fatal(err)
		}
		got := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].rules("")
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-table +CRD):\n%s", kind, diff)
		}
	}
}

// crdSchema is what of a CRD's schema has to do with its rules.
type crdSchema struct {
	Properties  map[string]crdSchema `json:"properties"`
	Validations []struct {
		Message   string `json:"message"`
		FieldPath string `json:"fieldPath"`
	} `json:"x-kubernetes-validations"`
}

// rules are those of a schema and all below, as FIELD MESSAGE.
func (s crdSchema) rules(at string) []string {
	var all []string
	for _, rule := range s.Validations {
		all = append(all, strings.TrimSpace(strings.TrimPrefix(at+rule.FieldPath, ".")+" "+rule.Message))
	}
	for name, property := range s.Properties {
		all = append(all, property.rules(at+"."+name)...)
	}
	return all
}
