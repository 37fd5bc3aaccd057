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
	return newDecide(v1alpha1.Approved, "approve", "Approve certificates that wait for approval",
		"Approve certificates that wait for approval, because a CertificatePolicy has approval: Manual. You approve exactly what\n"+
			"the command prints: names, subject, issuer, duration, usages, key, ingress class and key storage. If one of these\n"+
			"changes, a new approval is required. Renewals do not need one.")
}

func newDeny() *cobra.Command {
	return newDecide(v1alpha1.Denied, "deny", "Deny certificates that wait for approval",
		"Deny certificates that wait for approval, because a CertificatePolicy has approval: Manual. A certificate that was\n"+
			"issued before is still served until it expires.")
}

func newDecide(decision v1alpha1.ApprovalDecision, verb, short, long string) *cobra.Command {
	d := &decideCommand{decision: decision}
	c := &cobra.Command{
		Use: verb + " NAME...", Short: short,
		Long:    long + "\nThe command requires the verb approve on the CertificatePolicy.",
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
	c.Flags().StringVarP(&d.message, "message", "m", "", "reason for the decision, recorded in the certificate's status")
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

// decide writes the decision. It fails if the certificate has changed since it was read.
func (d *decideCommand) decide(ctx context.Context, cert *v1alpha1.ApisixCertificate, by string) error {
	approval, err := approvalFor(cert)
	if err != nil {
		return err
	}
	approval.Decision, approval.By, approval.Message = d.decision, by, d.message
	before := cert.DeepCopy()
	cert.Status.Approval = approval
	if err := d.access.Status().Patch(ctx, cert, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return d.access.explainError(err)
	}
	if stored := cert.Status.Approval; stored == nil || stored.Digest != approval.Digest || stored.Decision != approval.Decision {
		return fmt.Errorf("the CRD in the cluster is from an older version of apisix-certs and drops the approval: %s", fixCRDs)
	}
	_, err = fmt.Fprintf(d.out, "ApisixCertificate %s/%s %s: %s\n", cert.Namespace, cert.Name, strings.ToLower(string(d.decision)), terminal.Escape(policy.Summary(cert)))
	return err
}

// approvalFor returns an Approval without a decision, for the pending request of the certificate or in place of the decision
// that it has.
func approvalFor(cert *v1alpha1.ApisixCertificate) (*v1alpha1.Approval, error) {
	name := "ApisixCertificate " + cert.Namespace + "/" + cert.Name
	approval := &v1alpha1.Approval{}
	switch request, previous := cert.Status.ApprovalRequest, cert.Status.Approval; {
	case request != nil:
		approval.Policy, approval.Digest = request.Policy, request.Digest
	case previous != nil:
		approval.Policy, approval.Digest = previous.Policy, previous.Digest
	default:
		return nil, fmt.Errorf("%s is not waiting for approval (see apisix-certs status %s -n %s)", name, cert.Name, cert.Namespace)
	}
	if approval.Digest != policy.Digest(cert) {
		return nil, fmt.Errorf("%s has changed, and the controller has not processed the change yet: retry in a moment", name)
	}
	return approval, nil
}
