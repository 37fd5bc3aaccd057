{{- define "gvDetails" -}}
{{- $gv := . -}}
Group and version `{{ .GroupVersionString }}`. What each kind is for, with examples and all reasons of its conditions:
[ApisixCertificate](apisixcertificate.md), [VaultIssuer and ClusterVaultIssuer](vaultissuer.md),
[CertificatePolicy](certificatepolicy.md). This page has their fields.
{{ range .SortedTypes }}
{{- template "type" . }}
{{- end }}
{{- end -}}
