// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/registry"
)

// gatewayResult is the result of the checks of a gateway.
type gatewayResult struct {
	*gateway.Gateway
	// adminFaulty and tlsFaulty are set if there is a finding about the Admin API or the TLS port.
	adminFaulty, tlsFaulty bool
	// proves is set if the TLS port responds.
	proves bool
}

// inPod is how to check what only Pods can reach.
const inPod = "run check in the controller's Pod, or set the flags of the gateway"

// gatewayTimeout limits the checks of one gateway.
const gatewayTimeout = 20 * time.Second

// checkGateways checks the Admin API and the TLS port of each gateway that is selected by the ingress class of a certificate.
func (d *checker) checkGateways(ctx context.Context) error {
	if d.remote && d.options.AdminKeyFile+d.options.AdminCA+d.options.AdminCert != "" {
		d.diagnosis.addNote("the controller reads its admin key or certificates for the Admin API from files in its Pod: " + inPod)
		return nil
	}
	d.options.PushMode = cmp.Or(d.options.PushMode, string(gateway.ModeAuto))
	registry, err := d.options.GatewaysOnce(ctx, d.access)
	if err != nil {
		return err
	}
	certificates, err := d.certificates(ctx)
	if err != nil && !d.noteSkipped(err) {
		return err
	}
	classes := []string{""}
	for i := range certificates {
		classes = append(classes, class.Of(&certificates[i]))
	}
	slices.Sort(classes)
	seen := map[string]bool{}
	for _, class := range slices.Compact(classes) {
		for _, g := range registry.For(class) {
			if !seen[g.Name] {
				seen[g.Name] = true
				d.waiting.setStep("checking gateway %s", g.Name)
				d.diagnosis.addChecked(1)
				d.gateways[class] = d.checkGateway(ctx, g)
				continue
			}
			d.gateways[class] = d.gatewayNamed(g.Name)
		}
	}
	if len(seen) == 0 {
		d.diagnosis.addNote("none known (set --apisix-admin-url)")
	}
	return nil
}

func (d *checker) gatewayNamed(name string) gatewayResult {
	for _, look := range d.gateways {
		if look.Name == name {
			return look
		}
	}
	return gatewayResult{}
}

func (d *checker) checkGateway(ctx context.Context, g *gateway.Gateway) gatewayResult {
	look := gatewayResult{Gateway: g}
	ctx, cancel := context.WithTimeout(ctx, gatewayTimeout)
	defer cancel()
	mode, err := g.FindMode(ctx)
	if err == nil && g.Admin != nil && g.Mode != gateway.ModeAuto {
		_, err = g.Admin.Probe(ctx) // FindMode sends no request if the mode is set
	}
	if err == nil && g.Admin != nil && mode != gateway.ModeSecret {
		err = g.Admin.CheckWrite(ctx)
	}
	var network *apisix.NetworkError
	if errors.As(err, &network) && d.remote {
		d.diagnosis.addNote("gateway " + g.Name + ": cannot reach the Admin API from here: " + inPod)
	} else if err != nil {
		d.addGatewayFinding(g, err)
		look.adminFaulty = true
	} else if exclusive, err := g.Exclusive(ctx); err == nil && exclusive && mode == gateway.ModeOwn {
		d.diagnosis.addFinding(finding{Object: "gateway " + g.Name, Field: "--push-mode",
			Problem: "push mode own is used with an APISIX ingress controller 2.x, which deletes every ssl object that it does not manage", Fix: "set --push-mode to auto or adopt"})
	}
	d.checkTLSPort(ctx, &look)
	return look
}

// addGatewayFinding adds a finding for an error of the Admin API or of its configuration.
func (d *checker) addGatewayFinding(g *gateway.Gateway, err error) {
	f := finding{Object: "gateway " + g.Name, Field: "--apisix-admin-url"}
	if d.options.AdminService != "" {
		f.Field = "--apisix-admin-service"
	}
	if g.Name != registry.FlagsName {
		f.Field = "spec.provider"
	}
	var (
		setup   *gateway.SetupError
		key     *apisix.KeyError
		api     *apisix.APIError
		network *apisix.NetworkError
	)
	switch {
	case errors.As(err, &setup):
		f.Object, f.Field = setup.Object, setup.Field
		f.Problem, f.Fix = splitMessage(setup.Problem, "correct it")
	case errors.As(err, &key):
		f.Field, f.Problem, f.Fix = d.keyField(), key.Error(), "set it to the admin key of APISIX (deployment.admin.admin_key)"
	case apisix.IsOutdated(err) && errors.As(err, &api):
		f.Problem, f.Fix = api.Message, apisix.UpgradeHint(err)
	case apisix.IsReadOnly(err):
		f.Field, f.Problem, f.Fix = d.keyField(), "the admin key is read-only", "use the key of role admin instead of the key of role viewer (chart: apisix.admin.credentials.admin)"
	case errors.As(err, &api) && api.Status == http.StatusMethodNotAllowed:
		f.Problem, f.Fix = "a proxy in front of the Admin API rejects writes", "allow PUT, PATCH and DELETE in the proxy"
	case apisix.IsUnauthorized(err):
		f.Field, f.Problem, f.Fix = d.keyField(), "the Admin API rejected the admin key", "use the key of role admin from deployment.admin.admin_key of APISIX (chart: apisix.admin.credentials.admin)"
	case apisix.IsForbidden(err):
		f.Problem = "the Admin API rejects the IP address of this client"
		f.Fix = "add the IP addresses of the controller's Pods to deployment.admin.allow_admin of APISIX (chart: apisix.admin.allow.ipList)"
	case apisix.IsUnavailable(err) && errors.As(err, &network):
		f.Problem = "cannot connect to the Admin API at " + network.Endpoint + " (" + fmt.Sprint(network.Err) + ")"
		f.Fix = "check the address and that the gateway runs (chart: apisix.admin.enabled); if only Pods can reach it, run check in the controller's Pod"
	case apisix.IsNotAdminAPI(err):
		f.Problem, f.Fix = "the response is not from an Admin API", "use the port of the Admin API (9180 by default), not a port of the gateway"
	case errors.As(err, &api):
		f.Problem, f.Fix = "the Admin API returned an error: "+api.Error(), "see the gateway's error log, and check that it can reach etcd"
	default:
		f.Problem, f.Fix = d.access.explainError(err).Error(), "see the gateway's error log"
	}
	d.diagnosis.addFinding(f)
}

func (d *checker) keyField() string {
	switch o := d.options; {
	case o.AdminKeySecret != "":
		return "--apisix-admin-key-secret " + o.AdminKeySecret
	case o.AdminKeyFile != "":
		return "--apisix-admin-key-file " + o.AdminKeyFile
	}
	return variable("apisix-admin-key")
}

// unknownHost is a host that no gateway has a certificate for (RFC 2606).
const unknownHost = "apisix-certs-check.invalid"

// checkTLSPort performs a handshake. Any certificate, or none, shows that the port speaks TLS.
func (d *checker) checkTLSPort(ctx context.Context, look *gatewayResult) {
	proof := look.Prove(ctx, []string{unknownHost}, "")
	if !proof.Attempted {
		d.diagnosis.addNote("gateway " + look.Name + ": the address of the TLS port is unknown (set --apisix-tls-addr)")
		return
	}
	f := finding{Object: "gateway " + look.Name, Field: "--apisix-tls-addr " + strings.Join(d.options.TLSAddrs, ",")}
	if d.options.TLSService != "" {
		f.Field = "--apisix-tls-service " + d.options.TLSService
	}
	f.Problem = strings.TrimPrefix(proof.Problem, unknownHost+": ")
	const onTLS = "set it to the gateway's TLS port (9443 by default), and set apisix.ssl.enable to true in APISIX (chart: apisix.ssl.enabled)"
	switch proof.Cause {
	case gateway.Unreachable, gateway.TimedOut:
		if d.remote {
			d.diagnosis.addNote("gateway " + look.Name + ": cannot reach the TLS port from here: " + inPod)
			return
		}
		f.Fix = onTLS + "; if only Pods can reach it, run check in the controller's Pod"
	case gateway.NotTLS:
		f.Problem, f.Fix = "the port does not speak TLS", onTLS
	case gateway.Failed:
		f.Fix = onTLS + "; see the gateway's error log"
	default:
		look.proves = true
		return
	}
	look.tlsFaulty = true
	d.diagnosis.addFinding(f)
}
