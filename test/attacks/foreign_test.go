// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

const unmanagedSecrets = 200

// TestForeignSecrets names 200 Secrets of all types that the controller did not make, a quarter each by ApisixCertificates,
// annotated Ingresses, ApisixTlses and ApisixRoutes, lets it look at them several times and deletes half of what names them.
func TestForeignSecrets(t *testing.T) {
	t.Parallel()
	s := newOutpost(t, "--push-mode", "own").scene(t)
	tn := s.victim
	before := make([]*corev1.Secret, unmanagedSecrets)
	s.forAll(func(i int) error {
		secret := s.unmanagedSecret(i)
		if err := tn.Create(t.Context(), secret); err != nil {
			return fmt.Errorf("Secret of type %s: %w", secret.Type, err)
		}
		return nil
	})
	for i := range before {
		before[i] = s.filled(tn, foreignName(i))
	}
	s.forAll(func(i int) error { return tn.Create(t.Context(), s.names(i)) })
	for i := range before {
		s.settled(tn, foreignName(i))
	}
	for round := range checks {
		time.Sleep(checkEvery)
		s.forAll(func(i int) error { return s.touch(i, round) })
	}
	time.Sleep(checkEvery)
	s.attack(func(s *scene) { s.countUntouched(before) })
	s.attack(func(s *scene) {
		s.forAll(func(i int) error {
			if i%2 == 0 {
				return nil
			}
			return tn.Delete(s.Context(), s.names(i))
		})
		for i := 1; i < unmanagedSecrets; i += 2 {
			s.gone(named(tn, &v1alpha1.ApisixCertificate{}, foreignName(i)))
		}
		s.countUntouched(before)
	})
	s.honest(deletedWithItsOwn)
}

// forAll does something for each Secret, eight at a time.
func (s *scene) forAll(do func(i int) error) {
	s.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for i := range unmanagedSecrets {
		group.Go(func() error { return do(i) })
	}
	s.must(group.Wait())
}

// foreignName is what a Secret is called, and the ApisixCertificate that names it.
func foreignName(i int) string { return fmt.Sprintf("foreign-%03d", i) }

func (s *scene) foreignHost(i int) string { return fmt.Sprintf("f%03d.%s", i, s.victim.domain) }

// names is the object that names a Secret.
func (s *scene) names(i int) client.Object {
	tn, name, host := s.victim, foreignName(i), s.foreignHost(i)
	switch (i + i/len(foreignContents)) % 4 {
	case 0:
		return edited(tn.cert(name, host), intoSecret(name))
	case 1:
		return cluster.NewIngress(tn.ns, name, name, optIn(), host)
	case 2:
		return cluster.NewApisixTLS(tn.ns, name, tn.ns, name, optIn(), host)
	}
	return cluster.NewApisixRoute(tn.ns, name, optIn(v1alpha1.AnnotationSecretName, name), host)
}

// touch has the certificate of a Secret looked at.
func (s *scene) touch(i, round int) error {
	return s.Client.Patch(s.Context(), named(s.victim, &v1alpha1.ApisixCertificate{}, foreignName(i)),
		client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{"example.com/touched":"%d"}}}`, round)))
}

// countUntouched counts the Secrets that are what they were, and fails in one line.
func (s *scene) countUntouched(before []*corev1.Secret) {
	s.Helper()
	untouched, first := 0, ""
	for i, was := range before {
		now := s.readSecret(s.victim, foreignName(i))
		what := ""
		switch {
		case now == nil:
			what = "is gone"
		case now.UID != was.UID:
			what = "was deleted and made again"
		case now.Type != was.Type || !maps.EqualFunc(now.Data, was.Data, bytes.Equal):
			what = "was overwritten"
		case now.ResourceVersion != was.ResourceVersion:
			what = "was written to"
		default:
			untouched++
			continue
		}
		if first == "" {
			first = fmt.Sprintf("%s (%s, %s), named by %T, %s", was.Name, was.Type, foreignContents[i%len(foreignContents)].name, s.names(i), what)
		}
	}
	tally.Lock()
	if tally.foreign == 0 || untouched < tally.untouched {
		tally.foreign, tally.untouched = len(before), untouched
	}
	tally.Unlock()
	if untouched < len(before) {
		s.Errorf("%d of %d Secrets of others were touched, the first: %s", len(before)-untouched, len(before), first)
	}
}

// filled waits until Kubernetes has filled a Secret with a ServiceAccount's token, and returns any as it is then.
func (s *scene) filled(tn *tenant, name string) (secret *corev1.Secret) {
	s.Helper()
	s.until("Secret "+name, func() string {
		secret = s.readSecret(tn, name)
		return unless(secret.Type != corev1.SecretTypeServiceAccountToken || len(secret.Data[corev1.ServiceAccountTokenKey]) > 0, "no token in it")
	})
	return secret
}

// unmanagedSecret is a Secret of others.
func (s *scene) unmanagedSecret(i int) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.victim.ns, Name: foreignName(i)}}
	foreignContents[i%len(foreignContents)].fill(s, secret, s.foreignHost(i))
	return secret
}

// life is a leaf for a host with some life.
func life(host string, from, to time.Duration) *x509.Certificate {
	return &x509.Certificate{DNSNames: []string{host}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to)}
}

// foreignContents are what Secrets of others hold.
var foreignContents = []struct {
	name string
	fill func(s *scene, secret *corev1.Secret, host string)
}{
	{"a pair of another CA for the host", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data = corev1.SecretTypeTLS, bought(s, host)
	}},
	{"a pair of the same CA for the host", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type = corev1.SecretTypeTLS
		secret.Data, _ = s.signs(host)
	}},
	{"a pair for another host", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data = corev1.SecretTypeTLS, bought(s, "other-"+host)
	}},
	{"an expired pair", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data = corev1.SecretTypeTLS, pairOf(s, life(host, -48*time.Hour, -time.Hour))
	}},
	{"a pair that is not valid yet", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data = corev1.SecretTypeTLS, pairOf(s, life(host, time.Hour, 48*time.Hour))
	}},
	{"what cannot be parsed", func(_ *scene, secret *corev1.Secret, _ string) {
		secret.Type, secret.StringData = corev1.SecretTypeTLS, map[string]string{"tls.crt": "no PEM", "tls.key": "no key"}
	}},
	{"nothing in tls.crt and tls.key", func(_ *scene, secret *corev1.Secret, _ string) {
		secret.Type, secret.Data = corev1.SecretTypeTLS, map[string][]byte{"tls.crt": {}, "tls.key": {}}
	}},
	{"a CA with its key", func(s *scene, secret *corev1.Secret, _ string) {
		secret.Type, secret.Data = corev1.SecretTypeTLS, authority(s)
	}},
	{"a certificate with a key that does not fit", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data = corev1.SecretTypeTLS, publicOf(s, bought(s, host)[corev1.TLSCertKey])
	}},
	{"a pair of cert-manager's", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data = corev1.SecretTypeTLS, bought(s, host)
		secret.Labels = map[string]string{"controller.cert-manager.io/fao": "true"}
		secret.Annotations = map[string]string{"cert-manager.io/certificate-name": "shop", "cert-manager.io/issuer-name": "letsencrypt"}
	}},
	{"an immutable pair", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data, secret.Immutable = corev1.SecretTypeTLS, bought(s, host), ptr.To(true)
	}},
	{"an Opaque pair and a password", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data = corev1.SecretTypeOpaque, bought(s, host)
		secret.Data["password"] = []byte("hunter2")
	}},
	{"an Opaque CA", func(s *scene, secret *corev1.Secret, _ string) {
		secret.Type, secret.Data = corev1.SecretTypeOpaque, authority(s)
		secret.Data["ca.key"] = secret.Data[corev1.TLSPrivateKeyKey]
	}},
	{"an Opaque expired pair", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data = corev1.SecretTypeOpaque, pairOf(s, life(host, -48*time.Hour, -time.Hour))
	}},
	{"an Opaque pair under cert and key", func(s *scene, secret *corev1.Secret, host string) {
		pair := bought(s, host)
		secret.Type, secret.Data = corev1.SecretTypeOpaque, map[string][]byte{"cert": pair[corev1.TLSCertKey], "key": pair[corev1.TLSPrivateKeyKey]}
	}},
	{"nothing", func(_ *scene, secret *corev1.Secret, _ string) { secret.Type = corev1.SecretTypeOpaque }},
	{"a user's password", func(_ *scene, secret *corev1.Secret, _ string) {
		secret.Type, secret.StringData = corev1.SecretTypeBasicAuth, map[string]string{"username": "admin", "password": "hunter2"}
	}},
	{"a registry's login", func(_ *scene, secret *corev1.Secret, _ string) {
		secret.Type, secret.StringData = corev1.SecretTypeDockerConfigJson, map[string]string{".dockerconfigjson": `{"auths":{}}`}
	}},
	{"an SSH key beside a pair", func(s *scene, secret *corev1.Secret, host string) {
		secret.Type, secret.Data = corev1.SecretTypeSSHAuth, bought(s, host)
		secret.Data[corev1.SSHAuthPrivateKey] = []byte("an SSH key")
	}},
	{"a ServiceAccount's token", func(_ *scene, secret *corev1.Secret, _ string) {
		secret.Type = corev1.SecretTypeServiceAccountToken
		secret.Annotations = map[string]string{corev1.ServiceAccountNameKey: "dev"}
	}},
}
