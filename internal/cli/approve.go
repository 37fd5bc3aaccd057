// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/policy"
	"apisix-certs.io/apisix-certs/internal/terminal"
)

// decideCommand is one call of approve or deny.
type decideCommand struct {
	kube     kubeFlags
	decision v1alpha1.ApprovalDecision
	message  string
	out      io.Writer
	access   *access
}

func newApprove() *cobra.Command {
	return newDecide(v1alpha1.Approved, "approve", "Approve certificates that a CertificatePolicy wants approved",
		"Approve certificates that a CertificatePolicy with approval Manual wants approved. An approval is for what the\n"+
			"command prints: names, subject, issuer, duration, usages and key, ingress class and key storage. When one of these changes,\n"+
			"another approval is needed, and none for renewals.")
}

func newDeny() *cobra.Command {
	return newDecide(v1alpha1.Denied, "deny", "Deny certificates that a CertificatePolicy wants approved",
		"Deny certificates that a CertificatePolicy with approval Manual wants approved. What is served stays until it\n"+
			"expires.")
}

func newDecide(decision v1alpha1.ApprovalDecision, verb, short, long string) *cobra.Command {
	d := &decideCommand{decision: decision}
	c := &cobra.Command{
		Use: verb + " NAME...", Short: short,
		Long:    long + "\nIt takes the verb approve on the CertificatePolicy.",
		Example: "  apisix-certs " + verb + " shop-tls -n shop",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, names []string) (err error) {
			d.out = c.OutOrStdout()
			if d.access, err = d.kube.connect(); err != nil {
				return err
			}
			return d.run(c.Context(), names)
		},
		ValidArgsFunction: d.kube.completeAll(decidable),
	}
	d.kube.add(c)
	c.Flags().StringVarP(&d.message, "message", "m", "", "what to say about it, for whoever reads the certificate's status")
	return c
}

func (d *decideCommand) run(ctx context.Context, names []string) error {
	me := &authenticationv1.SelfSubjectReview{}
	if err := d.access.Create(ctx, me); err != nil {
		return d.access.explainError(err)
	}
	for _, name := range names {
		list, err := d.access.certificates(ctx, name, "")
		if err != nil {
			return err
		}
		for i := range list.Items {
			if err := d.decide(ctx, &list.Items[i], me.Status.UserInfo.Username); err != nil {
				return err
			}
		}
	}
	return nil
}

// decide writes the answer, provided that the certificate is still the one that was read.
func (d *decideCommand) decide(ctx context.Context, cert *v1alpha1.ApisixCertificate, by string) error {
	answer, err := approvalFor(cert)
	if err != nil {
		return err
	}
	answer.Decision, answer.By, answer.Message = d.decision, by, d.message
	before := cert.DeepCopy()
	cert.Status.Approval = answer
	if err := d.access.Status().Patch(ctx, cert, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return d.access.explainError(err)
	}
	if kept := cert.Status.Approval; kept == nil || kept.Digest != answer.Digest || kept.Decision != answer.Decision {
		return fmt.Errorf("the CRD in the cluster is older than this program and drops the approval: %s", fixCRDs)
	}
	_, err = fmt.Fprintf(d.out, "ApisixCertificate %s/%s %s: %s\n", cert.Namespace, cert.Name, strings.ToLower(string(d.decision)), terminal.Escape(policy.Summary(cert)))
	return err
}

// approvalFor is an answer, still without a decision, to what the certificate waits for, or another answer than the one it has.
func approvalFor(cert *v1alpha1.ApisixCertificate) (*v1alpha1.Approval, error) {
	name := "ApisixCertificate " + cert.Namespace + "/" + cert.Name
	answer := &v1alpha1.Approval{}
	switch request, before := cert.Status.ApprovalRequest, cert.Status.Approval; {
	case request != nil:
		answer.Policy, answer.Digest = request.Policy, request.Digest
	case before != nil:
		answer.Policy, answer.Digest = before.Policy, before.Digest
	default:
		return nil, fmt.Errorf("%s does not wait to be approved: see apisix-certs status %s -n %s", name, cert.Name, cert.Namespace)
	}
	if answer.Digest != policy.Digest(cert) {
		return nil, fmt.Errorf("%s has changed and the controller has not looked at it since: try again in a moment", name)
	}
	return answer, nil
}
