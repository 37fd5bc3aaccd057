// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/terminal"
)

// renewCommand is one run of renew.
type renewCommand struct {
	kube      kubeFlags
	selector  string
	all, wait bool
	timeout   time.Duration
	format    *choice
	out       io.Writer
	waiting   *progress
	access    *access
}

func newRenew() *cobra.Command {
	r := &renewCommand{}
	c := &cobra.Command{
		Use:   "renew [NAME...]",
		Short: "Renew certificates now",
		Long: "Renew certificates now. The command sets the annotation apisix-certs.io/renew-at, and the controller renews the\n" +
			"certificates. With --wait, it returns when the new certificates are issued and served.",
		Example: "  apisix-certs renew shop-tls --wait\n  apisix-certs renew -A -l team=web\n  apisix-certs renew --all -n shop",
		RunE: func(c *cobra.Command, names []string) error {
			r.out = c.OutOrStdout()
			return r.run(c, names)
		},
		ValidArgsFunction: r.kube.completeAll(certificateNames),
	}
	r.kube.add(c)
	c.Flags().StringVarP(&r.selector, "selector", "l", "", "renew certificates with these labels, such as team=web")
	c.Flags().BoolVar(&r.all, "all", false, "renew all certificates of the namespace, or with -A of the cluster")
	c.Flags().BoolVar(&r.wait, "wait", false, "wait until the new certificates are issued and served")
	c.Flags().DurationVar(&r.timeout, "timeout", 2*time.Minute, "how long to wait with --wait")
	r.format = addOutput(c, "table", "json", "yaml")
	return c
}

// renewal is a certificate whose renewal was requested. Its JSON format is stable.
type renewal struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Before    string `json:"serialBefore,omitempty"`
	Serial    string `json:"serial,omitempty"` // the new one, with --wait
	Served    string `json:"served,omitempty"` // of the new one: True, or Unknown if it cannot be verified
	// Problem says why the renewal was not complete at the time-out. Empty if it was.
	Problem string `json:"problem,omitempty"`
}

func (r *renewCommand) run(c *cobra.Command, names []string) (err error) {
	if chosen := len(names) > 0; chosen == (r.all || r.selector != "") || r.all && r.selector != "" {
		return errors.New("set exactly one of NAME, --selector and --all")
	}
	r.waiting = startProgress(c.ErrOrStderr(), "connecting to the API server")
	defer r.waiting.stop()
	if r.access, err = r.kube.connect(); err != nil {
		return err
	}
	chosen, err := r.choose(c.Context(), names)
	if err != nil {
		return err
	}
	var renewals []renewal
	for i := range chosen {
		if err := r.requestRenewal(c.Context(), &chosen[i]); err != nil {
			return err
		}
		renewals = append(renewals, renewal{Namespace: chosen[i].Namespace, Name: chosen[i].Name, Before: chosen[i].Status.Issued.SerialNumber})
	}
	if r.wait {
		if err := r.waitForRenewals(c.Context(), renewals); err != nil {
			return err
		}
	}
	r.waiting.stop()
	return r.report(renewals)
}

func (r *renewCommand) choose(ctx context.Context, names []string) ([]v1alpha1.ApisixCertificate, error) {
	if len(names) == 0 {
		list, err := r.access.certificates(ctx, "", r.selector)
		if err == nil && len(list.Items) == 0 {
			return nil, errors.New("no ApisixCertificates found" + inNamespace(r.access.namespace))
		}
		if err != nil {
			return nil, err
		}
		return list.Items, nil
	}
	var chosen []v1alpha1.ApisixCertificate
	for _, name := range names {
		list, err := r.access.certificates(ctx, name, "")
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, list.Items...)
	}
	return chosen, nil
}

// requestRenewal sets the annotation.
func (r *renewCommand) requestRenewal(ctx context.Context, cert *v1alpha1.ApisixCertificate) error {
	if cert.Spec.Provided {
		return fmt.Errorf("ApisixCertificate %s/%s cannot be renewed: it is provided (spec.provided), so renew the certificate in its Secret", cert.Namespace, cert.Name)
	}
	before := cert.DeepCopy()
	if cert.Annotations == nil {
		cert.Annotations = map[string]string{}
	}
	cert.Annotations[v1alpha1.AnnotationRenewAt] = renewAt(cert, time.Now()).Format(time.RFC3339)
	r.waiting.setStep("renewing ApisixCertificate %s/%s", cert.Namespace, cert.Name)
	return r.access.explainError(r.access.Patch(ctx, cert, client.MergeFrom(before)))
}

// renewAt returns a value for the annotation that the controller accepts as a new request: in whole seconds, and later than
// the current certificate and annotation even if the clock of this machine is behind.
func renewAt(cert *v1alpha1.ApisixCertificate, now time.Time) time.Time {
	at := now.UTC().Truncate(time.Second).Add(time.Second)
	if since := cert.Status.Issued.NotBefore; since != nil && !at.After(since.Time) {
		at = since.UTC().Add(time.Second)
	}
	if at.Format(time.RFC3339) == cert.Annotations[v1alpha1.AnnotationRenewAt] {
		at = at.Add(time.Second)
	}
	return at
}

const renewPoll = 200 * time.Millisecond

// waitForRenewals waits until all certificates are renewed and served, or until the time-out.
func (r *renewCommand) waitForRenewals(ctx context.Context, renewals []renewal) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	for i := range renewals {
		one := &renewals[i]
		err := wait.PollUntilContextCancel(ctx, renewPoll, true, func(context.Context) (bool, error) {
			cert, err := r.access.certificate(context.WithoutCancel(ctx), client.ObjectKey{Namespace: one.Namespace, Name: one.Name})
			if err != nil {
				return false, err
			}
			return one.update(statusOf(cert, time.Now()), r.waiting), nil
		})
		switch {
		case errors.Is(err, context.Canceled):
			return r.access.explainError(err)
		case errors.Is(err, context.DeadlineExceeded):
			one.Problem = fmt.Sprintf("not renewed and served within %s: %s", r.timeout, one.Problem)
		case err != nil:
			return err
		}
	}
	return nil
}

// update updates the renewal from the status, and reports whether the new certificate is issued and served.
func (one *renewal) update(now certificateStatus, waiting *progress) bool {
	if now.Serial != "" && now.Serial != one.Before {
		one.Serial, one.Served = now.Serial, now.Served
	}
	if one.Serial != "" && now.Ready == "True" {
		one.Problem = ""
		return true
	}
	one.Problem = strings.TrimPrefix(now.Reason+": "+now.Message, ": ")
	if one.Serial == "" && now.Ready == "True" {
		one.Problem = "the controller has not renewed it yet (run apisix-certs check to see if it is running)"
	}
	waiting.setStep("waiting for ApisixCertificate %s/%s: %s", one.Namespace, one.Name, one.Problem)
	return false
}

func (r *renewCommand) report(renewals []renewal) error {
	failed := 0
	for _, one := range renewals {
		if one.Problem != "" {
			failed++
		}
	}
	if r.format.value != "table" {
		if err := encode(r.out, r.format.value, map[string]any{"renewals": renewals}); err != nil {
			return err
		}
	} else {
		for _, one := range renewals {
			fmt.Fprintln(r.out, terminal.Escape(one.line(r.wait)))
		}
	}
	if failed > 0 {
		return &problemsError{fmt.Sprintf("%d of %d certificates were not renewed", failed, len(renewals))}
	}
	return nil
}

func (one renewal) line(waited bool) string {
	name := "ApisixCertificate " + one.Namespace + "/" + one.Name
	switch {
	case one.Problem != "":
		return name + ": " + one.Problem
	case !waited:
		return name + ": renewal requested"
	case one.Served == "True":
		return name + ": renewed and served, serial " + one.Serial
	}
	return name + ": renewed, serial " + one.Serial + " (not verified: the TLS address of the gateway is unknown)"
}
