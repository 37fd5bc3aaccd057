// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/controllers/rights"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// The values of a controller that watches three namespaces, the last of which comes later. Its gateway and the admin key are in
// another one.
const watching = `
watchNamespaces: [shop, web, late]
apisix:
  adminService: {namespace: apisix, name: admin}
  tlsService: {namespace: apisix, name: gateway}
  adminKey: {existingSecret: admin-key, existingSecretNamespace: apisix}
`

// least is a world whose controller has the rights of some namespaces.
type least struct {
	*world
	ctx      context.Context
	rendered *Rendered
	log      journal
	stop     func()        // the controller
	own      client.Client // as the controller
}

// TestLeastReach runs the controller as the chart does with watchNamespaces, with no more rights than those of its Roles.
func TestLeastReach(t *testing.T) {
	l := newLeast(t)
	l.rulesAreWhereTheyBelong()
	l.endsWithoutAny()
	l.start()
	l.serves()
	l.leavesOthersAlone()
	l.knowsOwners()
	l.refusesSecretsOutside()
	l.approves()
	l.usesClusterIssuer()
	l.readsGatewayProxies()
	l.checks(exitFound, "Namespace late")
	l.mayNotReadSecrets()
	l.takesIn("late")
	l.checks(0, "")
	if denied := l.log.lines(" is forbidden: User "); len(denied) > 0 {
		t.Errorf("asked for what it has no right to:\n%s", strings.Join(denied, "\n"))
	}
	l.losesAndRegains("shop")
	fmt.Printf("measure: least_reach cluster_secret_rules=%d certificates_served=%d\n", l.clusterSecretRules(), l.served())
}

const exitFound = 2 // of the command

func newLeast(t *testing.T) *least {
	addr := ownAddr(t)
	server, err := apisixtest.NewServer(apisixtest.Options{AdminAddr: addr + ":0", TLSAddr: addr + ":0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w := startWorld(t, &cluster.Gateway{AdminURL: server.AdminURL(), AdminKey: server.AdminKey(), TLSAddr: server.TLSAddr()})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	l := &least{world: w, ctx: ctx, rendered: render(t, Release{Values: values(t, watching)})}
	for _, namespace := range []string{"apisix", "shop", "web", "other"} {
		makeNamespace(t, w.Client, namespace)
	}
	w.takeRights(l.rendered, "late")
	l.gateway(strings.TrimPrefix(server.AdminURL(), "http://"), server.TLSAddr(), server.AdminKey())
	config, err := w.Kube.ServiceAccountConfig(ctx, Name, Name)
	w.must(err)
	l.own, err = client.New(config, client.Options{Scheme: controllers.Scheme()})
	w.must(err)
	return l
}

// rulesAreWhereTheyBelong: those of the ClusterRole are on resources without a namespace, those of the Roles are not.
func (l *least) rulesAreWhereTheyBelong() {
	l.Helper()
	for _, object := range l.rendered.Objects {
		if kind := object.GetKind(); kind != "ClusterRole" && kind != "Role" {
			continue
		}
		var role rbacv1.Role
		l.must(runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role))
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					namespaced, others, err := rights.Installed([]rights.Right{{Group: group, Resource: resource}}, l.Client.RESTMapper())
					l.must(err)
					if object.GetKind() == "ClusterRole" && len(namespaced) > 0 || object.GetKind() == "Role" && len(others) > 0 {
						l.Errorf("%s %s has a rule on %s %q: move it above or below the line in manifests/rbac", object.GetKind(), object.GetName(), resource, group)
					}
				}
			}
		}
	}
}

// ownAddr is one that a pod could have: EndpointSlices hold no loopback address.
func ownAddr(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		if ip, ok := addr.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but the loopback one")
	return ""
}

func (l *least) apply(yaml string, args ...any) {
	l.Helper()
	l.must(l.Apply(l.ctx, "test", fmt.Appendf(nil, strings.ReplaceAll(yaml, "$token", l.token), args...)))
}

// gateway makes the Services, with a pod each, and the Secret with the admin key.
func (l *least) gateway(admin, tls, key string) {
	l.Helper()
	for _, service := range [][3]string{{"admin", admin, "9180"}, {"gateway", tls, "443"}} {
		host, port, err := net.SplitHostPort(service[1])
		l.must(err)
		l.apply(`
apiVersion: v1
kind: Service
metadata: {namespace: apisix, name: %[1]s}
spec: {clusterIP: None, ports: [{name: port, port: %[4]s, targetPort: %[3]s}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: apisix, name: %[1]s-1, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: port, port: %[3]s}]
endpoints: [{addresses: ["%[2]s"], conditions: {ready: true}}]
`, service[0], host, port, service[2])
	}
	l.apply("{apiVersion: v1, kind: Secret, metadata: {namespace: apisix, name: admin-key}, stringData: {admin: %q}}", key)
}

// controller is the command of the controller with the arguments of the chart's Deployment and others.
func (l *least) controller(others ...string) *exec.Cmd {
	l.Helper()
	config, err := l.Kube.ServiceAccountConfig(l.ctx, Name, Name)
	l.must(err)
	args := slices.DeleteFunc(argsOf(l.T, l.rendered), func(arg string) bool {
		return len(others) > 0 && strings.HasPrefix(arg, "--watch-namespaces=") // a list, which a second flag would add to
	})
	args = append(args, "--kubeconfig="+l.kubeconfig(config), "--metrics-bind-address=0", "--health-probe-bind-address=0")
	return exec.CommandContext(l.ctx, l.binary, append(args, others...)...)
}

func (l *least) kubeconfig(config *rest.Config) string {
	l.Helper()
	kubeconfig, err := l.Kube.KubeconfigFor(config)
	l.must(err)
	file := filepath.Join(l.TempDir(), "kubeconfig")
	l.must(os.WriteFile(file, kubeconfig, 0o600))
	return file
}

// administrator runs another command as an administrator, and returns what it says and its exit code.
func (l *least) administrator(args ...string) (string, int) {
	l.Helper()
	command := exec.CommandContext(l.ctx, l.binary, append(args, "--kubeconfig="+l.kubeconfig(l.Kube.Config))...)
	output, _ := command.CombinedOutput()
	return string(output), command.ProcessState.ExitCode()
}

// start starts the controller, and returns how to end it. It must not end by itself.
func (l *least) start() (stop func()) {
	l.Helper()
	command := l.controller()
	command.Stdout, command.Stderr = &l.log, &l.log
	l.must(command.Start())
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	l.stop = sync.OnceFunc(func() {
		select {
		case <-ended:
			l.Error("the controller has ended by itself")
		default:
			_ = command.Process.Signal(os.Interrupt)
			<-ended
		}
	})
	l.Cleanup(func() {
		l.stop()
		if l.Failed() {
			l.Log(strings.Join(append(l.log.lines("level=ERROR"), l.log.lines("certificate is not ready")...), "\n"))
		}
	})
	return l.stop
}

// endsWithoutAny: where none of the namespaces can be read the controller ends, and says of each what is missing.
func (l *least) endsWithoutAny() {
	l.Helper()
	command := l.controller("--watch-namespaces=other,nowhere")
	output, _ := command.CombinedOutput()
	code := command.ProcessState.ExitCode()
	for _, says := range []string{
		"error: --watch-namespaces other: the controller is not allowed to ", "list, watch secrets; ", "list, watch ingresses.networking.k8s.io",
		"error: --watch-namespaces nowhere: the namespace does not exist: create it",
	} {
		if code != 1 || !strings.Contains(string(output), says) {
			l.Errorf("exit code %d, want %q in\n%s", code, says, output)
		}
	}
}

func (l *least) until(what string, is func() bool) {
	l.Helper()
	err := wait.PollUntilContextTimeout(l.ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) { return is(), nil })
	if err != nil {
		l.Fatalf("%s: %v", what, err)
	}
}

// condition reports whether a certificate has a condition so, with a reason if one is given.
func (l *least) condition(key client.ObjectKey, kind, status, reason string) bool {
	cert := &v1alpha1.ApisixCertificate{}
	if l.Client.Get(l.ctx, key, cert) != nil {
		return false
	}
	return slices.ContainsFunc(cert.Status.Conditions, func(c metav1.Condition) bool {
		return c.Type == kind && string(c.Status) == status && (reason == "" || c.Reason == reason)
	})
}

func (l *least) awaitServed(namespace, name string) {
	l.Helper()
	key := client.ObjectKey{Namespace: namespace, Name: name}
	l.until(key.String()+" is not served", func() bool {
		return l.condition(key, v1alpha1.ConditionReady, "True", "") && l.condition(key, v1alpha1.ConditionServed, "True", "")
	})
}

// issuer and tls are what a team has in its namespace.
const (
	teamIssuer = `
apiVersion: v1
kind: Secret
metadata: {namespace: %[1]s, name: vault-token}
stringData: {token: $token}
---
apiVersion: apisix-certs.io/v1alpha1
kind: VaultIssuer
metadata: {namespace: %[1]s, name: vault}
spec: {server: "", path: pki/sign/moelove-dot-info, auth: {tokenSecretRef: {name: vault-token, key: token}}}
`
	teamTLS = `
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata: {namespace: %[1]s, name: %[2]s, annotations: {apisix-certs.io/issuer: vault}}
spec: {hosts: [%[2]s.moelove.info], secret: {name: %[2]s, namespace: %[3]s}}
`
)

// serves: in both watched namespaces what a team asks for is issued and served, a Secret in the other of them included. The
// third does not exist yet, which the log says, and holds nothing up.
func (l *least) serves() {
	l.Helper()
	for _, namespace := range []string{"shop", "web"} {
		l.apply(teamIssuer, namespace)
		l.apply(teamTLS, namespace, "tls-"+namespace, namespace)
		l.apply(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: %[1]s, name: ingress, annotations: {apisix-certs.io/issuer: vault}}
spec: {tls: [{hosts: [ingress-%[1]s.moelove.info], secretName: ingress}], defaultBackend: {service: {name: s, port: {number: 80}}}}
---
apiVersion: apisix.apache.org/v2
kind: ApisixRoute
metadata: {namespace: %[1]s, name: route, annotations: {apisix-certs.io/issuer: vault}}
spec: {http: [{name: r, match: {hosts: [route-%[1]s.moelove.info], paths: [/*]}, backends: [{serviceName: s, servicePort: 80}]}]}
`, namespace)
	}
	l.grant("web", "across")
	l.apply(teamTLS, "shop", "across", "web")
	for _, key := range []client.ObjectKey{
		{Namespace: "shop", Name: "tls-shop"}, {Namespace: "web", Name: "tls-web"}, {Namespace: "shop", Name: "ingress"},
		{Namespace: "web", Name: "ingress"}, {Namespace: "shop", Name: "route-tls"}, {Namespace: "web", Name: "route-tls"}, {Namespace: "shop", Name: "across"},
	} {
		l.awaitServed(key.Namespace, l.certificateOf(key))
	}
	if said := l.log.lines("namespace is skipped until the permissions exist"); len(said) != 1 || !strings.Contains(said[0], "late") || !strings.Contains(said[0], "does not exist") {
		l.Errorf("of the namespace that does not exist the log says %q", said)
	}
}

// certificateOf is the name of the certificate for a Secret of that name.
func (l *least) certificateOf(key client.ObjectKey) string {
	l.Helper()
	name := ""
	l.until("there is no certificate of "+key.String(), func() bool {
		var list v1alpha1.ApisixCertificateList
		_ = l.Client.List(l.ctx, &list, client.InNamespace(key.Namespace))
		for _, cert := range list.Items {
			if cert.Spec.SecretName == key.Name {
				name = cert.Name
			}
		}
		return name != ""
	})
	return name
}

// grant lets ApisixTlses of shop have a Secret in another namespace.
func (l *least) grant(namespace, secret string) {
	l.Helper()
	l.apply(`
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {namespace: %[1]s, name: %[2]s}
spec:
  from: [{group: apisix.apache.org, kind: ApisixTls, namespace: shop}]
  to: [{group: "", kind: Secret, name: %[2]s}]
`, namespace, secret)
}

// leavesOthersAlone: in a namespace that is not watched nothing is made, and an ApisixCertificate is not looked at.
func (l *least) leavesOthersAlone() {
	l.Helper()
	l.apply(teamIssuer, "other")
	l.apply(teamTLS, "other", "tls-other", "other")
	l.apply(`
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {namespace: other, name: asked}
spec: {secretName: asked, issuerRef: {name: vault}, dnsNames: [asked.moelove.info]}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {namespace: shop, name: after}
spec: {secretName: after, issuerRef: {name: vault}, dnsNames: [after.moelove.info]}
`)
	// The same controllers have worked on a later object, so that they would have come to these.
	l.until("the certificate after it", func() bool {
		return l.condition(client.ObjectKey{Namespace: "shop", Name: "after"}, v1alpha1.ConditionIssued, "True", "")
	})
	var list v1alpha1.ApisixCertificateList
	l.must(l.Client.List(l.ctx, &list, client.InNamespace("other")))
	if len(list.Items) != 1 || len(list.Items[0].Status.Conditions) > 0 || len(list.Items[0].Finalizers) > 0 {
		l.Errorf("the certificates of a namespace that is not watched: %+v", list.Items)
	}
}

// knowsOwners: a host of one watched namespace is not given to another.
func (l *least) knowsOwners() {
	l.Helper()
	l.apply(strings.ReplaceAll(teamTLS, "hosts: [%[2]s.", "hosts: [tls-shop."), "web", "rival", "web")
	rival := client.ObjectKey{Namespace: "web", Name: l.certificateOf(client.ObjectKey{Namespace: "web", Name: "rival"})}
	l.until("the host of another namespace is not refused", func() bool {
		return l.condition(rival, v1alpha1.ConditionIssued, "False", v1alpha1.ReasonConflict)
	})
	tls := &configv2.ApisixTls{}
	tls.Namespace, tls.Name = rival.Namespace, "rival"
	l.must(l.Client.Delete(l.ctx, tls))
}

// refusesSecretsOutside: an ApisixTls with its Secret in a namespace that is not watched is told so, by its certificate and by
// an event, a grant there or not, and is deleted as any other.
func (l *least) refusesSecretsOutside() {
	l.Helper()
	l.grant("other", "outside")
	l.apply(teamTLS, "shop", "outside", "other")
	name := l.certificateOf(client.ObjectKey{Namespace: "shop", Name: "outside"})
	key := client.ObjectKey{Namespace: "shop", Name: name}
	l.until("the Secret outside is not refused", func() bool {
		return l.condition(key, v1alpha1.ConditionIssued, "False", v1alpha1.ReasonNamespaceNotWatched)
	})
	l.until("event on the ApisixTls", func() bool { return l.event("shop", "outside", v1alpha1.ReasonNamespaceNotWatched) })
	if err := l.Client.Get(l.ctx, client.ObjectKey{Namespace: "other", Name: "outside"}, &corev1.Secret{}); !apierrors.IsNotFound(err) {
		l.Errorf("the Secret outside: %v", err)
	}
	cert := &v1alpha1.ApisixCertificate{}
	l.must(l.Client.Get(l.ctx, key, cert))
	l.must(l.Client.Delete(l.ctx, cert))
	l.until("the certificate of the Secret outside does not go", func() bool {
		err := l.Client.Get(l.ctx, key, &v1alpha1.ApisixCertificate{})
		return apierrors.IsNotFound(err) || err == nil && l.reborn(key, cert.UID)
	})
}

// reborn reports whether a certificate is another than it was: the source makes it again.
func (l *least) reborn(key client.ObjectKey, uid types.UID) bool {
	cert := &v1alpha1.ApisixCertificate{}
	return l.Client.Get(l.ctx, key, cert) == nil && cert.UID != uid
}

// event reports whether there is one on an object.
func (l *least) event(namespace, name, reason string) bool {
	var list eventsv1.EventList
	_ = l.Client.List(l.ctx, &list, client.InNamespace(namespace))
	return slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool { return e.Regarding.Name == name && e.Reason == reason })
}

// approves: a policy that selects a watched namespace by its labels holds a certificate until it is approved.
func (l *least) approves() {
	l.Helper()
	l.apply(`
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {team: web}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: CertificatePolicy
metadata: {name: everybody}
spec: {dnsNames: ["*"], issuers: [{kind: VaultIssuer, name: "*"}, {kind: ClusterVaultIssuer, name: "*"}], privateKeys: [{algorithm: ECDSA}]}
---
apiVersion: apisix-certs.io/v1alpha1
kind: CertificatePolicy
metadata: {name: by-hand}
spec: {namespaceSelector: {matchLabels: {team: web}}, dnsNames: ["*"], issuers: [{kind: VaultIssuer, name: "*"}], approval: Manual}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {namespace: web, name: by-hand}
spec: {secretName: by-hand, issuerRef: {name: vault}, dnsNames: [by-hand.moelove.info], privateKey: {algorithm: RSA}}
`)
	l.until("the certificate does not wait for its approval", func() bool {
		return l.condition(client.ObjectKey{Namespace: "web", Name: "by-hand"}, v1alpha1.ConditionIssued, "False", v1alpha1.ReasonWaitingForApproval)
	})
	if said, code := l.administrator("approve", "by-hand", "-n", "web"); code != 0 {
		l.Fatalf("approve: exit code %d\n%s", code, said)
	}
	l.until("the approved certificate is not issued", func() bool {
		return l.condition(client.ObjectKey{Namespace: "web", Name: "by-hand"}, v1alpha1.ConditionIssued, "True", "")
	})
}

// usesClusterIssuer: its credentials are in the controller's own namespace, and its events in default.
func (l *least) usesClusterIssuer() {
	l.Helper()
	l.apply(`
apiVersion: v1
kind: Secret
metadata: {namespace: apisix-certs, name: vault-token}
stringData: {token: $token}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ClusterVaultIssuer
metadata: {name: vault}
spec: {server: %q, path: pki/sign/moelove-dot-info, auth: {tokenSecretRef: {name: vault-token, key: token}}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ClusterVaultIssuer
metadata: {name: bad}
spec: {server: %q, path: pki/sign/moelove-dot-info, auth: {tokenSecretRef: {name: none, key: token}}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {namespace: shop, name: clusterwide}
spec: {secretName: clusterwide, issuerRef: {kind: ClusterVaultIssuer, name: vault}, dnsNames: [clusterwide.moelove.info]}
`, l.Vault.Address, l.Vault.Address)
	l.until("the certificate of a ClusterVaultIssuer is not issued", func() bool {
		return l.condition(client.ObjectKey{Namespace: "shop", Name: "clusterwide"}, v1alpha1.ConditionIssued, "True", "")
	})
	l.until("event on a ClusterVaultIssuer", func() bool { return l.event("default", "bad", v1alpha1.ReasonInvalidCredentials) })
}

// readsGatewayProxies: one in the namespace of the gateway is followed, and of one elsewhere the certificates say why not.
func (l *least) readsGatewayProxies() {
	l.Helper()
	for _, namespace := range []string{"apisix", "other"} {
		l.apply(`
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: in-%[1]s}
spec:
  controller: example.com/nobody
  parameters: {apiGroup: apisix.apache.org, kind: GatewayProxy, scope: Namespace, namespace: %[1]s, name: proxy}
---
apiVersion: apisix.apache.org/v1alpha1
kind: GatewayProxy
metadata: {namespace: %[1]s, name: proxy}
spec:
  publishService: gateway
  provider:
    type: ControlPlane
    controlPlane: {service: {name: admin, port: 9180}, tlsVerify: false, auth: {type: AdminKey, adminKey: {valueFrom: {secretKeyRef: {name: admin-key, key: admin}}}}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {namespace: shop, name: proxy-%[1]s}
spec: {secretName: proxy-%[1]s, issuerRef: {name: vault}, dnsNames: [proxy-%[1]s.moelove.info], ingressClassName: in-%[1]s}
`, namespace)
	}
	// It is read, and no ingress controller is known to keep its ssl objects.
	l.until("word on the GatewayProxy beside the gateway", func() bool {
		return l.said("proxy-apisix", "certificate is pushed to all gateways") && l.event("apisix", "proxy", "InsecureAdminAPI")
	})
	l.until("word on the GatewayProxy elsewhere", func() bool {
		return l.said("proxy-other", "GatewayProxy other/proxy: namespace other is not watched")
	})
	for _, namespace := range []string{"apisix", "other"} {
		class := &networkingv1.IngressClass{}
		class.Name = "in-" + namespace
		l.must(l.Client.Delete(l.ctx, class))
	}
}

// said reports whether condition Pushed of a certificate of shop has such a message.
func (l *least) said(name, message string) bool {
	cert := &v1alpha1.ApisixCertificate{}
	return l.Client.Get(l.ctx, client.ObjectKey{Namespace: "shop", Name: name}, cert) == nil &&
		slices.ContainsFunc(cert.Status.Conditions, func(c metav1.Condition) bool {
			return c.Type == v1alpha1.ConditionPushed && strings.Contains(c.Message, message)
		})
}

// checks: check and status look into the watched namespaces alone, where the planted faults of the others are none.
func (l *least) checks(code int, finding string) {
	l.Helper()
	bad := &v1alpha1.ClusterVaultIssuer{}
	bad.Name = "bad"
	outside := &configv2.ApisixTls{}
	outside.Namespace, outside.Name = "shop", "outside"
	for _, object := range []client.Object{bad, outside} {
		l.must(client.IgnoreNotFound(l.Client.Delete(l.ctx, object)))
	}
	for _, name := range []string{"clusterwide", "proxy-apisix", "proxy-other"} { // not served on purpose
		cert := &v1alpha1.ApisixCertificate{}
		cert.Namespace, cert.Name = "shop", name
		l.must(client.IgnoreNotFound(l.Client.Delete(l.ctx, cert)))
	}
	var gatewayFlags []string
	for _, arg := range argsOf(l.T, l.rendered) {
		if strings.HasPrefix(arg, "--apisix-") || strings.HasPrefix(arg, "--watch-namespaces") {
			gatewayFlags = append(gatewayFlags, arg)
		}
	}
	said := ""
	err := wait.PollUntilContextTimeout(l.ctx, time.Second, 30*time.Second, true, func(context.Context) (bool, error) {
		var got int
		said, got = l.administrator(append([]string{"check"}, gatewayFlags...)...)
		return got == code && strings.Contains(said, finding) && strings.Count(said, "fix:") == min(code, 1), nil
	})
	if err != nil {
		l.Errorf("check says, and not just %q:\n%s", finding, said)
	}
	said, _ = l.administrator("status", "--watch-namespaces=shop,web")
	if strings.Contains(said, "other") || !strings.Contains(said, "tls-shop") || !strings.Contains(said, "tls-web") {
		l.Errorf("status shows:\n%s", said)
	}
}

// mayNotReadSecrets asks as the controller. Of its own namespace it may read a Secret whose name it knows.
func (l *least) mayNotReadSecrets() {
	l.Helper()
	var namespaces corev1.NamespaceList
	l.must(l.Client.List(l.ctx, &namespaces))
	for _, namespace := range append(namespaces.Items, corev1.Namespace{}) {
		for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"} {
			allowed := slices.Contains([]string{"shop", "web"}, namespace.Name) && !slices.Contains([]string{"patch", "deletecollection"}, verb) ||
				namespace.Name == Name && verb == "get"
			review := &authorizationv1.SelfSubjectAccessReview{}
			review.Spec.ResourceAttributes = &authorizationv1.ResourceAttributes{Namespace: namespace.Name, Verb: verb, Resource: "secrets"}
			l.must(l.own.Create(l.ctx, review))
			if review.Status.Allowed != allowed {
				l.Errorf("may %s Secrets in namespace %q: %t", verb, namespace.Name, review.Status.Allowed)
			}
		}
	}
	for _, key := range []client.ObjectKey{{Namespace: "other", Name: "vault-token"}, {Namespace: "apisix", Name: "other"}} {
		if err := l.own.Get(l.ctx, key, &corev1.Secret{}); !apierrors.IsForbidden(err) {
			l.Errorf("reads Secret %s: %v", key, err)
		}
	}
	if err := l.own.Get(l.ctx, client.ObjectKey{Namespace: "apisix", Name: "admin-key"}, &corev1.Secret{}); err != nil {
		l.Errorf("does not read the admin key: %v", err)
	}
}

// takesIn: a watched namespace that comes later is served as soon as all of its Role is there. What is missing is told anew
// when it changes.
func (l *least) takesIn(namespace string) {
	l.Helper()
	makeNamespace(l.T, l.Client, namespace)
	for _, object := range l.rendered.Objects {
		if object.GetNamespace() != namespace {
			continue
		}
		object = object.DeepCopy()
		if rules, _, _ := unstructured.NestedSlice(object.Object, "rules"); rules != nil {
			rules = slices.DeleteFunc(rules, func(rule any) bool { return strings.Contains(fmt.Sprint(rule), "ingresses") })
			l.must(unstructured.SetNestedSlice(object.Object, rules, "rules"))
		}
		l.must(l.Client.Apply(l.ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("helm"), client.ForceOwnership))
	}
	l.until("word on the rule that is missing", func() bool {
		return len(l.log.lines("permissions exist: the controller is not allowed to list, watch ingresses.networking.k8s.io: upgrade")) == 1
	})
	l.takeRights(l.rendered)
	l.apply(teamIssuer, namespace)
	l.apply(teamTLS, namespace, "tls-"+namespace, namespace)
	l.awaitServed(namespace, l.certificateOf(client.ObjectKey{Namespace: namespace, Name: "tls-" + namespace}))
	// What was there before is looked after as well.
	l.apply(teamTLS, "shop", "again", "shop")
	l.awaitServed("shop", l.certificateOf(client.ObjectKey{Namespace: "shop", Name: "again"}))
}

// losesAndRegains: a namespace whose Role is taken away holds up no other, in a controller that runs or in one that starts. Nothing
// of it is deleted meanwhile, and it goes on once the Role is back.
func (l *least) losesAndRegains(namespace string) {
	l.Helper()
	before := l.secretsOf(namespace)
	binding := l.rendered.Find("RoleBinding", Name+"-watched")
	binding.SetNamespace(namespace)
	l.must(l.Client.Delete(l.ctx, binding.DeepCopy()))
	l.apply(teamTLS, "web", "meanwhile", "web")
	l.awaitServed("web", l.certificateOf(client.ObjectKey{Namespace: "web", Name: "meanwhile"}))
	l.stop()
	l.start()
	l.apply(teamTLS, "web", "afterwards", "web")
	l.apply(teamTLS, namespace, "regained", namespace)
	l.awaitServed("web", l.certificateOf(client.ObjectKey{Namespace: "web", Name: "afterwards"}))
	if after := l.secretsOf(namespace); !slices.Equal(before, after) {
		l.Errorf("the Secrets were %v, and are %v", before, after)
	}
	l.takeRights(l.rendered)
	l.awaitServed(namespace, l.certificateOf(client.ObjectKey{Namespace: namespace, Name: "regained"}))
	l.awaitServed(namespace, l.certificateOf(client.ObjectKey{Namespace: namespace, Name: "tls-" + namespace}))
}

// secretsOf are the Secrets of a namespace with their versions.
func (l *least) secretsOf(namespace string) []string {
	l.Helper()
	var list corev1.SecretList
	l.must(l.Client.List(l.ctx, &list, client.InNamespace(namespace)))
	var all []string
	for _, secret := range list.Items {
		all = append(all, secret.Name+" "+secret.ResourceVersion)
	}
	return all
}

// clusterSecretRules counts the rules on Secrets in the roles that are bound to the controller for all namespaces.
func (l *least) clusterSecretRules() int {
	l.Helper()
	var bindings rbacv1.ClusterRoleBindingList
	l.must(l.Client.List(l.ctx, &bindings))
	rules := 0
	for _, binding := range bindings.Items {
		if !slices.ContainsFunc(binding.Subjects, func(s rbacv1.Subject) bool {
			return s.Kind == "ServiceAccount" && s.Name == Name && s.Namespace == Name
		}) {
			continue
		}
		role := &rbacv1.ClusterRole{}
		l.must(l.Client.Get(l.ctx, client.ObjectKey{Name: binding.RoleRef.Name}, role))
		for _, rule := range role.Rules {
			if slices.ContainsFunc(rule.Resources, func(resource string) bool { return resource == "*" || strings.HasPrefix(resource, "secrets") }) {
				rules++
			}
		}
	}
	if rules > 0 {
		l.Errorf("%d rules on Secrets are for the whole cluster", rules)
	}
	return rules
}

// served counts the certificates of the watched namespaces that are.
func (l *least) served() int {
	l.Helper()
	var list v1alpha1.ApisixCertificateList
	l.must(l.Client.List(l.ctx, &list))
	served := 0
	for _, cert := range list.Items {
		if l.condition(client.ObjectKeyFromObject(&cert), v1alpha1.ConditionServed, "True", "") {
			served++
		}
	}
	return served
}
