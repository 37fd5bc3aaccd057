// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

// acceptTimeout is how long a controller may take to accept a GatewayClass before its Gateways get a warning.
const acceptTimeout = time.Minute

// unaccepted returns the warning for an annotated Gateway whose GatewayClass no controller has accepted. The Gateway gets its
// Secrets, but nothing serves them. wait is when to check again if the class or the Gateway is new. A GatewayClass that does not
// exist is reported by the certificate.
func (r *reconciler) unaccepted(ctx context.Context, m *member) (text string, wait time.Duration, err error) {
	u, ok := m.object.(*unstructured.Unstructured)
	if !ok || u.GetKind() != kindGateway || len(m.wants.certificates()) == 0 {
		return "", 0, nil
	}
	object := gatewayapi.NewClass()
	err = r.Get(ctx, client.ObjectKey{Name: gatewayapi.GatewayOf(u).Class}, object)
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("GatewayClass of Gateway %s: %w", u.GetName(), err)
	}
	class := gatewayapi.ClassOf(object)
	if class.Accepted {
		return "", 0, nil
	}
	for _, since := range []time.Time{u.GetCreationTimestamp().Time, object.GetCreationTimestamp().Time} {
		wait = max(wait, acceptTimeout-r.clock.Since(since))
	}
	if wait > 0 {
		return "", wait, nil
	}
	return fmt.Sprintf("spec.gatewayClassName: no controller has accepted GatewayClass %s (spec.controllerName %s), so nothing serves this Gateway: "+
		"install that controller, or name another class", class.Name, class.Controller), 0, nil
}
