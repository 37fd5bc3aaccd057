// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// migration is one run of migrate.
type migration struct {
	kube  kubeFlags
	files []string
	only  selection
	// version is the version of cert-manager in the cluster, such as "v1.17.2". Empty if unknown.
	version string
}

// selection selects the objects to print. The zero value selects all.
type selection struct {
	names   []string // of Certificates; nothing else is printed if set
	issuers bool     // no Certificates
}

func newMigrate() *cobra.Command {
	m := &migration{}
	c := &cobra.Command{
		Use:   "migrate [CERTIFICATE...]",
		Short: "Convert cert-manager's Issuers and Certificates to manifests of apisix-certs",
		Long: "Convert cert-manager's Certificates, and its Issuers and ClusterIssuers of type vault, to ApisixCertificates,\n" +
			"VaultIssuers and ClusterVaultIssuers, and print them. They are read from the cluster or from files. Settings without\n" +
			"an equivalent are in comments above each manifest. The command changes nothing. With names, only these Certificates\n" +
			"are printed.",
		Example: "  apisix-certs migrate -A --issuers > issuers.yaml\n  apisix-certs migrate www -n shop > www.yaml\n  apisix-certs migrate -f issuer.yaml -f certificate.yaml\n  kubectl get certificates,issuers -A -o yaml | apisix-certs migrate -f -",
		RunE: func(c *cobra.Command, names []string) error {
			m.only.names = names
			if m.only.issuers && len(names) > 0 {
				return errors.New("--issuers cannot be used with names of Certificates")
			}
			waiting := startProgress(c.ErrOrStderr(), "reading")
			defer waiting.stop()
			objects, err := m.read(c.Context(), c.InOrStdin())
			if err != nil {
				return err
			}
			waiting.stop()
			return migrate(c.OutOrStdout(), objects, m.only, m.version)
		},
		ValidArgsFunction: m.kube.completeAll(certManagerCertificateNames),
	}
	m.kube.add(c)
	c.Flags().BoolVar(&m.only.issuers, "issuers", false, "only print the issuers")
	c.Flags().StringArrayVarP(&m.files, "filename", "f", nil, "file to read instead of the cluster, or - for standard input; can be repeated")
	return c
}

// cmKinds are the kinds of cert-manager, in the order of the output.
var cmKinds = []string{v1alpha1.KindClusterIssuer, v1alpha1.KindIssuer, "Certificate"}

func (m *migration) read(ctx context.Context, in io.Reader) ([]unstructured.Unstructured, error) {
	if len(m.files) > 0 {
		return readFiles(m.files, in)
	}
	a, err := m.kube.connect()
	if err != nil {
		return nil, err
	}
	var objects []unstructured.Unstructured
	for _, kind := range cmKinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: v1alpha1.GroupCertManager, Version: "v1", Kind: kind + "List"})
		var in []client.ListOption
		if kind != v1alpha1.KindClusterIssuer {
			in = append(in, client.InNamespace(a.namespace))
		}
		err := a.List(ctx, list, in...)
		if meta.IsNoMatchError(err) {
			return nil, errors.New("the CRDs of cert-manager are not installed in the cluster (use another --context, or read files with -f)")
		}
		if err != nil {
			return nil, a.explainError(err)
		}
		objects = append(objects, list.Items...)
	}
	m.version = certManagerVersion(ctx, a)
	return objects, nil
}

// certManagerVersion returns the version of cert-manager from its CRDs. It is empty if unknown.
func certManagerVersion(ctx context.Context, reader client.Reader) string {
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	if err := reader.Get(ctx, client.ObjectKey{Name: "certificates." + v1alpha1.GroupCertManager}, crd); err != nil {
		return "" // the output says that the version is unknown
	}
	return crd.Labels["app.kubernetes.io/version"]
}

func readFiles(names []string, in io.Reader) ([]unstructured.Unstructured, error) {
	var objects []unstructured.Unstructured
	for _, name := range names {
		from := in
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				return nil, err
			}
			defer file.Close()
			from = file
		}
		decoder := utilyaml.NewYAMLOrJSONDecoder(from, 4096)
		for {
			var object unstructured.Unstructured
			err := decoder.Decode(&object.Object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%s: invalid YAML: %s", name, oneLine(err.Error()))
			}
			if object.IsList() {
				if err := object.EachListItem(func(item runtime.Object) error {
					objects = append(objects, *item.(*unstructured.Unstructured))
					return nil
				}); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				continue
			}
			if len(object.Object) > 0 {
				objects = append(objects, object)
			}
		}
	}
	return objects, nil
}
