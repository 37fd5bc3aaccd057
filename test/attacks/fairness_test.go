// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// These tests measure what one tenant can do to the pace of others. They run before the rows, each with a controller of its
// own, and are not counted as attacks.

// most is how long a renewal may be delayed. Beside the tests of other packages the machine itself is slower than that.
func most() time.Duration {
	if os.Getenv("APISIX_CERTS_MEASURES") == "long" {
		return time.Second
	}
	return 5 * time.Second
}

// TestFairness: renewals of one namespace are not delayed by another's issuer that never answers, nor by one that is slow.
func TestFairness(t *testing.T) {
	t.Run("an issuer that never answers", func(t *testing.T) {
		t.Parallel()
		hangingIssuer(t)
	})
	t.Run("a slow issuer", func(t *testing.T) {
		t.Parallel()
		slowIssuer(t)
	})
	// One after the other, as each needs the machine for itself.
	t.Run("a gateway that never answers", hangingGateway)
	t.Run("a flood of first issuances", flood)
}

func hangingIssuer(t *testing.T) {
	const certificates = 150
	s := newOutpost(t, "--push-mode", "own").scene(t)
	p := s.newPace(40, 8)
	s.makes(s.evil, s.evil.opaque("vault-token", map[string]string{"token": "x"}), s.issuer(s.evil, "tar", tarPit(t)))
	s.floods(certificates, func(i int) client.Object {
		return edited(s.evil.cert(fmt.Sprintf("n%d", i), fmt.Sprintf("n%d.%s", i, s.evil.domain)), byIssuer("tar"))
	})
	p99, expired := p.measure(5*time.Second, 20*time.Second)
	fmt.Printf("measure: hanging_issuer certificates=%d renewals_delayed_ms_p99=%d expired=%d\n", certificates, p99.Milliseconds(), expired)
	if p99 > most() || expired > 0 {
		t.Errorf("beside an issuer that never answers renewals of another namespace take %s, and %d certificates expired", p99, expired)
	}
}

func slowIssuer(t *testing.T) {
	const perSecond, waiting = 1, 1000
	s := newOutpost(t, "--push-mode", "own").scene(t)
	p := s.newPace(40, 8)
	slow := s.issuer(s.evil, "slow", s.vault.URL)
	slow.Spec.Limits = &v1alpha1.VaultLimits{PerSecond: perSecond}
	s.makes(s.evil, s.evil.opaque("vault-token", map[string]string{"token": s.token}), slow)
	s.floods(waiting, func(i int) client.Object {
		return edited(s.evil.cert(fmt.Sprintf("n%d", i), fmt.Sprintf("n%d.%s", i, s.evil.domain)), byIssuer("slow"))
	})
	p99, expired := p.measure(2*time.Second, 20*time.Second)
	fmt.Printf("measure: slow_issuer per_second=%d waiting=%d renewals_delayed_ms_p99=%d\n", perSecond, waiting, p99.Milliseconds())
	if p99 > most() || expired > 0 {
		t.Errorf("beside an issuer of one signature a second renewals of another namespace take %s, and %d certificates expired", p99, expired)
	}
}

// hangingGateway: the Admin API of the tenant's class accepts connections and never answers.
func hangingGateway(t *testing.T) {
	const certificates = 150
	s := newOutpost(t, "--push-mode", "own").scene(t)
	p := s.newPace(40, 8)
	s.must(s.Apply(s.Context(), "GatewayProxy", []byte(cluster.GatewayProxyCRD)))
	s.must(s.Apply(s.Context(), "tar", []byte(strings.NewReplacer("$name", "tar-"+s.id, "$ns", s.evil.ns).Replace(`
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: $name}
spec:
  controller: example.com/nobody
  parameters: {apiGroup: apisix.apache.org, kind: GatewayProxy, scope: Namespace, namespace: $ns, name: tar}
`))))
	s.until("a GatewayProxy", func() string {
		err := s.Apply(s.Context(), "tar", []byte(strings.NewReplacer("$ns", s.evil.ns, "$url", tarPit(t)).Replace(`
apiVersion: apisix.apache.org/v1alpha1
kind: GatewayProxy
metadata: {namespace: $ns, name: tar}
spec:
  provider:
    type: ControlPlane
    controlPlane:
      endpoints: [$url]
      auth: {type: AdminKey, adminKey: {value: x}}
`)))
		return unless(err == nil, fmt.Sprint(err))
	})
	s.floods(certificates, func(i int) client.Object {
		return edited(s.evil.cert(fmt.Sprintf("n%d", i), fmt.Sprintf("n%d.%s", i, s.evil.domain)), ofClass("tar-"+s.id))
	})
	p99, expired := p.measure(5*time.Second, 20*time.Second)
	fmt.Printf("measure: hanging_gateway certificates=%d renewals_delayed_ms_p99=%d expired=%d\n", certificates, p99.Milliseconds(), expired)
	if p99 > most() || expired > 0 {
		t.Errorf("beside a gateway that never answers renewals of another namespace take %s, and %d certificates expired", p99, expired)
	}
	if reason := s.reason(s.evil, "n0", v1alpha1.ConditionPushed); !strings.Contains(reason, v1alpha1.ReasonGatewayUnreachable) {
		t.Errorf("the tenant's own certificate says %s", reason)
	}
}

// flood: a thousand certificates of one namespace are issued for the first time.
func flood(t *testing.T) {
	const certificates = 1000
	s := newOutpost(t, "--push-mode", "own").scene(t)
	p := s.newPace(40, 0)
	began := make(chan int)
	go func() {
		began <- s.floods(certificates, func(i int) client.Object {
			return s.evil.cert(fmt.Sprintf("n%d", i), fmt.Sprintf("n%d.%s", i, s.evil.domain))
		})
	}()
	p99, _ := p.measure(time.Second, 10*time.Second)
	fmt.Printf("measure: flood namespace_certificates=%d other_renewal_delay_ms=%d\n", certificates, p99.Milliseconds())
	if p99 > most() {
		t.Errorf("beside first issuances of another namespace renewals take %s", p99)
	}
	<-began
}

// TestClaims: many certificates that name the same hosts cost little, and delay nobody who has one of them.
func TestClaims(t *testing.T) {
	const objects, hosts = 60, 1000
	s := newOutpost(t, "--push-mode", "own").scene(t)
	p := s.newPace(10, 0)
	names := []string{"p0." + s.victim.domain}
	for i := range hosts - 1 {
		names = append(names, fmt.Sprintf("h%d.%s", i, s.evil.domain))
	}
	before := s.cpu()
	taken := s.floods(objects, func(i int) client.Object {
		return edited(s.evil.cert(fmt.Sprintf("q%d", i), names...), byIssuer("none"))
	})
	p99, _ := p.measure(2*time.Second, 10*time.Second)
	used := s.cpu() - before
	fmt.Printf("measure: claims objects=%d hosts=%d cpu_ms=%d\n", objects, hosts, used.Milliseconds())
	fmt.Printf("measure: renewal_beside_claims_ms=%d\n", p99.Milliseconds())
	t.Logf("the API server took %d of %d objects", taken, objects)
	// The API server itself takes seconds for so large objects.
	if p99 > 6*most() || used > 10*time.Second {
		t.Errorf("%d objects with the same %d hosts cost %s of CPU, and a renewal beside them takes %s", objects, hosts, used, p99)
	}
}

func byIssuer(name string) func(*v1alpha1.ApisixCertificateSpec) {
	return func(spec *v1alpha1.ApisixCertificateSpec) { spec.IssuerRef = v1alpha1.IssuerReference{Name: name} }
}

// tarPit accepts connections and never answers.
func tarPit(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
	}()
	return "http://" + listener.Addr().String()
}

// floods has the evil tenant make n objects, and returns how many the API server took.
func (s *scene) floods(n int, object func(i int) client.Object) (taken int) {
	s.Helper()
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(16)
	for i := range n {
		group.Go(func() error {
			err := s.evil.Create(s.Context(), object(i))
			if apierrors.IsInvalid(err) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			taken++
			return err
		})
	}
	s.must(group.Wait())
	return taken
}

// cpu is what the controller's process has used.
func (s *scene) cpu() time.Duration {
	s.Helper()
	return time.Duration(s.metric("process_cpu_seconds_total") * float64(time.Second))
}

// metric is the value of a metric of the controller without labels.
func (s *scene) metric(name string) float64 {
	s.Helper()
	answer, err := http.Get(s.controller.MetricsURL + "/metrics")
	s.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	s.must(err)
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		s.Fatal("the controller has no metric " + name)
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	s.must(err)
	return value
}

// pace are certificates of the victim whose renewals are measured.
type pace struct {
	*scene
	asked, short int

	mu      sync.Mutex
	changed map[string]time.Time // by Secret: when a new certificate was in it
	ends    map[string]time.Time // by Secret: its NotAfter
}

const shortLife = 40 * time.Second

// newPace makes certificates that will be renewed when asked, and others that live shortLife. It follows their Secrets.
func (s *scene) newPace(asked, short int) *pace {
	s.Helper()
	p := &pace{scene: s, asked: asked, short: short, changed: map[string]time.Time{}, ends: map[string]time.Time{}}
	p.follow()
	for i := range asked {
		s.makes(s.victim, s.victim.cert(fmt.Sprintf("p%d", i), fmt.Sprintf("p%d.%s", i, s.victim.domain)))
	}
	issuer := s.ownIssuer("ttl", shortLife.String(), "max_ttl", shortLife.String())
	for i := range short {
		s.makes(s.victim, edited(s.victim.cert(fmt.Sprintf("s%d", i), fmt.Sprintf("s%d.%s", i, s.victim.domain)), func(spec *v1alpha1.ApisixCertificateSpec) {
			spec.IssuerRef, spec.RenewBefore = issuer, &metav1.Duration{Duration: shortLife / 2}
		}))
	}
	s.until("the victim's certificates", func() string {
		p.mu.Lock()
		defer p.mu.Unlock()
		return unless(len(p.ends) == asked+short, fmt.Sprintf("%d of %d", len(p.ends), asked+short))
	})
	for i := range asked {
		s.ready(s.victim, fmt.Sprintf("p%d", i))
	}
	return p
}

// follow watches the victim's Secrets until the test ends.
func (p *pace) follow() {
	p.Helper()
	watcher, err := client.NewWithWatch(p.Kube.Config, client.Options{Scheme: controllers.Scheme()})
	p.must(err)
	changes, err := watcher.Watch(p.Context(), &corev1.SecretList{}, client.InNamespace(p.victim.ns))
	p.must(err)
	go func() {
		for change := range changes.ResultChan() {
			secret, _ := change.Object.(*corev1.Secret)
			leaf := leafOf(secret)
			if leaf == nil {
				continue
			}
			p.mu.Lock()
			if !p.ends[secret.Name].Equal(leaf.NotAfter) {
				p.ends[secret.Name], p.changed[secret.Name] = leaf.NotAfter, time.Now()
			}
			p.mu.Unlock()
		}
	}()
}

// measure waits a moment and then asks for one renewal after another. It returns the slowest but one percent, and how many
// certificates have expired meanwhile. A renewal that never comes counts with the time that was waited for it.
func (p *pace) measure(pause, over time.Duration) (p99 time.Duration, expired int) {
	p.Helper()
	began := time.Now()
	time.Sleep(pause)
	asked := map[string]time.Time{}
	for i := range p.asked {
		name := fmt.Sprintf("p%d", i)
		cert := named(p.victim, &v1alpha1.ApisixCertificate{}, name)
		asked[name+"-tls"] = time.Now()
		p.must(p.Client.Patch(p.Context(), cert, client.RawPatch("application/merge-patch+json",
			fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationRenewAt, time.Now().UTC().Format(time.RFC3339)))))
		time.Sleep(over / time.Duration(p.asked))
	}
	late := map[string]bool{}
	deadline := time.Now().Add(15 * time.Second)
	for p.short > 0 && time.Since(began) < shortLife+5*time.Second || p.pending(asked) > 0 && time.Now().Before(deadline) {
		p.noteExpired(late)
		time.Sleep(50 * time.Millisecond)
	}
	p.noteExpired(late)
	return p.slowest(asked), len(late)
}

// since is how long a renewal took, or has been waited for.
func (p *pace) since(secret string, asked time.Time) (took time.Duration, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.changed[secret]; at.After(asked) {
		return at.Sub(asked), true
	}
	return time.Since(asked), false
}

func (p *pace) pending(asked map[string]time.Time) (n int) {
	for secret, at := range asked {
		if _, done := p.since(secret, at); !done {
			n++
		}
	}
	return n
}

func (p *pace) slowest(asked map[string]time.Time) time.Duration {
	var all []time.Duration
	for secret, at := range asked {
		took, done := p.since(secret, at)
		if all = append(all, took); !done {
			p.Logf("%s was not renewed: %s", secret, p.reason(p.victim, strings.TrimSuffix(secret, "-tls"), v1alpha1.ConditionIssued))
		}
	}
	slices.Sort(all)
	return all[(len(all)*99+99)/100-1]
}

func (p *pace) noteExpired(late map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for secret, end := range p.ends {
		if time.Now().After(end) {
			late[secret] = true
		}
	}
}
