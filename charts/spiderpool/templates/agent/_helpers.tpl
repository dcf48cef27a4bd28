{{- /* Root, for files of the node; nothing else. */}}
{{- define "spiderpool.agent.securityContext" -}}
{{- with .Values.spiderpoolAgent.securityContext -}}
{{ toYaml . }}
{{- else -}}
runAsUser: 0
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}
{{- end -}}
