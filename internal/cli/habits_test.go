// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

func shopAPI(t *testing.T) *stubAPI {
	s := newStubAPI(t)
	s.add(certificateJSON("shop-tls", `["shop.example.com","www.shop.example.com","a.shop.example.com","b.shop.example.com","c.shop.example.com"]`, readyJSON))
	s.add(certificateJSON("api-tls", `["api.example.com"]`, readyJSON))
	return s
}

// TestOutputFormats: status prints the output formats of kubectl get.
func TestOutputFormats(t *testing.T) {
	s := shopAPI(t)
	for args, want := range map[string]string{
		"status -o name":                                "apisixcertificate.apisix-certs.io/shop-tls\napisixcertificate.apisix-certs.io/api-tls\n",
		"status shop-tls -o name":                       "apisixcertificate.apisix-certs.io/shop-tls\n",
		"status -o jsonpath={.items[*].metadata.name}":  "shop-tls api-tls",
		"status shop-tls -o jsonpath={.spec.dnsNames}":  `["shop.example.com","www.shop.example.com","a.shop.example.com","b.shop.example.com","c.shop.example.com"]`,
		"status -o custom-columns=N:.metadata.name,X:x": "N          X\nshop-tls   <none>\napi-tls    <none>\n",
		"status api-tls --no-headers -o custom-columns=N:.metadata.name,H:{.spec.dnsNames[0]}": "api-tls   api.example.com\n",
		"status --no-headers": "api-tls    True   api.example.com                               in 72y   -   True   True   Ready\n" +
			"shop-tls   True   shop.example.com, www.shop.example.com +3     in 72y   -   True   True   Ready\n",
		"status": "NAME       READY   HOSTS                                       EXPIRES   RENEWS   PUSHED   SERVED   REASON\n" +
			"api-tls    True    api.example.com                             in 72y    -        True     True     Ready\n" +
			"shop-tls   True    shop.example.com, www.shop.example.com +3   in 72y    -        True     True     Ready\n",
	} {
		said := s.command(strings.Fields(args)...)
		if said.code != 0 || said.errOut != "" {
			t.Errorf("%s: exit code %d: %s", args, said.code, said.errOut)
		}
		if args == "status --no-headers" {
			said.out, want = squeezed(said.out), squeezed(want)
		}
		if diff := cmp.Diff(want, said.out); diff != "" {
			t.Errorf("%s:\n%s", args, diff)
		}
	}
	var one struct{ Kind, APIVersion string }
	if said := s.command("status", "shop-tls", "-o", "yaml"); yaml.Unmarshal([]byte(said.out), &one) != nil || one.Kind != "ApisixCertificate" {
		t.Errorf("-o yaml: %s", said.out)
	}
	if said := s.command("status", "-o", "json"); json.Unmarshal([]byte(said.out), &one) != nil || one.Kind != "List" {
		t.Errorf("-o json: %s", said.out)
	}
	if said := s.command("status", "-A", "-o", "wide"); !strings.Contains(said.out, "NAMESPACE") || !strings.Contains(said.out, "VaultIssuer/vault   shop-tls-tls   all is well") {
		t.Errorf("-o wide: %s", said.out)
	}
	for _, format := range []string{"xml", "custom-columns=N", "jsonpath={", "custom-columns=N:{.a", "jsonpath={.none}"} {
		said := s.command("status", "-o", format, "--allow-missing-template-keys=false")
		if said.code != exitFailed || strings.Count(said.errOut, "\n") != 1 || said.out != "" {
			t.Errorf("-o %s: exit code %d: %s%s", format, said.code, said.out, said.errOut)
		}
	}
}

func squeezed(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// TestKubectlFlags: kubectl's flags have the same effect as in kubectl.
func TestKubectlFlags(t *testing.T) {
	s := shopAPI(t)
	said := s.command("status", "--as", "joe", "--as-group", "dev", "--as-group", "ops", "--as-uid", "12", "--as-user-extra", "a=b", "--token", "hunter2", "--request-timeout", "5s", "-n", "shop")
	if said.code != 0 {
		t.Fatalf("exit code %d: %s", said.code, said.errOut)
	}
	last := s.requests[len(s.requests)-1].Header
	want := map[string]string{"Impersonate-User": "joe", "Impersonate-Group": "dev,ops", "Impersonate-Uid": "12", "Impersonate-Extra-A": "b", "Authorization": "Bearer hunter2"}
	for name, value := range want {
		if have := strings.Join(last.Values(name), ","); have != value {
			t.Errorf("%s: %q, want %q", name, have, value)
		}
	}
	empty := filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.kubeconfig = empty
	if said := s.command("status", "-s", s.URL, "--insecure-skip-tls-verify", "-n", "shop", "-o", "name"); said.code != 0 {
		t.Errorf("--server alone: exit code %d: %s", said.code, said.errOut)
	}
}

// TestFlagsInAPod: without a kubeconfig, the configuration of the ServiceAccount is used, changed by the flags.
func TestFlagsInAPod(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	for _, test := range []struct {
		args []string
		want rest.Config
	}{
		{nil, rest.Config{Host: "https://10.0.0.1:443", BearerToken: "pod", BearerTokenFile: "file"}},
		{[]string{"--as", "joe", "--as-group", "dev", "--request-timeout", "5s"}, rest.Config{
			Host: "https://10.0.0.1:443", BearerToken: "pod", BearerTokenFile: "file", Timeout: 5 * time.Second,
			Impersonate: rest.ImpersonationConfig{UserName: "joe", Groups: []string{"dev"}},
		}},
		{[]string{"--token", "mine"}, rest.Config{Host: "https://10.0.0.1:443", BearerToken: "mine"}},
		{[]string{"--server", "https://elsewhere"}, rest.Config{Host: "https://elsewhere"}},
	} {
		var k kubeFlags
		c := &cobra.Command{Use: "x"}
		k.add(c)
		k.inCluster = func() (*rest.Config, error) {
			return &rest.Config{Host: "https://10.0.0.1:443", BearerToken: "pod", BearerTokenFile: "file"}, nil
		}
		if err := c.ParseFlags(test.args); err != nil {
			t.Fatal(err)
		}
		config, err := k.restConfig()
		if err != nil {
			t.Fatal(err)
		}
		have := rest.Config{Host: config.Host, BearerToken: config.BearerToken, BearerTokenFile: config.BearerTokenFile, Timeout: config.Timeout, Impersonate: config.Impersonate}
		have.Impersonate.Extra = nil
		if diff := cmp.Diff(test.want, have, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(rest.Config{})); diff != "" {
			t.Errorf("%q: %s", test.args, diff)
		}
	}
}

// TestTokenIsNotPrinted: no error prints the token.
func TestTokenIsNotPrinted(t *testing.T) {
	s := shopAPI(t)
	for _, args := range []string{
		"status --token=hunter2 nobody", "status --token hunter2 --bogus", "status -token=hunter2", "status --token=hunter2 -s http://127.0.0.1:1",
		"status --token=hunter2 -o xml", "status --token=hunter2\x01", "status --token=hunter2 --as-group g", "check --token=hunter2 -o json", "explain --token=hunter2 nobody",
		"inspect --token=hunter2 secret/nobody", "status --help --token=hunter2", "__complete status --token=hunter2 -- x", "status --password hunter2",
	} {
		said := s.command(strings.Fields(args)...)
		if strings.Contains(said.out+said.errOut, "hunter2") {
			t.Errorf("%q prints the token: %s%s", args, said.out, said.errOut)
		}
		if said.code == 0 && !strings.Contains(args, "--help") && !strings.Contains(args, "__complete") {
			t.Errorf("%q ends with 0", args)
		}
	}
}

// hostile has control characters for the terminal of a user who reads an object.
const hostile = `\u001b]0;owned\u0007\u001b[2J\r\u009b2J\u202e\u007f\udb40\udc01`

// TestControlCharacters: no output has control characters of an object.
func TestControlCharacters(t *testing.T) {
	s := newStubAPI(t)
	bad := `,"warnings":["w` + hostile + `"],"approvalRequest":{"policy":"p` + hostile + `","digest":"d"},"gateways":[{"name":"g` + hostile + `","sslID":"i` + hostile + `","mode":"m"}],` +
		`"conditions":[{"type":"Ready","status":"False","reason":"Bad` + hostile + `","message":"m` + hostile + `","lastTransitionTime":"2026-01-01T00:00:00Z"}]`
	s.add(certificateJSON("bad", `["h`+hostile+`"]`, bad))
	s.add(strings.Replace(certificateJSON("NAME", `["x.example"]`, ""), `"name":"NAME"`, `"name":"n`+hostile+`"`, 1))
	s.add(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n` + hostile + `"}}`)
	s.add(`{"apiVersion":"cert-manager.io/v1","kind":"Certificate","metadata":{"name":"c","namespace":"shop","labels":{"a":"l` + hostile + `"},"annotations":{"x":"y` + hostile + `"}},
		"spec":{"secretName":"s","dnsNames":["h` + hostile + `"],"commonName":"h` + hostile + `","odd":"o` + hostile + `","issuerRef":{"name":"v` + hostile + `"}}}`)
	for _, args := range [][]string{
		{"status"}, {"status", "-A"}, {"status", "-o", "wide"}, {"status", "bad"}, {"status", "-o", "name"}, {"status", "-o", "json"}, {"status", "-o", "yaml"},
		{"status", "-o", "kyaml"}, {"status", "-o", "jsonpath={.items[*].status.conditions[*].message}{.items[*].spec.dnsNames}"},
		{"status", "-o", "custom-columns=A:.metadata.name,B:.status.warnings,C:.spec.dnsNames[*]"},
		{"status", "bad", "-o", "jsonpath-as-json={.status.warnings}"}, {"status", "-o", "jsonpath={.nothing\u202e}", "--allow-missing-template-keys=false"},
		{"status", "no\x1b[2J"}, {"status", "-o", "\x1b[2J"}, {"status", "--\x1b[2J"}, {"\x1b[2J"}, {"status", "-n", "\x1b[2J", "x"}, {"status", "--context", "\x1b[2J\u202e"},
		{"status", "-l", "\x1b[2J\u202e"}, {"status", "-o", "jsonpath={\x1b\u202e"},
		{"explain", "bad"}, {"explain", "bad", "-o", "json"}, {"explain", "bad", "-o", "yaml"}, {"renew", "bad", "--wait", "--timeout", "1ms"},
		{"renew", "bad", "--wait", "--timeout", "1ms", "-o", "json"}, {"approve", "bad"}, {"deny", "bad"}, {"check"}, {"check", "-o", "json"}, {"check", "-o", "yaml"},
		{"migrate"}, {"migrate", "c"}, {"inspect", "secret/\x1b[2J\u202e"}, {"inspect", "file", "\x1b[2J\u202e"}, {"inspect", "\u202e"},
		{"__complete", "status", ""}, {"__complete", "status", "-n", ""}, {"__complete", "approve", ""}, {"__complete", "migrate", ""}, {"__complete", "status", "\x1b[2J"},
	} {
		said := s.command(args...)
		for _, text := range []string{said.out, said.errOut} {
			if at := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r) }); at >= 0 {
				t.Errorf("%q prints %q", args, text[at:min(at+20, len(text))])
			}
		}
		if said.out+said.errOut == "" {
			t.Errorf("%q prints nothing", args)
		}
	}
	var list struct {
		Items []struct{ Spec struct{ DNSNames []string } }
	}
	var want string
	if err := json.Unmarshal([]byte(`"h`+hostile+`"`), &want); err != nil {
		t.Fatal(err)
	}
	said := s.command("status", "-o", "json")
	if err := json.Unmarshal([]byte(said.out), &list); err != nil || list.Items[0].Spec.DNSNames[0] != want {
		t.Errorf("the JSON has other values: %v: %q", err, list)
	}
}

// TestCompletion completes names of the cluster and of the kubeconfig.
func TestCompletion(t *testing.T) {
	s := shopAPI(t)
	s.add(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`)
	s.add(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"web"}}`)
	s.add(`{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/tls","metadata":{"name":"shop-tls-tls","namespace":"shop"}}`)
	s.add(`{"apiVersion":"cert-manager.io/v1","kind":"Certificate","metadata":{"name":"theirs","namespace":"shop"}}`)
	const noFiles = ":4\n"
	for args, want := range map[string]string{
		"status ":                      "api-tls\nshop-tls\n" + noFiles,
		"status s":                     "shop-tls\n" + noFiles,
		"status shop-tls ":             noFiles,
		"status -n web ":               noFiles,
		"explain ":                     "api-tls\nshop-tls\n" + noFiles,
		"renew shop-tls ":              "api-tls\n" + noFiles,
		"approve ":                     noFiles, // none waits
		"migrate ":                     "theirs\n" + noFiles,
		"inspect secret/":              "secret/shop-tls-tls\n" + noFiles,
		"inspect secret ":              "shop-tls-tls\n" + noFiles,
		"inspect s":                    "secret/\nssl/\n:6\n",
		"status -n ":                   "shop\nweb\n" + noFiles,
		"check --namespace w":          "web\n" + noFiles,
		"status --context ":            "x\n" + noFiles,
		"status --cluster ":            "c\n" + noFiles,
		"status --user ":               "u\n" + noFiles,
		"status --kubeconfig nowhere ": ":1\n",
	} {
		words := strings.Split(args, " ")
		said := s.command(append([]string{"__complete"}, words...)...)
		if said.code != 0 || said.out != want {
			t.Errorf("%q: exit code %d, %q, want %q\n%s", args, said.code, said.out, want, said.errOut)
		}
		// kubectl runs this program with the words after the plugin's name.
		s.Setenv("KUBECONFIG", s.kubeconfig)
		if plugin := runAs(t.Context(), append([]string{"/usr/local/bin/kubectl_complete-apisix_certs"}, words...)...); plugin.out != said.out {
			t.Errorf("%q as a plugin: %q, want %q", args, plugin.out, said.out)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if said := s.command("completion", shell); said.code != 0 || !strings.Contains(said.out, "__complete") {
			t.Errorf("completion %s: exit code %d: %s", shell, said.code, said.errOut)
		}
	}
}

// TestBadCluster: a fault of the cluster is one line, and exit code 1.
func TestBadCluster(t *testing.T) {
	for _, test := range []struct {
		name, args, want string
		change           func(*stubAPI)
	}{
		{"an older CRD drops the approval", "approve waits", "error: the CRD in the cluster is from an older version of apisix-certs and drops the approval: kubectl apply --server-side -f manifests/crds", func(s *stubAPI) {
			s.patched = func(object map[string]any) { delete(object["status"].(map[string]any), "approval") }
		}},
		{"a field has another type", "status", "error: the CRDs in the cluster are from another version of apisix-certs (", func(s *stubAPI) {
			s.add(certificateJSON("old", `"a.example"`, ""))
		}},
		{"an object that is not there", "status nobody", "error: ApisixCertificate nobody not found in namespace shop", func(*stubAPI) {}},
		{"no configuration", "status", "error: cannot load a kubeconfig (set --kubeconfig): no configuration has been provided", func(s *stubAPI) {
			s.kubeconfig = filepath.Join(s.TempDir(), "none")
		}},
		{"no context of that name", "status --context elsewhere", `error: cannot load a kubeconfig (set --kubeconfig): context "elsewhere" does not exist`, func(*stubAPI) {}},
		{"no duration", "status --request-timeout soon", `error: --request-timeout "soon" is not a duration such as 10s or 1m`, func(*stubAPI) {}},
		{"groups without a user", "status --as-group g", "error: ", func(*stubAPI) {}},
		{"an unknown flag", "status --bogus", "error: unknown flag: --bogus: see apisix-certs status --help", func(*stubAPI) {}},
		{"an unknown command", "statuses", `error: unknown command "statuses" for "apisix-certs"`, func(*stubAPI) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := shopAPI(t)
			s.add(waitingJSON(t))
			test.change(s)
			said := s.command(strings.Fields(test.args)...)
			if said.code != exitFailed || said.out != "" || strings.Count(said.errOut, "\n") != 1 || !strings.HasPrefix(said.errOut, test.want) {
				t.Errorf("exit code %d, want 1 and one line that begins with %q:\n%s%s", said.code, test.want, said.out, said.errOut)
			}
		})
	}
	s := shopAPI(t)
	s.add(waitingJSON(t))
	if said := s.command("approve", "waits"); said.code != 0 {
		t.Errorf("with the CRD of this version: exit code %d: %s", said.code, said.errOut)
	}
	if last := s.requests[len(s.requests)-1]; last.Method != http.MethodPatch {
		t.Errorf("the last request is %s %s", last.Method, last.URL.Path)
	}
}
