#!/bin/sh
# Sets up Vault for the samples. Requires the vault command, logged in as an operator (VAULT_ADDR, VAULT_TOKEN).
# KUBERNETES_HOST is the URL at which Vault reaches the API server.
set -eu
vault secrets enable pki
vault secrets tune -max-lease-ttl=8760h pki
vault write pki/root/generate/internal common_name=moelove.info ttl=8760h key_type=ec
vault write pki/config/urls \
  issuing_certificates=http://vault.default:8200/v1/pki/ca \
  crl_distribution_points=http://vault.default:8200/v1/pki/crl
# key_type=any: the default, rsa, rejects ECDSA keys, which the controller generates by default. allow_bare_domains=true: without
# it, Vault issues only for subdomains of moelove.info.
vault write pki/roles/moelove-dot-info \
  allowed_domains=moelove.info allow_subdomains=true allow_bare_domains=true key_type=any max_ttl=72h
vault policy write pki - <<'POLICY'
path "pki*"                        { capabilities = ["read", "list"] }
path "pki/sign/moelove-dot-info"   { capabilities = ["create", "update"] }
path "pki/issue/moelove-dot-info"  { capabilities = ["create"] }
POLICY
vault auth enable kubernetes
vault write auth/kubernetes/config kubernetes_host="$KUBERNETES_HOST"
vault write auth/kubernetes/role/issuer \
  bound_service_account_names=issuer bound_service_account_namespaces=default policies=pki ttl=20m
