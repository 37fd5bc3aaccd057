// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// issuer applies the issuer and waits until it is ready.
func (s *show) issuer(ctx context.Context) error {
	if err := s.apply(ctx, "issuer.yaml"); err != nil {
		return err
	}
	issuer := &v1alpha1.VaultIssuer{}
	err := s.until(ctx, 30*time.Second, func(ctx context.Context) (bool, string, error) {
		err := s.cluster.Client.Get(ctx, client.ObjectKey{Namespace: "default", Name: "vault-issuer"}, issuer)
		ready := meta.FindStatusCondition(issuer.Status.Conditions, v1alpha1.ConditionReady)
		if err != nil || ready == nil {
			return false, "the VaultIssuer has no Ready condition", err
		}
		return ready.Status == "True", ready.Message, nil
	})
	if err != nil {
		return err
	}
	s.say("VaultIssuer vault-issuer is Ready: it logged in to Vault with the token of ServiceAccount issuer")
	return nil
}

// firstCertificate applies certificate, ApisixTls, ApisixRoute and backend.
func (s *show) firstCertificate(ctx context.Context) (err error) {
	for _, file := range []string{"httpbin.yaml", "apisix.yaml"} {
		if err := s.apply(ctx, file); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := s.apply(ctx, "certificate.yaml"); err != nil {
		return err
	}
	s.first, err = s.follow(ctx, "moelove-info", "moelove.info", "", began)
	return err
}

// shortLived applies an annotated ApisixTls whose certificate expires soon.
func (s *show) shortLived(ctx context.Context) (err error) {
	began := time.Now()
	if err := s.apply(ctx, "short.yaml"); err != nil {
		return err
	}
	if s.short, err = s.follow(ctx, "short-tls", "short.moelove.info", "", began); err != nil {
		return err
	}
	s.say("it expires at %s: waiting for the controller to renew it ...", s.short.notAfter.Format(time.TimeOnly))
	return nil
}

// renewal waits until the short-lived certificate is renewed, and measures the time from the new certificate in the Secret to
// the first handshake with it.
func (s *show) renewal(ctx context.Context) (err error) {
	if s.renewed, err = s.follow(ctx, "short-tls", "short.moelove.info", s.short.serial, time.Time{}); err != nil {
		return err
	}
	if s.lag = s.renewed.servedAt.Sub(s.renewed.issuedAt); s.lag < 0 {
		s.lag = 0 // both were seen in the same poll
	}
	s.say("renewed: the gateway serves it %s ms after it was written to the Secret", fmt.Sprint(s.lag.Milliseconds()))
	return nil
}

// repair damages the first certificate's Secret and waits for a new one.
func (s *show) repair(ctx context.Context) error {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: "default", Name: "moelove-info-tls"}
	if err := s.cluster.Client.Get(ctx, key, secret); err != nil {
		return err
	}
	damaged := secret.DeepCopy()
	damaged.Data[corev1.TLSPrivateKeyKey] = []byte("damaged by the demo")
	began := time.Now()
	if err := s.cluster.Client.Patch(ctx, damaged, client.MergeFrom(secret)); err != nil {
		return err
	}
	s.say("damaged Secret moelove-info-tls: its tls.key is invalid now")
	_, err := s.follow(ctx, "moelove-info", "moelove.info", s.first.serial, began)
	return err
}

// apply applies a sample and prints its name.
func (s *show) apply(ctx context.Context, file string) error {
	s.say("apply manifests/samples/%s", file)
	return s.cluster.ApplyFile(ctx, "samples/"+file)
}
