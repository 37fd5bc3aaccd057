{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Sets defaults and checks the values, once per rendering. Every template includes it, because Helm decides their order. */}}
{{- define "apisix-certs.values" -}}
{{- if not (hasKey . "valuesAreChecked") }}
{{- include "apisix-certs.defaults" . }}
{{- include "apisix-certs.check" . }}
{{- $_ := set . "valuesAreChecked" true }}
{{- end }}
{{- end }}

{{/* Sets values that are absent or null to this chart's defaults. `helm upgrade --reuse-values` renders with the values of the
     older chart, which lack newer values, and users can set any value to null. Objects at the top level, such as
     podSecurityContext, belong to the Pod: null removes them. */}}
{{- define "apisix-certs.defaults" -}}
{{- range $path, $default := .Files.Get "files/defaults.yaml" | fromYaml }}
{{- $keys := splitList "." $path }}
{{- $group := $.Values }}
{{- range initial $keys }}
{{- if kindIs "invalid" (index $group .) }}
{{- $_ := set $group . dict }}
{{- end }}
{{- $group = index $group . }}
{{- end }}
{{- $ofPod := and (kindIs "map" $default) $default (eq (len $keys) 1) }}
{{- if and (kindIs "invalid" (index $group (last $keys))) (not $ofPod) }}
{{- $_ := set $group (last $keys) $default }}
{{- end }}
{{- end }}
{{- end }}

{{/* A line for each value that neither this chart nor an older one has. .values is the group at .prefix. .current has all values of
     this chart, .known also those of older charts, and .groups their groups. */}}
{{- define "apisix-certs.unknown" -}}
{{- range $key, $value := .values }}
{{- $path := printf "%s%s" $.prefix $key }}
{{- if and (hasKey $.groups $path) (kindIs "map" $value) }}
{{- include "apisix-certs.unknown" (dict "values" $value "prefix" (printf "%s." $path) "current" $.current "known" $.known "groups" $.groups) }}
{{- else if not (or (hasKey $.groups $path) (hasKey $.known $path)) }}
{{- $like := include "apisix-certs.like" (dict "key" $key "prefix" $.prefix "current" $.current) | fromJsonArray }}
{{ $path }}: unknown value: {{ if $like }}did you mean {{ join " or " $like }}?{{ else }}remove it; "helm show values" lists all values{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Suggestions for an unknown key, as a JSON list: values or groups of the same name elsewhere, or of a similar name in its group. */}}
{{- define "apisix-certs.like" -}}
{{- $name := lower .key }}
{{- $like := list }}
{{- range $path, $_ := .current }}
{{- $inGroup := trimPrefix $.prefix $path }}
{{- $first := first (splitList "." $inGroup) }}
{{- $similar := or (hasPrefix (trunc 5 $name) (lower $first)) (hasSuffix $name (lower $first)) }}
{{- if eq (replace "." "" $inGroup | lower) $name }}
{{- $like = append $like $path }}
{{- else if and (hasPrefix $.prefix $path) (ge (len $name) 4) $similar }}
{{- $like = append $like (printf "%s%s" $.prefix $first) }}
{{- else }}
{{- $like = append $like (regexFind (printf "(?i)^.*[.]%s([.]|$)" (regexQuoteMeta $name)) $path | trimSuffix ".") }}
{{- end }}
{{- end }}
{{- $like = compact (uniq $like) }}
{{- slice $like 0 (min 3 (len $like)) | toJson }}
{{- end }}

{{/* A line for each value that does not match its format in apisix-certs.formats. */}}
{{- define "apisix-certs.malformed" -}}
{{- range $format := include "apisix-certs.formats" . | fromYamlArray }}
{{- range $path := $format.values }}
{{- $value := $.Values }}
{{- range splitList "." $path }}
{{- $value = index $value . }}
{{- end }}
{{- if kindIs "slice" $value }}
{{- range $i, $item := $value }}
{{- if not (regexMatch $format.pattern (toString $item)) }}
{{ $path }}[{{ $i }}]: invalid {{ $format.name }} {{ toString $item | quote }}: must be {{ $format.must }}
{{- end }}
{{- end }}
{{- else if not (or (regexMatch $format.pattern (toString $value)) (and (eq (toString $value) "") (not $format.required))) }}
{{ $path }}: invalid {{ $format.name }} {{ toString $value | quote }}: must be {{ $format.must }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "apisix-certs.formats" -}}
- name: duration
  values: [resyncPeriod, caExpiryWarning, caRotationSpread, nameReservation]
  pattern: '^(0|([0-9]+([.][0-9]+)?(ms|s|m|h))+)$'
  must: numbers with the units h, m, s or ms, such as "5m" or "720h"
  required: true
- name: duration
  values: [serviceMonitor.interval]
  pattern: '^[0-9]+(ms|s|m|h)$'
  must: a number with the unit h, m, s or ms, such as "30s"
- name: name
  values:
    - apisix.adminService.name
    - apisix.adminService.namespace
    - apisix.adminKey.existingSecretNamespace
    - apisix.tlsService.name
    - apisix.tlsService.namespace
    - watchNamespaces
    - clusterResourceNamespace
    - certManagerClusterResourceNamespace
    - fullnameOverride
    - nameOverride
  pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'
  must: at most 63 lower case letters, digits and "-", such as "apisix-gateway"
- name: name
  values:
    - apisix.adminKey.existingSecret
    - apisix.adminTLS.caSecret
    - apisix.adminTLS.clientSecret
    - ingressClass
    - serviceAccount.name
    - priorityClassName
    - runtimeClassName
  pattern: '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$'
  must: lower case letters, digits, "-" and ".", such as "apisix-admin-key"
- name: name
  values: [clusterVaultIssuer.name]
  pattern: '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$'
  must: lower case letters, digits, "-" and ".", such as "vault"
  required: true
- name: key
  values: [apisix.adminKey.key]
  pattern: '^[-._a-zA-Z0-9]{1,253}$'
  must: a key of the Secret, such as "admin"
  required: true
- name: port
  values: [apisix.adminService.port, apisix.tlsService.port]
  pattern: '^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]|[a-z0-9-]{0,14}[a-z][a-z0-9-]{0,14})$'
  must: a number from 1 to 65535, or the name of a port such as "https"
  required: true
- name: URL
  values: [apisix.adminURLs]
  pattern: '^https?://[^/ ]+/?$'
  must: http:// or https:// and a host without a path, such as "http://apisix-admin.apisix:9180"
- name: address
  values: [apisix.tlsAddrs]
  pattern: '^[^ /]+:[0-9]+$'
  must: HOST:PORT, such as "gateway.example.com:443"
- name: issuer
  values: [defaultIssuer]
  pattern: '^((Cluster)?VaultIssuer|(Cluster)?Issuer|[A-Z][A-Za-z0-9]*[.][a-z0-9]([-a-z0-9.]*[a-z0-9])?)/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'
  must: KIND/NAME, such as "ClusterVaultIssuer/vault", "ClusterIssuer/company" or "AWSPCAIssuer.awspca.cert-manager.io/company"
- name: URL
  values: [vaultServers]
  pattern: '^https?://[^/,]+'
  must: http:// or https:// and a host, such as "https://vault.example.com:8200"
- name: audience
  values: [vaultAudiences]
  pattern: '^[^,]+$'
  must: a string without commas, such as "vault"
- name: ServiceAccount
  values: [statusPolicy.serviceAccounts]
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$'
  must: NAMESPACE/NAME, such as "apisix-certs/apisix-certs"
- name: flag
  values: [extraArgs]
  pattern: '^-'
  must: a flag of "apisix-certs controller", such as "--pprof-bind-address=127.0.0.1:6060"
- name: image
  values: [image.repository]
  pattern: '^[^ @]+$'
  must: a registry and a repository, such as "registry.example.com/apisix-certs"
  required: true
- name: digest
  values: [image.digest]
  pattern: '^sha256:[0-9a-f]{64}$'
  must: 'sha256: and 64 hexadecimal digits'
- name: number of replicas
  values: [podDisruptionBudget.minAvailable, podDisruptionBudget.maxUnavailable]
  pattern: '^([0-9]+|[0-9]{1,2}%|100%)$'
  must: a number or a percentage, such as 1 or "50%"
- name: URL
  values: [prometheusRule.runbookURL]
  pattern: '^https?://[^ ]+$'
  must: http:// or https:// and a host, such as "https://wiki.example.com/runbooks"
  required: true
- name: amount of memory
  values: [go.memoryLimit]
  pattern: '^[0-9]+([KMGT]i)?B$'
  must: bytes with a unit of Go, such as "200MiB"
{{- end }}
