// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/controllers/note"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// findingOf maps an error to the reason and message of a condition. The messages of these errors are stable and hold
// no secret; of any other error only its kind is told, for its text may change from one attempt to the next.
func findingOf(err error) *finding {
	var (
		credentials *issuer.CredentialsError
		answered    *vault.Error
		answer      *certs.AnswerError
		pair        *apisix.PairError
		api         *apisix.APIError
		network     *apisix.NetworkError
		key         *apisix.KeyError
		kubernetes  apierrors.APIStatus
		field       certs.FieldError
		clients     *gateway.ClientError
		storage     *KeyStorageError
		request     *RequestError
		revocation  *RevocationError
		setup       *gateway.SetupError
		mode        *gateway.ModeError
		refusal     *authority.Refusal
		busy        *vault.BusyError
		secret      *tlssecret.RefusedError
	)
	switch {
	case errors.As(err, &busy) && busy.Cause == nil:
		return &finding{v1alpha1.ReasonIssuing, "the issuer's limits are reached"}
	case errors.As(err, &refusal):
		return &finding{refusal.Reason, refusal.Message}
	case errors.As(err, &secret):
		return &finding{v1alpha1.ReasonSecretRefused, note.Fit(secret.Error())}
	case errors.As(err, &setup):
		return &finding{v1alpha1.ReasonGatewayRefused, setup.Error()}
	case errors.As(err, &mode):
		return &finding{v1alpha1.ReasonModeRefused, mode.Error()}
	case errors.As(err, &credentials):
		return &finding{v1alpha1.ReasonIssuerNotReady, credentials.Error()}
	case errors.As(err, &answered):
		return &finding{vaultReasons[answered.Kind], answered.Error()}
	case errors.As(err, &answer):
		return &finding{v1alpha1.ReasonBadAnswer, answer.Error()}
	case errors.As(err, &field):
		return &finding{v1alpha1.ReasonInvalidSpec, "spec." + field.Error()}
	case errors.As(err, &revocation):
		return &finding{v1alpha1.ReasonRevocationFailed, revocation.Error()}
	case errors.As(err, &request):
		return &finding{v1alpha1.ReasonIssueFailed, request.Error()}
	case errors.As(err, &storage):
		return &finding{v1alpha1.ReasonKeyStorage, storage.Error()}
	case errors.As(err, &clients):
		return &finding{v1alpha1.ReasonClientCA, clients.Error()}
	case errors.As(err, &pair):
		return &finding{v1alpha1.ReasonGatewayRefused, pair.Error()}
	case apisix.IsUnavailable(err) && errors.As(err, &api):
		return &finding{v1alpha1.ReasonGatewayUnreachable, api.Error()}
	case errors.As(err, &api):
		return &finding{v1alpha1.ReasonGatewayRefused, api.Error() + gatewayMend(err)}
	case errors.As(err, &network):
		return &finding{v1alpha1.ReasonGatewayUnreachable, network.Error() + ": check that the gateway runs and the Admin API's address"}
	case errors.As(err, &key):
		return &finding{v1alpha1.ReasonGatewayRefused, key.Error() + ": correct --apisix-admin-key-file or --apisix-admin-key-secret, or what it names"}
	case errors.As(err, &kubernetes):
		return &finding{v1alpha1.ReasonIssueFailed, fmt.Sprintf(
			"the Kubernetes API refused a step (%s): see the controller's log", kubernetes.Status().Reason)}
	}
	return &finding{v1alpha1.ReasonIssueFailed, "a step failed: see the controller's log"}
}

var vaultReasons = map[vault.Kind]string{
	vault.Transient: v1alpha1.ReasonIssueFailed,
	vault.Setup:     v1alpha1.ReasonIssuerNotReady,
	vault.User:      v1alpha1.ReasonRefused,
}

func gatewayMend(err error) string {
	switch {
	case apisix.IsForbidden(err):
		return ": allow the controller's address in the gateway's admin.allow_admin (chart: admin.allow.ipList), and give it an admin key with the role admin"
	case apisix.IsUnauthorized(err):
		return ": correct the admin key (--apisix-admin-key-file, --apisix-admin-key-secret or that of the GatewayProxy)"
	case apisix.IsForeign(err):
		return ": check that --apisix-admin-url, or the GatewayProxy's endpoint, is the Admin API's address"
	}
	return ""
}
