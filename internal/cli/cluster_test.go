// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// world is the cluster of the demo with a running controller.
type world struct {
	*cluster.Cluster
	*testing.T
	controller *cluster.Controller
	kubeconfig string
}

// TestCluster runs the commands against a real API server, a real Vault and the stand-in for the gateway.
func TestCluster(t *testing.T) {
	servers.Need(t)
	w := newWorld(t)
	for _, part := range []struct {
		name string
		test func(*world)
	}{
		{"Status", testStatus}, {"Explain", testExplain}, {"Renew", testRenew}, {"Inspect", testInspect}, {"BadInput", testBadInput}, {"Check", testCheck},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(w.at(t)) })
	}
}

func newWorld(t *testing.T) *world {
	t.Setenv("KUBECONFIG", "")
	w := &world{T: t}
	var err error
	w.Cluster, err = cluster.Start(t.Context(), cluster.Options{})
	w.must(err)
	t.Cleanup(w.Cluster.Stop)
	w.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	config, err := w.Kube.Kubeconfig()
	w.must(err)
	w.must(os.WriteFile(w.kubeconfig, config, 0o600))
	w.startController()
	for _, file := range []string{"issuer", "httpbin", "apisix", "certificate", "ingress", "short"} {
		w.must(w.ApplyFile(t.Context(), "samples/"+file+".yaml"))
	}
	for _, name := range []string{"moelove-info", "shop-tls", "short-tls"} {
		w.ready("default", name)
	}
	return w
}

func (w *world) startController() {
	w.Helper()
	binary, err := exec.LookPath("apisix-certs") // this test's own, see TestMain
	w.must(err)
	w.controller, err = w.StartController(w.Context(), binary, nil)
	w.must(err)
	w.Cleanup(w.controller.Kill)
}

func (w *world) at(t *testing.T) *world {
	here := *w
	here.T = t
	return &here
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// until waits until missing is empty, and fails with its last value.
func (w *world) until(what string, done func() (missing string)) {
	w.Helper()
	missing := ""
	err := wait.PollUntilContextTimeout(w.Context(), 20*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		missing = done()
		return missing == "", nil
	})
	if err != nil {
		w.Fatalf("%s: %s", what, missing)
	}
}

func (w *world) ready(namespace, name string) {
	w.Helper()
	w.until("ApisixCertificate "+name+" is not Ready", func() string { return w.condition(namespace, name, v1alpha1.ConditionReady, metav1.ConditionTrue) })
}

// condition returns "" if the condition has the status, and otherwise its message.
func (w *world) condition(namespace, name, kind string, status metav1.ConditionStatus) string {
	cert := &v1alpha1.ApisixCertificate{}
	if err := w.Client.Get(w.Context(), client.ObjectKey{Namespace: namespace, Name: name}, cert); err != nil {
		return err.Error()
	}
	for _, c := range cert.Status.Conditions {
		if c.Type == kind && c.Status == status {
			return ""
		}
		if c.Type == kind {
			return c.Message
		}
	}
	return "no condition " + kind
}

// result is the output of a command.
type result struct {
	code        int
	out, errOut string
}

// command runs a command line in this process, with the kubeconfig of the administrator.
func (w *world) command(args ...string) result {
	w.Helper()
	var out, errOut bytes.Buffer
	args = append([]string{"apisix-certs"}, args...)
	w.Setenv("KUBECONFIG", w.kubeconfig)
	code := run(w.Context(), args, strings.NewReader(""), &out, &errOut)
	said := result{code, out.String(), errOut.String()}
	for _, text := range []string{said.out, said.errOut} {
		for _, secret := range []string{w.Gateway.AdminKey, w.Vault.Token, "PRIVATE KEY", "goroutine "} {
			if strings.Contains(text, secret) {
				w.Errorf("%v prints a secret: %s", args, text)
			}
		}
	}
	return said
}

// want fails if the exit code differs or the output lacks a text.
func (w *world) want(said result, code int, texts ...string) {
	w.Helper()
	if said.code != code {
		w.Errorf("exit code %d, want %d\n%s%s", said.code, code, said.out, said.errOut)
	}
	for _, text := range texts {
		if !strings.Contains(said.out+said.errOut, text) {
			w.Errorf("the output lacks %q:\n%s%s", text, said.out, said.errOut)
		}
	}
}

func testStatus(w *world) {
	w.want(w.command("status", "-A"), 0, "NAMESPACE", "moelove-info", "www.moelove.info, moelove.info", "True")
	w.want(w.command("status", "-A", "-o", "wide"), 0, "VaultIssuer/vault-issuer", "moelove-info-tls")
	w.want(w.command("status", "-o", "name"), 0, "apisixcertificate.apisix-certs.io/moelove-info\n")
	w.want(w.command("status", "-o", "jsonpath={.items[0].kind} {.items[0].apiVersion}"), 0, "ApisixCertificate apisix-certs.io/v1alpha1")
	w.want(w.command("__complete", "status", "-n", "default", "shop-"), 0, "shop-tls\n:4\n")
	w.want(w.command("__complete", "status", "-n", "kube-s"), 0, "kube-system\n:4\n")
	w.want(w.command("status", "moelove-info", "-n", "default"), 0, "Serial: ", "Served True", "Gateway default: mode own")
	w.want(w.command("status", "-n", "default", "-o", "json"), 0, `"kind": "List"`, `"kind": "ApisixCertificate"`)
	w.want(w.command("status", "shop-tls", "-o", "yaml"), 0, "kind: ApisixCertificate", "name: shop-tls")
	w.want(w.command("status", "-A", "-l", "team=none"), 0, "No ApisixCertificates found.")

	ctx, cancel := context.WithTimeout(w.Context(), 3*time.Second)
	defer cancel()
	var out bytes.Buffer
	run(ctx, []string{"apisix-certs", "status", "-w", "-n", "default", "--kubeconfig", w.kubeconfig}, nil, &out, &out)
	if lines := strings.Count(out.String(), "\n"); lines < 4 {
		w.Errorf("a watch shows %d lines, want the head and three certificates at least:\n%s", lines, out.String())
	}
}

// testExplain: the output is what the controller then does.
func testExplain(w *world) {
	w.want(w.command("explain", "shop-tls", "-n", "default"), 0, "default/shop-tls, expires ", "VaultIssuer/vault-issuer", "secret     keep", "gateways   push", "ready      True Ready")
	w.want(w.command("explain", "shop-tls", "-o", "json"), 0, `"secret": "keep"`, `"ownedNames": [`, `"ready": "True"`)
	cert := &v1alpha1.ApisixCertificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "explained"},
		Spec:       v1alpha1.ApisixCertificateSpec{SecretName: "explained-tls", DNSNames: []string{"explained.moelove.info"}, IssuerRef: v1alpha1.IssuerReference{Name: "nobody"}},
	}
	w.must(w.Client.Create(w.Context(), cert))
	defer func() { w.must(w.Client.Delete(w.Context(), cert)) }()
	w.want(w.command("explain", "explained"), 0, "default/explained-tls does not exist", "VaultIssuer/nobody does not exist",
		"keep: the Secret does not exist", "blocked by IssuerNotFound: spec.issuerRef: VaultIssuer/nobody does not exist; create it, or correct the reference")
	w.want(w.command("explain", "absent"), exitFailed, "absent")
	w.want(w.command("explain"), exitFailed, "accepts 1 arg(s)")
}

func testRenew(w *world) {
	cert := &v1alpha1.ApisixCertificate{}
	key := client.ObjectKey{Namespace: "default", Name: "shop-tls"}
	w.must(w.Client.Get(w.Context(), key, cert))
	before := cert.Status.Issued.SerialNumber
	said := w.command("renew", "shop-tls", "--wait")
	w.must(w.Client.Get(w.Context(), key, cert))
	if cert.Status.Issued.SerialNumber == before {
		w.Error("the certificate has its old serial number")
	}
	w.want(said, 0, "ApisixCertificate default/shop-tls: renewed and served, serial "+cert.Status.Issued.SerialNumber)
	w.want(w.command("renew", "--all", "-n", "default"), 0, "default/moelove-info: renewal requested", "default/shop-tls: renewal requested")
	w.want(w.command("renew", "shop-tls", "--wait", "--timeout", "1ms"), exitFound, "not renewed and served within 1ms", "1 of 1 certificates were not renewed")
	w.want(w.command("renew", "-l", "team=none"), exitFailed, "no ApisixCertificates found")
	w.want(w.command("renew"), exitFailed, "set exactly one of NAME, --selector and --all")
}

func testInspect(w *world) {
	gateway := []string{"--apisix-admin-url", w.Gateway.AdminURL, "--connect", w.Gateway.TLSAddr, "-n", "default"}
	w.Setenv("APISIX_CERTS_APISIX_ADMIN_KEY", w.Gateway.AdminKey)
	w.ready("default", "moelove-info")
	cert := &v1alpha1.ApisixCertificate{}
	w.must(w.Client.Get(w.Context(), client.ObjectKey{Namespace: "default", Name: "moelove-info"}, cert))
	inspect := func(code int, texts []string, locations ...string) {
		w.Helper()
		w.want(w.command(slices.Concat([]string{"inspect"}, locations, gateway)...), code, texts...)
	}
	inspect(0, []string{"names        moelove.info, www.moelove.info", "issuer       CN=moelove.info", "private key  matches"}, "secret/moelove-info-tls")
	inspect(0, []string{"the same certificate"}, "secret/default/moelove-info-tls", "host", "moelove.info")
	inspect(0, []string{"the same certificate", "served for   www.moelove.info, moelove.info"}, "secret/moelove-info-tls", "ssl/"+cert.Status.Gateways[0].SSLID)
	inspect(exitFound, []string{"not the same certificate", "only here: shop.moelove.info"}, "secret/moelove-info-tls", "host", "shop.moelove.info")
	inspect(exitFailed, []string{"secret nobody: not found in namespace default"}, "secret/nobody")
	inspect(exitFailed, []string{"ssl nobody: ssl object not found in the gateway"}, "ssl/nobody")
}

func testBadInput(w *world) {
	w.want(w.command("status", "nobody"), exitFailed, "error: ApisixCertificate nobody not found in namespace default (list all with apisix-certs status -A)")
	w.want(w.command("renew", "nobody"), exitFailed, "ApisixCertificate nobody not found in namespace default")
	w.want(w.command("status", "-l", "a=b=c"), exitFailed, `--selector "a=b=c" is not a label selector`)
	w.want(w.command("status", "x", "-A"), exitFailed, "NAME cannot be used with --all-namespaces")
	w.want(w.command("status", "--context", "elsewhere"), exitFailed, `cannot load a kubeconfig (set --kubeconfig): context "elsewhere" does not exist`)
	for _, args := range [][]string{{"status"}, {"renew", "shop-tls"}, {"check", "--controller", "nobody"}} {
		said := w.command(append(args, "--as", "system:serviceaccount:default:issuer")...)
		w.want(said, exitFailed)
		if lines := strings.Count(said.errOut, "\n"); lines != 1 {
			w.Errorf("%v says %d lines, want one:\n%s", args, lines, said.errOut)
		}
	}
	w.want(w.command("migrate"), exitFailed, "the CRDs of cert-manager are not installed in the cluster (use another --context, or read files with -f)")
	w.want(w.command("status", "--as", "system:serviceaccount:default:issuer"), exitFailed, "apisixcertificates.apisix-certs.io is forbidden", "use an account with this permission")
}

// secret creates a Secret and deletes it at the end of the test.
func (w *world) secret(namespace, name string, data map[string]string) {
	w.Helper()
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: data})
}

func (w *world) create(object client.Object) {
	w.Helper()
	w.must(w.Client.Create(w.Context(), object))
	w.Cleanup(func() { _ = w.Client.Delete(context.Background(), object) })
}
