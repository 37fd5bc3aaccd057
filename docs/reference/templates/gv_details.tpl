{{- define "gvDetails" -}}
{{- $gv := . -}}
Group and version `{{ .GroupVersionString }}`. Examples and all reasons of conditions:
[ApisixCertificate](apisixcertificate.md), [VaultIssuer and ClusterVaultIssuer](vaultissuer.md),
[CertificatePolicy](certificatepolicy.md). This page lists the fields.
{{ range .SortedTypes }}
{{- template "type" . }}
{{- end }}
{{- end -}}
