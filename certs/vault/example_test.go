// SPDX-License-Identifier: Apache-2.0

package vault_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

// open opens a session with a scripted Vault.
func open(v *vaulttest.Vault, perSecond float64) *vault.Session {
	session, err := vault.Open(vault.Config{
		Server: v.URL, Path: "pki/sign/web", Now: time.Now, RatePerSecond: perSecond,
		Auth: vault.AppRoleAuth{RoleID: "shop", SecretID: vault.NewSecret("s3cr3t")},
	})
	if err != nil {
		log.Fatal(err)
	}
	return session
}

// request is one whose key is made when its turn has come.
func request(id string, spec certs.Spec) vault.Request {
	return vault.Request{ID: id, Spec: spec, CSR: func() ([]byte, error) {
		key, err := certs.GenerateKey(spec.Key)
		if err != nil {
			return nil, err
		}
		return certs.CreateRequest(spec, key)
	}}
}

func ExampleSession_Issue() {
	v := vaulttest.Start(time.Now)
	defer v.Close()
	session := open(v, 0)
	defer session.Close()

	spec := certs.Spec{DNSNames: []string{"www.example.com"}, Duration: 24 * time.Hour}
	response, err := session.Issue(context.Background(), request("uid-of-www", spec))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Bundle.Leaf.DNSNames, "by", response.Bundle.Leaf.Issuer.CommonName)
	// Output: [www.example.com] by root
}

// A caller that has to wait retries at the time in the error, and can do something else until then.
func ExampleBusyError() {
	v := vaulttest.Start(time.Now)
	defer v.Close()
	session := open(v, 1) // one signature a second
	defer session.Close()

	spec := certs.Spec{DNSNames: []string{"www.example.com"}, Duration: 24 * time.Hour}
	for _, id := range []string{"first", "second"} {
		_, err := session.Issue(context.Background(), request(id, spec))
		var busy *vault.BusyError
		if errors.As(err, &busy) {
			fmt.Println(id, "retries in", time.Until(busy.NotBefore).Round(time.Second))
			continue
		}
		fmt.Println(id, err)
	}
	// Output:
	// first <nil>
	// second retries in 1s
}

// The kind of an error says who can fix it.
func ExampleError() {
	v := vaulttest.Start(time.Now)
	defer v.Close()
	session := open(v, 0)
	defer session.Close()

	spec := certs.Spec{DNSNames: []string{"www.example.org"}, Duration: 24 * time.Hour}
	v.SetHandler("pki/sign/web", vaulttest.ErrorHandler(400, "subject alternate name www.example.org not allowed by this role"))
	_, err := session.Issue(context.Background(), request("uid", spec))
	var refused *vault.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Kind, refused.Status, refused.Op)
	}
	// Output: User 400 sign
}

// Check reads what the issuer's role allows, before anything is requested.
func ExampleSession_Check() {
	v := vaulttest.Start(time.Now)
	defer v.Close()
	v.SetRole(map[string]any{"key_type": "rsa", "generate_lease": true})
	session := open(v, 0)
	defer session.Close()

	status, err := session.Check(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Vault", status.Version, "certificates are revoked with the token:", status.GeneratesLeases)
	for _, rejection := range status.Rejections(certs.Spec{DNSNames: []string{"www.example.com"}}) {
		fmt.Println(rejection.Field, rejection.Problem)
	}
	// Output:
	// Vault 1.21.4 certificates are revoked with the token: true
	// privateKey.algorithm is rejected by the role, which requires keys of type rsa
}

// Revocations are visible in the CRL.
func ExampleSession_Revoke() {
	v := vaulttest.Start(time.Now)
	defer v.Close()
	session := open(v, 0)
	defer session.Close()

	ctx := context.Background()
	spec := certs.Spec{DNSNames: []string{"www.example.com"}, Duration: 24 * time.Hour}
	response, err := session.Issue(ctx, request("uid", spec))
	if err != nil {
		log.Fatal(err)
	}
	leaf := response.Bundle.Leaf
	if err := session.Revoke(ctx, leaf); err != nil {
		log.Fatal(err)
	}
	list, err := session.CRL(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(certs.RevokedBy(list, leaf))
	// Output: true
}

// Validate reports all invalid fields, with paths relative to spec.vault.
func ExampleConfig_Validate() {
	config := vault.Config{Server: "vault.example:8200", Path: "pki/roles/web", Now: time.Now}
	for _, problem := range config.Validate() {
		fmt.Println(problem.Field, problem.Problem)
	}
	// Output:
	// server is not an http or https URL
	// path is not that of a PKI role
	// auth has no auth method
}

// A Secret can be logged, because it does not reveal its text.
func ExampleSecret() {
	auth := vault.AppRoleAuth{RoleID: "shop", SecretID: vault.NewSecret("s3cr3t")}
	fmt.Printf("%+v\n", auth)
	// Output: {Path: RoleID:shop SecretID:[redacted]}
}
