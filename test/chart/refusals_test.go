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
		{"unknown value", good + "replicas: 2", "\nreplicas: unknown value: did you mean replicaCount?"},
		{"unknown value inside", "apisix: {adminKey: {existingSecret: key, secret: key}}", "\napisix.adminKey.secret: unknown value: did you mean apisix.adminKey.existingSecret?"},
		{"value of another group", good + "existingSecret: key", "\nexistingSecret: unknown value: did you mean apisix.adminKey.existingSecret?"},
		{"group of another group", good + "adminKey: {value: key}", "\nadminKey: unknown value: did you mean apisix.adminKey?"},
		{"value without its dots", good + "logLevel: debug", "\nlogLevel: unknown value: did you mean log.level?"},
		{"value in other capitals", good + "pushmode: own", "\npushmode: unknown value: did you mean pushMode?"},
		{"value like no other", good + "xyz: {a: 1}", "\nxyz: unknown value: remove it; \"helm show values\" lists all values"},
		{"type", good + `replicaCount: "2"`, "at '/replicaCount': got string, want null or integer"},
		{"type of a group", good + "page: true", "at '/page': got boolean, want null or object"},
		{"type inside a free object", good + "clusterVaultIssuer: {create: true, spec: {auth: token}}", "at '/clusterVaultIssuer/spec/auth': got string, want null or object"},
		{"push mode", good + "pushMode: push", "at '/pushMode': value must be one of 'auto', 'own', 'adopt', 'secret'"},
		{"manage", good + "manage: some", "at '/manage': value must be one of 'annotated', 'all'"},
		{"log level", good + "log: {level: loud}", "at '/log/level': value must be one of 'debug', 'info', 'warn', 'error'"},
		{"port", "apisix: {adminKey: {existingSecret: key}, adminService: {port: 99180}}", `
apisix.adminService.port: invalid port "99180": must be a number from 1 to 65535, or the name of a port such as "https"`},
		{"URL with a path", "apisix: {adminKey: {existingSecret: key}, adminURLs: [\"http://a:9180/apisix/admin\"]}", `
apisix.adminURLs[0]: invalid URL "http://a:9180/apisix/admin": must be http:// or https:// and a host without a path, such as "http://apisix-admin.apisix:9180"`},
		{"address", "apisix: {adminKey: {existingSecret: key}, tlsAddrs: [gateway]}", `
apisix.tlsAddrs[0]: invalid address "gateway": must be HOST:PORT, such as "gateway.example.com:443"`},
		{"default issuer", good + "defaultIssuer: vault", `
defaultIssuer: invalid issuer "vault": must be KIND/NAME, such as "ClusterVaultIssuer/vault",`},
		{"watched namespace", good + "watchNamespaces: [team/web]", `
watchNamespaces[0]: invalid name "team/web": must be at most 63 lower case letters, digits and "-"`},
		{"no watched namespace", good + `watchNamespaces: [""]`, `watchNamespaces[0]: invalid name ""`},
		{"watched twice", good + "watchNamespaces: [web, web]", "\nwatchNamespaces: contains duplicates: list each namespace once"},
		{"duration", good + "resyncPeriod: 5 minutes", `
resyncPeriod: invalid duration "5 minutes": must be numbers with the units h, m, s or ms, such as "5m" or "720h"`},
		{"duration in days", good + "caExpiryWarning: 30d", `caExpiryWarning: invalid duration "30d"`},
		{"duration without a unit", good + "nameReservation: 600", `nameReservation: invalid duration "600"`},
		{"negative duration", good + "caRotationSpread: -1h", `caRotationSpread: invalid duration "-1h"`},
		{"short duration", good + "resyncPeriod: 9s", "\nresyncPeriod: invalid duration \"9s\": must be at least 10s"},
		{"interval", good + "serviceMonitor: {enabled: true, interval: 30}", "at '/serviceMonitor/interval': got number, want null or string"},
		{"memory limit in units of Kubernetes", good + "go: {memoryLimit: 200Mi}", `
go.memoryLimit: invalid amount of memory "200Mi": must be bytes with a unit of Go, such as "200MiB"`},
		{"workers", good + "workers: 0", "at '/workers': minimum: got 0, want 1"},
		{"digest", good + "image: {digest: latest}", `image.digest: invalid digest "latest": must be sha256: and 64 hexadecimal digits`},
		{"no image", good + `image: {repository: ""}`, `image.repository: invalid image "": must be a registry and a repository`},
		{"argument", good + "extraArgs: [log-level=debug]", `extraArgs[0]: invalid flag "log-level=debug": must be a flag of "apisix-certs controller"`},
		{"no key", "{}", "\napisix.adminKey: an admin key is required: set apisix.adminKey.existingSecret"},
		{"two keys", "apisix: {adminKey: {existingSecret: key, value: k}}", "\napisix.adminKey: value and existingSecret are mutually exclusive: remove one"},
		{"all without issuer", good + "manage: all", "\nmanage: \"all\" requires a default issuer: set defaultIssuer to KIND/NAME, or clusterVaultIssuer.create=true"},
		{"issuer without spec", good + "clusterVaultIssuer: {create: true, spec: {path: pki/sign/a, auth: {}}}", "\nclusterVaultIssuer.spec.server: required: set it"},
		{"budget of all", good + "replicaCount: 2\npodDisruptionBudget: {minAvailable: 2}", "\npodDisruptionBudget.minAvailable: 2 of 2 replicas blocks every node drain: set a lower value"},
		{"two budgets", good + "podDisruptionBudget: {maxUnavailable: 1}", "\npodDisruptionBudget: minAvailable and maxUnavailable are mutually exclusive"},
		{"releases that share the cluster", good + "namespaceSelector: shard=a", "\nstatusPolicy.serviceAccounts: required with namespaceSelector, because the policy denies status changes by other releases: list their ServiceAccounts as NAMESPACE/NAME, or apisix-certs/apisix-certs if there is no other release"},
		{"ServiceAccount without namespace", good + "statusPolicy: {serviceAccounts: [certs]}", `statusPolicy.serviceAccounts[0]: invalid ServiceAccount "certs": must be NAMESPACE/NAME`},
		{"monitor without metrics", good + "metrics: {enabled: false}\nserviceMonitor: {enabled: true}", "\nmetrics.enabled: serviceMonitor and prometheusRule require metrics"},
		{"Service without page", good + "page: {service: {enabled: true}}", "\npage.service.enabled: the Service requires the status page: set page.enabled=true"},
		{"page for the whole node", good + "page: {enabled: true}\nhostNetwork: true", "\npage.enabled: with hostNetwork, every process on the node can read the status page"},
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
	if !strings.Contains(r.Notes, "WARNING: the admin key is the default of APISIX") {
		t.Error("nothing warns of the key that everybody knows")
	}
}
