// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

const (
	namespace  = "default" // of the issuer of the walkthrough
	domain     = "moelove.info"
	issuerName = "vault-issuer"

	schemaWrites = "apisix-certs-writes"
	schemaReads  = "apisix-certs-reads"
	schemaLease  = "apisix-certs-lease"
)

func nameOf(i int) string       { return fmt.Sprintf("c%05d", i) }
func secretNameOf(i int) string { return nameOf(i) + "-tls" }
func hostOf(i int) string       { return nameOf(i) + "." + domain }

// makeSchemas lets the API server count the controller's requests by themselves. The priority level is the one that
// ServiceAccounts have anyway.
func (w *world) makeSchemas(ctx context.Context) error {
	everything := func(verbs ...string) flowcontrolv1.ResourcePolicyRule {
		return flowcontrolv1.ResourcePolicyRule{Verbs: verbs, APIGroups: []string{"*"}, Resources: []string{"*"}, Namespaces: []string{"*"}, ClusterScope: true}
	}
	lease := everything("*")
	lease.APIGroups = []string{"coordination.k8s.io"}
	for i, schema := range []struct {
		name string
		rule flowcontrolv1.ResourcePolicyRule
	}{
		{schemaLease, lease},
		{schemaWrites, everything("create", "update", "patch", "delete", "deletecollection")},
		{schemaReads, everything("get", "list", "watch")},
	} {
		object := &flowcontrolv1.FlowSchema{ObjectMeta: metav1.ObjectMeta{Name: schema.name}, Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: "workload-low"},
			MatchingPrecedence:         int32(500 + i),
			DistinguisherMethod:        &flowcontrolv1.FlowDistinguisherMethod{Type: flowcontrolv1.FlowDistinguisherMethodByUserType},
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects: []flowcontrolv1.Subject{{
					Kind: flowcontrolv1.SubjectKindServiceAccount, ServiceAccount: &flowcontrolv1.ServiceAccountSubject{Namespace: "apisix-certs", Name: "apisix-certs"},
				}},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{schema.rule},
			}},
		}}
		if err := w.client.Create(ctx, object); err != nil {
			return fmt.Errorf("flow schema %s: %w", schema.name, err)
		}
	}
	return nil
}

// makeSecrets makes the Secrets that have nothing to do with certificates, of the size of a small Helm release.
func (w *world) makeSecrets(ctx context.Context) error {
	total := w.n * w.options.secrets
	w.say("making %d unrelated Secrets ...", total)
	if err := w.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "others"}}); err != nil {
		return err
	}
	data := make([]byte, 2048)
	return w.parallel(ctx, "unrelated Secrets", total, w.options.workers, func(ctx context.Context, i int) error {
		return w.client.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "others", Name: fmt.Sprintf("other-%05d", i), Labels: map[string]string{"owner": "helm"}},
			Data:       map[string][]byte{"release": data},
		})
	})
}

// makeIssuer makes the issuer of the walkthrough and waits for its login's token, so that no time of a scenario is spent
// on either.
func (w *world) makeIssuer(ctx context.Context) error {
	if err := w.ApplyFile(ctx, "samples/issuer.yaml"); err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		secret := &corev1.Secret{}
		err := w.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "issuer-token-moelove"}, secret)
		return len(secret.Data["token"]) > 0, err
	})
}

// awaitIssuer waits until the issuer is Ready.
func (w *world) awaitIssuer(ctx context.Context) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		issuer := &v1alpha1.VaultIssuer{}
		err := w.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: issuerName}, issuer)
		return meta.IsStatusConditionTrue(issuer.Status.Conditions, v1alpha1.ConditionReady), err
	})
}

func tlsOf(i int) *configv2.ApisixTls {
	return &configv2.ApisixTls{
		TypeMeta: metav1.TypeMeta{APIVersion: "apisix.apache.org/v2", Kind: "ApisixTls"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: nameOf(i), Annotations: map[string]string{v1alpha1.AnnotationIssuer: issuerName},
		},
		Spec: &configv2.ApisixTlsSpec{
			Hosts: []configv2.HostType{configv2.HostType(hostOf(i))}, Secret: configv2.ApisixSecret{Namespace: namespace, Name: secretNameOf(i)},
		},
	}
}
