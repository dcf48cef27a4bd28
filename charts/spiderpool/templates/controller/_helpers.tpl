{{- /* The controller writes nothing to its disk and owns nothing of the node. */}}
{{- define "spiderpool.controller.securityContext" -}}
{{- with .Values.spiderpoolController.securityContext -}}
{{ toYaml . }}
{{- else -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}
{{- end -}}

{{- /* The Secret's name, where there is one. */}}
{{- define "spiderpool.controller.tlsSecret" -}}
{{- $tls := .Values.spiderpoolController.tls -}}
{{- if ne $tls.method "auto" -}}{{ $tls.secretName }}{{- end -}}
{{- end -}}
