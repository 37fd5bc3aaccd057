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

// gatewayResult is what a look at a gateway showed.
type gatewayResult struct {
	*gateway.Gateway
	// adminFaulty and tlsFaulty: a finding tells why.
	adminFaulty, tlsFaulty bool
	// proves: its TLS port answers.
	proves bool
}

// inPod is how to look at what only Pods reach.
const inPod = "run check in the controller's Pod, or give the flags of the gateway"

// gatewayTimeout bounds the look at one gateway.
const gatewayTimeout = 20 * time.Second

// checkGateways asks the Admin API and the TLS port of each gateway that a certificate's ingress class picks.
func (d *checker) checkGateways(ctx context.Context) error {
	if d.remote && d.options.AdminKeyFile+d.options.AdminCA+d.options.AdminCert != "" {
		d.diagnosis.addNote("the controller has its admin key or certificates of the Admin API in files of its Pod: " + inPod)
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
				d.waiting.setStep("asking gateway %s", g.Name)
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
		_, err = g.Admin.Probe(ctx) // a mode that is set asks nobody
	}
	if err == nil && g.Admin != nil && mode != gateway.ModeSecret {
		err = g.Admin.CheckWrite(ctx)
	}
	var network *apisix.NetworkError
	if errors.As(err, &network) && d.remote {
		d.diagnosis.addNote("gateway " + g.Name + ": its Admin API does not answer here: " + inPod)
	} else if err != nil {
		d.addGatewayFinding(g, err)
		look.adminFaulty = true
	} else if exclusive, err := g.Exclusive(ctx); err == nil && exclusive && mode == gateway.Own {
		d.diagnosis.addFinding(finding{Object: "gateway " + g.Name, Field: "--push-mode",
			Problem: "push mode own beside an APISIX ingress controller 2.x, which deletes every ssl object that it does not know", Fix: "set --push-mode to auto or adopt"})
	}
	d.checkTLSPort(ctx, &look)
	return look
}

// addGatewayFinding makes a finding of an error of an Admin API or of what leads there.
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
		answer  *apisix.APIError
		network *apisix.NetworkError
	)
	switch {
	case errors.As(err, &setup):
		f.Object, f.Field = setup.Object, setup.Field
		f.Problem, f.Fix = splitMessage(setup.Problem, "correct it")
	case errors.As(err, &key):
		f.Field, f.Problem, f.Fix = d.keyField(), key.Error(), "put the admin key there, deployment.admin.admin_key of APISIX"
	case apisix.IsOutdated(err) && errors.As(err, &answer):
		f.Problem, f.Fix = answer.Message, apisix.UpgradeOf(err)
	case apisix.IsReadOnly(err):
		f.Field, f.Problem, f.Fix = d.keyField(), "the admin key may only read", "give the key of role admin and not that of role viewer (chart: apisix.admin.credentials.admin)"
	case errors.As(err, &answer) && answer.Status == http.StatusMethodNotAllowed:
		f.Problem, f.Fix = "what is before the Admin API lets nothing be written", "let PUT, PATCH and DELETE through to it"
	case apisix.IsUnauthorized(err):
		f.Field, f.Problem, f.Fix = d.keyField(), "the Admin API does not take the admin key", "give the key of role admin that APISIX has in deployment.admin.admin_key (chart: apisix.admin.credentials.admin)"
	case apisix.IsForbidden(err):
		f.Problem = "the Admin API refuses this client"
		f.Fix = "let APISIX's deployment.admin.allow_admin (chart: apisix.admin.allow.ipList) have the address of the controller's Pods"
	case apisix.IsUnavailable(err) && errors.As(err, &network):
		f.Problem = "the Admin API does not answer at " + network.Endpoint + " (" + fmt.Sprint(network.Err) + ")"
		f.Fix = "check the address and that the gateway runs (chart: apisix.admin.enabled); where only Pods reach it, run check in the controller's Pod"
	case apisix.IsForeign(err):
		f.Problem, f.Fix = "what answers there is no Admin API", "name the Admin API's port, 9180 by default, and not the gateway's own"
	case errors.As(err, &answer):
		f.Problem, f.Fix = "the Admin API fails: "+answer.Error(), "see the gateway's error log, and whether it reaches its etcd"
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

// nobody is a name that no gateway has a certificate for (RFC 2606).
const nobody = "apisix-certs-check.invalid"

// checkTLSPort makes a handshake: whatever certificate is shown, or none, the port speaks TLS.
func (d *checker) checkTLSPort(ctx context.Context, look *gatewayResult) {
	proof := look.Prove(ctx, []string{nobody}, "")
	if !proof.Asked {
		d.diagnosis.addNote("gateway " + look.Name + ": its TLS port, no address of it is known (set --apisix-tls-addr)")
		return
	}
	f := finding{Object: "gateway " + look.Name, Field: "--apisix-tls-addr " + strings.Join(d.options.TLSAddrs, ",")}
	if d.options.TLSService != "" {
		f.Field = "--apisix-tls-service " + d.options.TLSService
	}
	f.Problem = strings.TrimPrefix(proof.Problem, nobody+": ")
	const onTLS = "set it to the gateway's TLS port, 9443 by default, and apisix.ssl.enable there to true (chart: apisix.ssl.enabled)"
	switch proof.Cause {
	case gateway.Unreachable, gateway.TimedOut:
		if d.remote {
			d.diagnosis.addNote("gateway " + look.Name + ": its TLS port does not answer here: " + inPod)
			return
		}
		f.Fix = onTLS + "; where only Pods reach it, run check in the controller's Pod"
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
