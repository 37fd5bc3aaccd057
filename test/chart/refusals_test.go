// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"
)

// good are values that work; a refusal's own are laid over them by Helm's --set rules.
const good = "apisix: {adminKey: {existingSecret: key}}\n"

// Wrong values are refused with their place and what is right, before anything is made.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ name, values, says string }{
		{"unknown value", good + "replicas: 2", "additional properties 'replicas' not allowed"},
		{"unknown value inside", "apisix: {adminKey: {secret: key}}", "at '/apisix/adminKey': additional properties 'secret' not allowed"},
		{"type", good + `replicaCount: "2"`, "at '/replicaCount': got string, want integer"},
		{"push mode", good + "pushMode: push", "at '/pushMode': value must be one of 'auto', 'own', 'adopt', 'secret'"},
		{"manage", good + "manage: some", "at '/manage': value must be one of 'annotated', 'all'"},
		{"log level", good + "log: {level: loud}", "at '/log/level': value must be one of 'debug', 'info', 'warn', 'error'"},
		{"port", "apisix: {adminKey: {existingSecret: key}, adminService: {port: 99180}}", "at '/apisix/adminService/port'"},
		{"URL with a path", "apisix: {adminKey: {existingSecret: key}, adminURLs: [\"http://a:9180/apisix/admin\"]}", "at '/apisix/adminURLs/0': 'http://a:9180/apisix/admin' does not match pattern"},
		{"address", "apisix: {adminKey: {existingSecret: key}, tlsAddrs: [gateway]}", "at '/apisix/tlsAddrs/0': 'gateway' does not match pattern"},
		{"default issuer", good + "defaultIssuer: vault", "at '/defaultIssuer': 'vault' does not match pattern '^((VaultIssuer|"},
		{"watched namespace", good + "watchNamespaces: [team/web]", "at '/watchNamespaces/0': 'team/web' does not match pattern"},
		{"no watched namespace", good + `watchNamespaces: [""]`, "at '/watchNamespaces/0': '' does not match pattern"},
		{"watched twice", good + "watchNamespaces: [web, web]", "at '/watchNamespaces': items at 0 and 1 are equal"},
		{"duration", good + "resyncPeriod: 5 minutes", "at '/resyncPeriod': '5 minutes' does not match pattern"},
		{"memory limit in units of Kubernetes", good + "go: {memoryLimit: 200Mi}", "at '/go/memoryLimit': '200Mi' does not match pattern"},
		{"workers", good + "workers: 0", "at '/workers': minimum: got 0, want 1"},
		{"digest", good + "image: {digest: latest}", "at '/image/digest': 'latest' does not match pattern"},
		{"argument", good + "extraArgs: [log-level=debug]", "at '/extraArgs/0': 'log-level=debug' does not match pattern '^-'"},
		{"no key", "{}", "apisix.adminKey: the Admin API needs its key: set apisix.adminKey.existingSecret"},
		{"two keys", "apisix: {adminKey: {existingSecret: key, value: k}}", "apisix.adminKey: value and existingSecret exclude each other: keep one"},
		{"all without issuer", good + "manage: all", "manage: all needs an issuer for objects that name none: set defaultIssuer to KIND/NAME, or clusterVaultIssuer.create"},
		{"issuer without spec", good + "clusterVaultIssuer: {create: true, spec: {path: pki/sign/a, auth: {}}}", "clusterVaultIssuer.spec.server: is missing"},
		{"budget of all", good + "replicaCount: 2\npodDisruptionBudget: {minAvailable: 2}", "podDisruptionBudget.minAvailable: 2 of 2 replicas would keep every node from being drained"},
		{"two budgets", good + "podDisruptionBudget: {maxUnavailable: 1}", "podDisruptionBudget: minAvailable and maxUnavailable exclude each other"},
		{"releases that share the cluster", good + "namespaceSelector: shard=a", "statusPolicy.serviceAccounts: with namespaceSelector other releases may share the cluster, whose writes of status would be refused: name their ServiceAccounts, NAMESPACE/NAME, or apisix-certs/apisix-certs where there are none"},
		{"ServiceAccount without namespace", good + "statusPolicy: {serviceAccounts: [certs]}", "at '/statusPolicy/serviceAccounts/0': 'certs' does not match pattern"},
		{"monitor without metrics", good + "metrics: {enabled: false}\nserviceMonitor: {enabled: true}", "metrics.enabled: serviceMonitor and prometheusRule need metrics"},
		{"Service without page", good + "page: {service: {enabled: true}}", "page.service.enabled: there is no page to make a Service of"},
		{"page for the whole node", good + "page: {enabled: true}\nhostNetwork: true", "page.enabled: with hostNetwork whatever runs on the node could read the page"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Render(root(t), Release{Values: values(t, c.values)})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got: %v\nwant: %s", err, c.says)
			}
		})
	}
}

// All that the chart itself refuses is told at once.
func TestRefusalsTogether(t *testing.T) {
	_, err := Render(root(t), Release{Values: values(t, "manage: all\npodDisruptionBudget: {maxUnavailable: 1}")})
	for _, says := range []string{"apisix.adminKey:", "manage:", "podDisruptionBudget:"} {
		if err == nil || !strings.Contains(err.Error(), "\n"+says) {
			t.Errorf("%s is not named: %v", says, err)
		}
	}
}

// The admin key is in its Secret, and nowhere else.
func TestAdminKeyIsInItsSecretAlone(t *testing.T) {
	const key = "edd1c9f034335f136f87ad84b625c8f1"
	r := render(t, Release{Values: values(t, "apisix: {adminKey: {value: "+key+"}}")})
	if r.Find("Secret", "apisix-certs-admin-key") == nil {
		t.Error("there is no Secret")
	}
	if strings.Contains(r.Text+r.Notes, key) {
		t.Error("the key is told in the clear")
	}
	if !strings.Contains(r.Notes, "WARNING: this admin key is the one that APISIX is delivered with") {
		t.Error("nothing warns of the key that everybody knows")
	}
}
