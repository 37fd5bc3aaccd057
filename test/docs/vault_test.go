// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"
)

// vaultMain is as much of Vault's command as the pages use, for the real one links the whole server.
func vaultMain(ctx context.Context, args []string) error {
	client, err := api.NewClient(nil) // VAULT_ADDR and VAULT_TOKEN
	if err != nil {
		return err
	}
	words, flags, err := split(args)
	if err != nil {
		return err
	}
	verb := strings.Join(words[:min(2, len(words))], " ")
	switch {
	case verb == "secrets enable" || verb == "auth enable":
		return enable(ctx, client, words[0], words[2], flags["path"])
	case verb == "secrets tune":
		ttl := flags["max-lease-ttl"]
		return client.Sys().TuneMountAllowNilWithContext(ctx, words[2], api.TuneMountConfigInput{MaxLeaseTTL: &ttl})
	case verb == "policy write":
		text, err := io.ReadAll(os.Stdin)
		if err == nil {
			err = client.Sys().PutPolicyWithContext(ctx, words[2], string(text))
		}
		return err
	case verb == "token create":
		secret, err := client.Auth().Token().CreateOrphanWithContext(ctx, &api.TokenCreateRequest{Policies: []string{flags["policy"]}, Period: flags["period"]})
		if err == nil {
			fmt.Println(secret.Auth.ClientToken)
		}
		return err
	case words[0] == "read":
		secret, err := client.Logical().ReadWithContext(ctx, words[1])
		return show(secret, flags["field"], err)
	case words[0] == "write":
		data, err := fields(words[1], words[2:])
		if err != nil {
			return err
		}
		secret, err := client.Logical().WriteWithContext(ctx, words[1], data)
		return show(secret, flags["field"], err)
	case words[0] == "status":
		_, err := client.Sys().HealthWithContext(ctx)
		return err
	}
	return fmt.Errorf("%q is not known to this test's vault command", strings.Join(words, " "))
}

// split takes -name=value apart from words.
func split(args []string) (words []string, flags map[string]string, err error) {
	flags = map[string]string{}
	for _, arg := range args {
		if name, ok := strings.CutPrefix(arg, "-"); ok && name != "" {
			name, value, _ := strings.Cut(name, "=")
			flags[name] = value
			continue
		}
		words = append(words, arg)
	}
	if len(words) == 0 {
		return nil, nil, fmt.Errorf("no command")
	}
	return words, flags, nil
}

func enable(ctx context.Context, client *api.Client, what, kind, path string) error {
	if path == "" {
		path = kind
	}
	if what == "auth" {
		return client.Sys().EnableAuthWithOptionsWithContext(ctx, path, &api.EnableAuthOptions{Type: kind})
	}
	return client.Sys().MountWithContext(ctx, path, &api.MountInput{Type: kind})
}

// fields reads NAME=VALUE, or NAME=@FILE. To auth/kubernetes/config goes what a Vault in a Pod knows by itself.
func fields(path string, words []string) (map[string]any, error) {
	data := map[string]any{}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		if file, ok := strings.CutPrefix(value, "@"); ok {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			value = string(text)
		}
		data[name] = value
	}
	if path == "auth/kubernetes/config" {
		ca, err := os.ReadFile(os.Getenv("KUBERNETES_CA"))
		if err != nil {
			return nil, err
		}
		data["kubernetes_ca_cert"], data["token_reviewer_jwt"], data["disable_local_ca_jwt"] = string(ca), os.Getenv("REVIEWER_TOKEN"), true
	}
	return data, nil
}

// show prints one field where it is asked for.
func show(secret *api.Secret, field string, err error) error {
	if err != nil || field == "" {
		return err
	}
	if secret == nil || secret.Data[field] == nil {
		return fmt.Errorf("the answer has no %s", field)
	}
	fmt.Println(secret.Data[field])
	return nil
}
