// SPDX-License-Identifier: Apache-2.0

// Package failure maps an error to a reason and a message for a condition.
package failure

import (
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/note"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// Of maps an error to the reason and message of a condition. The messages of known errors are stable and contain no secrets.
// For any other error only its kind is given, because its text may differ between attempts.
func Of(err error) *finding.Finding {
	var (
		credentials *issuer.CredentialsError
		answered    *vault.Error
		answer      *certs.ResponseError
		pair        *apisix.PairError
		api         *apisix.APIError
		network     *apisix.NetworkError
		key         *apisix.KeyError
		kubernetes  apierrors.APIStatus
		field       certs.FieldError
		clients     *gateway.ClientError
		found       *finding.Finding
		setup       *gateway.SetupError
		mode        *gateway.ModeError
		busy        *vault.BusyError
		secret      *tlssecret.RefusedError
		turn        *gateway.BusyError
	)
	switch {
	case errors.As(err, &busy) && busy.Cause == nil:
		return &finding.Finding{Reason: v1alpha1.ReasonIssuing, Message: "the issuer's limits are reached"}
	case errors.As(err, &found):
		return found
	case errors.As(err, &turn):
		return &finding.Finding{Reason: v1alpha1.ReasonGatewayUnreachable, Message: turn.Error()}
	case errors.As(err, &secret):
		return &finding.Finding{Reason: v1alpha1.ReasonSecretRefused, Message: note.Fit(secret.Error())}
	case errors.As(err, &setup) && setup.NoClass:
		return &finding.Finding{Reason: v1alpha1.ReasonClassNotFound, Message: setup.Error()}
	case errors.As(err, &setup):
		return &finding.Finding{Reason: v1alpha1.ReasonGatewayRefused, Message: setup.Error()}
	case errors.As(err, &mode):
		return &finding.Finding{Reason: v1alpha1.ReasonModeRefused, Message: mode.Error()}
	case errors.As(err, &credentials):
		return &finding.Finding{Reason: v1alpha1.ReasonIssuerNotReady, Message: credentials.Error()}
	case errors.As(err, &answered):
		return &finding.Finding{Reason: vaultReasons[answered.Kind], Message: answered.Error()}
	case errors.As(err, &answer):
		return &finding.Finding{Reason: v1alpha1.ReasonInvalidResponse, Message: answer.Error()}
	case errors.As(err, &field):
		return &finding.Finding{Reason: v1alpha1.ReasonInvalidSpec, Message: "spec." + field.Error()}
	case errors.As(err, &clients):
		return &finding.Finding{Reason: v1alpha1.ReasonInvalidClientCA, Message: clients.Error()}
	case errors.As(err, &pair):
		return &finding.Finding{Reason: v1alpha1.ReasonGatewayRefused, Message: pair.Error()}
	case apisix.IsUnavailable(err) && errors.As(err, &api):
		return &finding.Finding{Reason: v1alpha1.ReasonGatewayUnreachable, Message: api.Error() + etcdFix(api)}
	case errors.As(err, &api):
		return &finding.Finding{Reason: v1alpha1.ReasonGatewayRefused, Message: api.Error() + gatewayFix(err)}
	case errors.As(err, &network):
		return &finding.Finding{Reason: v1alpha1.ReasonGatewayUnreachable, Message: network.Error() + "; check that the gateway is running and that the Admin API address is correct"}
	case errors.As(err, &key):
		return &finding.Finding{Reason: v1alpha1.ReasonGatewayRefused, Message: key.Error() + "; correct --apisix-admin-key-file or --apisix-admin-key-secret, or the file or Secret it names"}
	case errors.As(err, &kubernetes):
		return &finding.Finding{Reason: v1alpha1.ReasonIssueFailed, Message: fmt.Sprintf(
			"the Kubernetes API rejected a request (%s); see the controller's log", kubernetes.Status().Reason)}
	}
	return &finding.Finding{Reason: v1alpha1.ReasonIssueFailed, Message: "a step failed; see the controller's log"}
}

var vaultReasons = map[vault.Kind]string{
	vault.Transient: v1alpha1.ReasonIssueFailed,
	vault.Setup:     v1alpha1.ReasonIssuerNotReady,
	vault.User:      v1alpha1.ReasonRefused,
}

// etcdFix is the fix for a 503 of the Admin API itself, which means that its etcd fails.
func etcdFix(e *apisix.APIError) string {
	if e.NotAdminAPI || e.Status != http.StatusServiceUnavailable || apisix.IsConflict(e) {
		return ""
	}
	return "; check that the gateway can reach its etcd"
}

func gatewayFix(err error) string {
	var api *apisix.APIError
	switch errors.As(err, &api); {
	case apisix.IsOutdated(err):
		return ": " + apisix.UpgradeHint(err)
	case apisix.IsReadOnly(err):
		return "; this admin key is read-only, use one with the role admin (--apisix-admin-key-file, --apisix-admin-key-secret or that of the GatewayProxy)"
	case api.Status == http.StatusMethodNotAllowed:
		return "; allow PUT, PATCH and DELETE requests to the Admin API"
	case apisix.IsForbidden(err):
		return "; allow the controller's address in the gateway's admin.allow_admin (chart: admin.allow.ipList), and give it an admin key with the role admin"
	case apisix.IsUnauthorized(err):
		return "; correct the admin key (--apisix-admin-key-file, --apisix-admin-key-secret or that of the GatewayProxy)"
	case apisix.IsNotAdminAPI(err):
		return "; check that --apisix-admin-url, or the GatewayProxy's endpoint, is the address of the Admin API"
	}
	return ""
}
