// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// seen is what was observed of a certificate.
type seen struct {
	serial, served     string
	notAfter           time.Time
	issuedAt, servedAt time.Time
}

// follow watches a certificate until a serial other than old is in its Secret, served for host and Ready. It prints each step,
// with the time since began unless that is zero.
func (s *show) follow(ctx context.Context, name, host, old string, began time.Time) (seen, error) {
	var now seen
	since := func() string {
		if began.IsZero() {
			return ""
		}
		return fmt.Sprintf(" (after %d ms)", time.Since(began).Milliseconds())
	}
	err := s.until(ctx, 90*time.Second, func(ctx context.Context) (bool, string, error) {
		cert, leaf, err := s.read(ctx, name)
		if err != nil {
			return false, "", err
		}
		if now.serial == "" && leaf.serial != "" && leaf.serial != old {
			now = leaf
			now.issuedAt = time.Now()
			s.say("issued: Secret %s has serial %s, expires %s%s", cert.Spec.SecretName, now.serial, now.notAfter.Format(time.DateTime), since())
		}
		if now.serial != "" && now.servedAt.IsZero() {
			if now.served = s.served(ctx, host); now.served == now.serial {
				now.servedAt = time.Now()
				s.say("served: the gateway serves serial %s for %s%s", now.served, host, since())
			}
		}
		ready := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil {
			return false, "the ApisixCertificate has no Ready condition", nil
		}
		return !now.servedAt.IsZero() && ready.Status == "True" && cert.Status.Issued.SerialNumber == now.serial, ready.Message, nil
	})
	if err != nil {
		return now, fmt.Errorf("ApisixCertificate %s: %w", name, err)
	}
	s.say("Ready and verified by the controller: kubectl get acert %s%s", name, since())
	return now, nil
}

// read returns a certificate and the leaf in its Secret. What does not exist yet is empty.
func (s *show) read(ctx context.Context, name string) (*v1alpha1.ApisixCertificate, seen, error) {
	cert, secret := &v1alpha1.ApisixCertificate{}, &corev1.Secret{}
	if err := s.cluster.Client.Get(ctx, client.ObjectKey{Namespace: "default", Name: name}, cert); err != nil {
		return cert, seen{}, client.IgnoreNotFound(err)
	}
	if err := s.cluster.Client.Get(ctx, client.ObjectKey{Namespace: "default", Name: cert.Spec.SecretName}, secret); err != nil {
		return cert, seen{}, client.IgnoreNotFound(err)
	}
	bundle, err := certs.ParseBundle(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey], nil)
	if damaged := err != nil; damaged {
		return cert, seen{}, nil
	}
	return cert, seen{serial: certs.Serial(bundle.Leaf), notAfter: bundle.Leaf.NotAfter}, nil
}

// served returns the serial that the gateway serves for host, or "". It performs a handshake, and does not use the status that
// the controller writes.
func (s *show) served(ctx context.Context, host string) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	// Nothing is verified here: the serial is compared with the one in the Secret.
	dialer := tls.Dialer{Config: &tls.Config{ServerName: host, InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", s.cluster.Gateway.TLSAddr)
	if err != nil {
		return ""
	}
	defer conn.Close()
	return certs.Serial(conn.(*tls.Conn).ConnectionState().PeerCertificates[0])
}

// until polls every few milliseconds. After the time-out, its error has the last message of done.
func (s *show) until(ctx context.Context, most time.Duration, done func(context.Context) (bool, string, error)) error {
	var obstacle string
	err := wait.PollUntilContextTimeout(ctx, 5*time.Millisecond, most, true, func(ctx context.Context) (bool, error) {
		ok, message, err := done(ctx)
		if message != "" {
			obstacle = message
		}
		return ok, err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("not done within %s: %s", most, obstacle)
	}
	return err
}
