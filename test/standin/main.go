// SPDX-License-Identifier: Apache-2.0

// Command standin runs the stand-in for APISIX as a process of its own, for tests and tools that want the address of a gateway:
//
//	go run ./test/standin -admin-addr 127.0.0.1:9180 -tls-addr 127.0.0.1:9443
//	APISIX_CERTS_TEST_ADMIN_URL=http://127.0.0.1:9180 APISIX_CERTS_TEST_TLS_ADDR=127.0.0.1:9443 APISIX_CERTS_TEST_ADMIN_KEY=... make coexistence
//
// With -kubeconfig FILE it also starts an API server in which the double of the ingress controller 2.x serves that gateway, and writes the
// administrator's kubeconfig to FILE. It shows that the flags of make coexistence work where there is no real APISIX; it is not APISIX.
//
// The admin key is that of the variable APISIX_CERTS_TEST_ADMIN_KEY, or APISIX's public default.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/coexistence"
	"apisix-certs.io/apisix-certs/test/servers"
)

func main() {
	options := apisixtest.Options{AdminKey: os.Getenv("APISIX_CERTS_TEST_ADMIN_KEY")}
	flags := flag.NewFlagSet("standin", flag.ExitOnError) // controller-runtime has a flag kubeconfig among those of the program
	flags.StringVar(&options.AdminAddr, "admin-addr", "127.0.0.1:9180", "HOST:PORT of the Admin API")
	flags.StringVar(&options.TLSAddr, "tls-addr", "127.0.0.1:9443", "HOST:PORT of the TLS port")
	age := flags.String("age", "", "that of another APISIX: see apisixtest.Age, such as 2.15.3")
	flags.BoolVar(&options.Standalone, "standalone", false, "API-driven standalone mode")
	kubeconfig := flags.String("kubeconfig", "", "start an API server with the double of 2.x too, and write its kubeconfig to this file")
	_ = flags.Parse(os.Args[1:])
	options.Release = apisixtest.Release(*age)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, options, *kubeconfig); err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, options apisixtest.Options, kubeconfig string) error {
	gateway, err := apisixtest.NewServer(options)
	if err != nil {
		return err
	}
	defer gateway.Close()
	if kubeconfig != "" {
		kube, err := serve(ctx, gateway, options.Standalone)
		if err != nil {
			return err
		}
		defer func() { _ = kube.Stop() }()
		data, err := kube.Kubeconfig()
		if err != nil {
			return err
		}
		if err := os.WriteFile(kubeconfig, data, 0o600); err != nil {
			return err
		}
	}
	fmt.Printf("Admin API %s, TLS port %s\n", gateway.AdminURL(), gateway.TLSAddr())
	<-ctx.Done()
	return nil
}

// serve starts an API server, and the double in it until ctx ends.
func serve(ctx context.Context, gateway *apisixtest.Server, standalone bool) (*servers.Kube, error) {
	crds, err := servers.IngressControllerCRDs(ctx)
	if err != nil {
		return nil, err
	}
	kube, err := servers.StartKube(ctx, servers.KubeOptions{CRDs: []string{crds}, ControllerManager: true})
	if err != nil {
		return nil, err
	}
	double, err := install(ctx, kube, gateway)
	if err != nil {
		_ = kube.Stop()
		return nil, err
	}
	if standalone {
		double.Configs = coexistence.Configs(gateway.AdminURL(), gateway.AdminKey())
	}
	go double.Run(ctx, 2*time.Second)
	return kube, nil
}

// install makes what the chart of the ingress controller makes.
func install(ctx context.Context, kube *servers.Kube, gateway *apisixtest.Server) (*coexistence.Controller2x, error) {
	scheme := controllers.Scheme()
	if err := gatewayv1.Install(scheme); err != nil {
		return nil, err
	}
	c, err := client.New(kube.Config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	if err := (&cluster.Cluster{Kube: kube, Client: c}).InstallGateways(ctx); err != nil {
		return nil, err
	}
	ingressClass := &networkingv1.IngressClass{Spec: networkingv1.IngressClassSpec{Controller: coexistence.ControllerName}}
	gatewayClass := &gatewayv1.GatewayClass{Spec: gatewayv1.GatewayClassSpec{ControllerName: coexistence.ControllerName}}
	ingressClass.Name, gatewayClass.Name = "apisix", "apisix"
	if err := c.Create(ctx, ingressClass); err != nil {
		return nil, err
	}
	for range 50 { // its CRD was just installed
		if err = c.Create(ctx, gatewayClass); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return nil, err
	}
	admin, err := apisix.New(apisix.Options{Endpoints: []string{gateway.AdminURL()}, AdminKey: apisix.StaticKey(gateway.AdminKey()), UserAgent: "adc"})
	return &coexistence.Controller2x{Kube: c, Admin: admin}, err
}
