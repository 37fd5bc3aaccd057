// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/cert"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// startIngressController starts a Kube with the controller's CRDs, a stand-in gateway and the controller between them.
func startIngressController(t *testing.T) (*Kube, *apisixtest.Server) {
	t.Helper()
	Need(t)
	crds, err := IngressControllerCRDs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kube, _ := startKube(t, KubeOptions{CRDs: []string{crds}})
	gateway, err := apisixtest.NewServer(apisixtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gateway.Close)
	controller, err := StartIngressController(t.Context(), kube, IngressControllerOptions{
		AdminURL: gateway.AdminURL() + "/apisix/admin", AdminKey: Key(gateway.AdminKey()),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := controller.Stop(); err != nil {
			t.Error(err)
		}
	})
	return kube, gateway
}

// makeTLS makes an ApisixTls for host with a Secret that holds a self-signed pair.
func makeTLS(t *testing.T, kube *Kube, host string) {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey(host, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := dynamic.NewForConfigOrDie(kube.Config)
	objects := map[schema.GroupVersionResource]map[string]any{
		corev1.SchemeGroupVersion.WithResource("secrets"): {
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "shop"},
			"type": string(corev1.SecretTypeTLS), "stringData": map[string]any{"tls.crt": string(certificate), "tls.key": string(key)},
		},
		{Group: "apisix.apache.org", Version: "v2", Resource: "apisixtlses"}: {
			"apiVersion": "apisix.apache.org/v2", "kind": "ApisixTls", "metadata": map[string]any{"name": "shop"},
			"spec": map[string]any{"hosts": []any{host}, "secret": map[string]any{"name": "shop", "namespace": "default"}},
		},
	}
	for resource, object := range objects {
		_, err := client.Resource(resource).Namespace("default").Create(t.Context(), &unstructured.Unstructured{Object: object}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestIngressControllerCarriesAnApisixTls(t *testing.T) {
	kube, gateway := startIngressController(t)
	makeTLS(t, kube, "shop.example")
	eventually(t, "ssl object in the gateway", func(context.Context) (bool, error) {
		for _, ssl := range gateway.SSLs() {
			if slices.Contains(ssl.SNIs, "shop.example") {
				return true, nil
			}
		}
		return false, nil
	})
}

func TestKeyRedacts(t *testing.T) {
	options := IngressControllerOptions{AdminURL: "http://127.0.0.1:1", AdminKey: "the-key"}
	encoded, err := json.Marshal(options.AdminKey)
	if err != nil {
		t.Fatal(err)
	}
	log := &strings.Builder{}
	slog.New(slog.NewTextHandler(log, nil)).Info("started", "key", options.AdminKey)
	printed := fmt.Sprintf("%v %+v %#v %s %q %v", options, options, options, options.AdminKey, options.AdminKey, &options)
	for _, text := range []string{printed, string(encoded), log.String(), fmt.Sprint(options.AdminKey.MarshalLog())} {
		if strings.Contains(text, "the-key") || !strings.Contains(text, dots) {
			t.Errorf("shows too much or too little: %s", text)
		}
	}
}
