// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"apisix-certs.io/apisix-certs/apisix"
)

// ControllerName is what the double writes into its label k8s/controller-name.
const ControllerName = "apisix.apache.org/apisix-ingress-controller"

// ErrBlocked is in the error of a sync that failed as a whole.
var ErrBlocked = errors.New("the sync failed as a whole")

// Controller2x is a DOUBLE of apache/apisix-ingress-controller 2.x with its ADC sidecar, and no more than that: it plays
// what was seen of the real 2.2.0 beside a real APISIX 3.18.0 (DESIGN.md, section 5) where ssl objects are concerned. Ids
// and labels are those that its public source shows.
//
//   - It serves sources of its own classes alone, and of none where one of them is the default.
//   - Each sync compares the whole: what differs is put, what it does not know is deleted, whoever made it.
//   - One Secret with an empty, placeholder or garbage pair fails the sync of all.
//   - certs or keys on any ssl object, its own or not, do so too.
//   - An Ingress is held back whole while one of its Secrets is missing, its routes included.
//   - status.conditions of an ApisixTls are replaced, whoever else has one there.
//
// A Gateway of its GatewayClass has an ssl object for each certificateRef of a listener in mode Terminate, for the listener's hostname,
// or for the names in the certificate where it has none. It knows of no ListenerSets, and
// of no routes. In API-driven standalone mode (Configs set) it puts the whole configuration instead.
type Controller2x struct {
	Kube client.Client
	// Cache is read in the place of Kube, as the real one does. Nil: Kube is.
	Cache client.Reader
	Admin *apisix.Client
	// Configs puts the configuration of a gateway in standalone mode. Nil: the gateway has ssl objects.
	Configs func(context.Context, []apisix.SSL) error
	// Lag is between the halves of a sync: what is written is as old as that.
	Lag time.Duration

	mu      sync.Mutex
	puts    int
	deletes int
	held    []string
}

func (c *Controller2x) reader() client.Reader {
	if c.Cache != nil {
		return c.Cache
	}
	return c.Kube
}

// Plan is a sync under way: what the controller has read, not yet written.
type Plan struct {
	wanted map[string]apisix.SSL
	bad    []string // objects whose Secret holds no pair
	tlses  []configv2.ApisixTls
	held   []string
	// secrets are those that there are.
	secrets map[client.ObjectKey]*corev1.Secret
}

// Writes counts the ssl objects that it has put and deleted.
func (c *Controller2x) Writes() (puts, deletes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.puts, c.deletes
}

// Held are the Ingresses that the last sync held back, as NAMESPACE/NAME.
func (c *Controller2x) Held() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.held)
}

// Sync is one sync, as each event and period brings it.
func (c *Controller2x) Sync(ctx context.Context) error {
	plan, err := c.Read(ctx)
	if err != nil {
		return err
	}
	time.Sleep(c.Lag)
	return c.Write(ctx, plan)
}

// Run syncs whenever an object changes, and each period, until ctx ends. It looks for changes every 20 ms.
func (c *Controller2x) Run(ctx context.Context, period time.Duration) {
	var last string
	var synced time.Time
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		versions, err := c.versions(ctx)
		if err != nil || versions == last && time.Since(synced) < period {
			return
		}
		if c.Sync(ctx) == nil {
			last = versions
		}
		synced = time.Now()
	}, 20*time.Millisecond)
}

// versions change with any object that the controller reads.
func (c *Controller2x) versions(ctx context.Context) (string, error) {
	var all []string
	for _, list := range []client.ObjectList{&configv2.ApisixTlsList{}, &networkingv1.IngressList{}, &networkingv1.IngressClassList{}, &corev1.SecretList{}} {
		if err := c.reader().List(ctx, list); err != nil {
			return "", err
		}
		err := meta.EachListItem(list, func(object runtime.Object) error {
			o := object.(client.Object)
			all = append(all, string(o.GetUID())+"/"+o.GetResourceVersion())
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	gateways, err := c.gateways(ctx)
	for i := range gateways {
		all = append(all, string(gateways[i].GetUID())+"/"+gateways[i].GetResourceVersion())
	}
	if err != nil {
		return "", err
	}
	slices.Sort(all) // a cache has no order
	return strings.Join(all, " "), nil
}

// Read is the first half of a sync.
func (c *Controller2x) Read(ctx context.Context) (*Plan, error) {
	plan := &Plan{wanted: map[string]apisix.SSL{}, secrets: map[client.ObjectKey]*corev1.Secret{}}
	serves, err := c.classes(ctx)
	if err != nil {
		return nil, err
	}
	var secrets corev1.SecretList
	if err := c.reader().List(ctx, &secrets); err != nil {
		return nil, err
	}
	for i := range secrets.Items {
		plan.secrets[client.ObjectKeyFromObject(&secrets.Items[i])] = &secrets.Items[i]
	}
	var tlses configv2.ApisixTlsList
	if err := c.reader().List(ctx, &tlses); err != nil {
		return nil, err
	}
	for i := range tlses.Items {
		object := &tlses.Items[i]
		if !serves[object.Spec.IngressClassName] {
			continue
		}
		plan.tlses = append(plan.tlses, *object)
		var hosts []string
		for _, host := range object.Spec.Hosts {
			hosts = append(hosts, string(host))
		}
		key := client.ObjectKey{Namespace: object.Spec.Secret.Namespace, Name: object.Spec.Secret.Name}
		plan.want(object, "ApisixTls", key, hosts, "")
	}
	var ingresses networkingv1.IngressList
	if err := c.reader().List(ctx, &ingresses); err != nil {
		return nil, err
	}
	for i := range ingresses.Items {
		if !serves[ptr.Deref(ingresses.Items[i].Spec.IngressClassName, "")] {
			continue
		}
		plan.wantIngress(&ingresses.Items[i])
	}
	gateways, err := c.gateways(ctx)
	for i := range gateways {
		plan.wantGateway(&gateways[i])
	}
	return plan, err
}

// gateways are the Gateways of its class; none where the cluster has no CRD of them.
func (c *Controller2x) gateways(ctx context.Context) ([]gatewayv1.Gateway, error) {
	var list gatewayv1.GatewayList
	if err := c.reader().List(ctx, &list); err != nil {
		if meta.IsNoMatchError(err) || runtime.IsNotRegisteredError(err) {
			return nil, nil
		}
		return nil, err
	}
	var all []gatewayv1.Gateway
	for _, gw := range list.Items {
		class := &gatewayv1.GatewayClass{}
		if err := c.reader().Get(ctx, client.ObjectKey{Name: string(gw.Spec.GatewayClassName)}, class); err != nil {
			if apierrors.IsNotFound(err) {
				continue
			}
			return nil, err
		}
		if class.Spec.ControllerName == ControllerName {
			all = append(all, gw)
		}
	}
	return all, nil
}

func (p *Plan) wantGateway(gw *gatewayv1.Gateway) {
	for _, l := range gw.Spec.Listeners {
		if l.TLS == nil || ptr.Deref(l.TLS.Mode, gatewayv1.TLSModeTerminate) != gatewayv1.TLSModeTerminate {
			continue
		}
		for index, ref := range l.TLS.CertificateRefs {
			key := client.ObjectKey{Namespace: string(ptr.Deref(ref.Namespace, gatewayv1.Namespace(gw.Namespace))), Name: string(ref.Name)}
			hosts := []string{string(ptr.Deref(l.Hostname, ""))}
			if hosts[0] == "" {
				hosts = p.namesIn(key)
			}
			p.want(gw, "Gateway", key, hosts, fmt.Sprintf("_%s_%d", l.Name, index))
		}
	}
}

// namesIn are the names in the certificate of a Secret.
func (p *Plan) namesIn(key client.ObjectKey) []string {
	secret := p.secrets[key]
	if secret == nil {
		return nil
	}
	pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil
	}
	return pair.Leaf.DNSNames
}

// classes are the names of the IngressClasses that the controller serves; the empty one, where one of them is the default.
func (c *Controller2x) classes(ctx context.Context) (map[string]bool, error) {
	var list networkingv1.IngressClassList
	if err := c.reader().List(ctx, &list); err != nil {
		return nil, err
	}
	serves := map[string]bool{}
	for _, class := range list.Items {
		if class.Spec.Controller == ControllerName {
			serves[class.Name] = true
			serves[""] = serves[""] || class.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true"
		}
	}
	return serves, nil
}

func (p *Plan) wantIngress(ingress *networkingv1.Ingress) {
	whole := &Plan{wanted: map[string]apisix.SSL{}, secrets: p.secrets}
	for index, entry := range ingress.Spec.TLS {
		key := client.ObjectKey{Namespace: ingress.Namespace, Name: entry.SecretName}
		if !whole.want(ingress, "Ingress", key, entry.Hosts, fmt.Sprintf("_%d", index)) {
			p.held = append(p.held, ingress.Namespace+"/"+ingress.Name)
			return
		}
	}
	maps.Copy(p.wanted, whole.wanted)
	p.bad = append(p.bad, whole.bad...)
}

// want adds the ssl object of a Secret to the plan, and tells whether the Secret is there.
func (p *Plan) want(object client.Object, kind string, key client.ObjectKey, hosts []string, suffix string) bool {
	secret := p.secrets[key]
	if secret == nil {
		return false
	}
	cert, private := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	if _, err := tls.X509KeyPair(cert, private); err != nil {
		p.bad = append(p.bad, kind+" "+object.GetNamespace()+"/"+object.GetName())
		return true
	}
	name := kind + "_" + object.GetNamespace() + "_" + object.GetName() + suffix
	id := fmt.Sprintf("%x", crc32.ChecksumIEEE([]byte(name)))
	p.wanted[id] = apisix.SSL{
		ID: id, SNIs: hosts, Cert: string(cert), Key: string(private),
		Labels: map[string]string{
			"manager-by": "apisix-ingress-controller", "k8s/controller-name": ControllerName,
			"k8s/kind": kind, "k8s/namespace": object.GetNamespace(), "k8s/name": object.GetName(),
		},
	}
	return true
}

// Write is the second half of a sync.
func (c *Controller2x) Write(ctx context.Context, plan *Plan) error {
	c.mu.Lock()
	c.held = plan.held
	c.mu.Unlock()
	err := c.write(ctx, plan)
	return errors.Join(err, c.report(ctx, plan, err))
}

func (c *Controller2x) write(ctx context.Context, plan *Plan) error {
	if len(plan.bad) > 0 {
		return fmt.Errorf("%w: the Secret of %s holds no pair", ErrBlocked, plan.bad[0])
	}
	if c.Configs != nil {
		var all []apisix.SSL
		for _, id := range slices.Sorted(maps.Keys(plan.wanted)) {
			all = append(all, plan.wanted[id])
		}
		return c.Configs(ctx, all)
	}
	have, err := c.Admin.ListSSLs(ctx)
	if err != nil {
		return err
	}
	for _, ssl := range have {
		if len(ssl.Certs)+len(ssl.Keys) > 0 {
			return fmt.Errorf("%w: ssl object %s has certs or keys", ErrBlocked, ssl.ID)
		}
	}
	there := map[string]apisix.SSL{}
	for _, ssl := range have {
		there[ssl.ID] = ssl
		if _, wanted := plan.wanted[ssl.ID]; !wanted {
			if err := c.Admin.DeleteSSL(ctx, ssl.ID); err != nil && !apisix.IsNotFound(err) {
				return err
			}
			c.count(0, 1)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(plan.wanted)) {
		if same(there[id], plan.wanted[id]) {
			continue
		}
		if _, err := c.Admin.PutSSL(ctx, plan.wanted[id]); err != nil {
			return err
		}
		c.count(1, 0)
	}
	return nil
}

func (c *Controller2x) count(puts, deletes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.puts, c.deletes = c.puts+puts, c.deletes+deletes
}

// same compares what can be read: APISIX does not show keys.
func same(have, want apisix.SSL) bool {
	return bytes.Equal([]byte(have.Cert), []byte(want.Cert)) && slices.Equal(have.SNIs, want.SNIs) && maps.Equal(have.Labels, want.Labels)
}

// report replaces the conditions of each ApisixTls.
func (c *Controller2x) report(ctx context.Context, plan *Plan, failure error) error {
	condition := metav1.Condition{Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted", Message: "The object is accepted."}
	if failure != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, "SyncFailed", "the sync failed"
	}
	for i := range plan.tlses {
		before := &plan.tlses[i]
		if old := before.Status.Conditions; len(old) == 1 && old[0].Reason == condition.Reason {
			continue
		}
		after := before.DeepCopy()
		condition.LastTransitionTime, condition.ObservedGeneration = metav1.Now(), before.Generation
		after.Status.Conditions = []metav1.Condition{condition}
		err := c.Kube.Status().Patch(ctx, after, client.MergeFrom(before))
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}
