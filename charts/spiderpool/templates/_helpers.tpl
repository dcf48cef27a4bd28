{{/* The instance. */}}
{{- define "spiderpool.name" -}}
{{- default .Chart.Name .Values.global.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that select pods of a component: dict "root" $ "component" NAME. */}}
{{- define "spiderpool.selector" -}}
app.kubernetes.io/name: {{ include "spiderpool.name" .root }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{/* Labels of an object: dict "root" $ "component" NAME. */}}
{{- define "spiderpool.labels" -}}
{{ include "spiderpool.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.global.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Metadata below the name: dict "root" $ "component" NAME ["annotations" MAP] ["labels" MAP]. */}}
{{- define "spiderpool.metadata" -}}
labels:
  {{- include "spiderpool.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (default (dict) .annotations) .root.Values.global.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The name of an image: dict "root" $ "image" MAP. */}}
{{- define "spiderpool.image" -}}
{{- $registry := default .image.registry .root.Values.global.imageRegistryOverride -}}
{{- $name := .image.repository -}}
{{- if $registry -}}{{- $name = printf "%s/%s" $registry .image.repository -}}{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{/*
What is set, as YAML: the documented names, or upstream's later ones where those are set.
*/}}
{{- define "spiderpool.settings" -}}
{{- $v := .Values -}}
{{- $gc := $v.feature.gc -}}
{{- $later := default (dict) $v.ipam.gc -}}
enableIPv4: {{ dig "enableIPv4" $v.feature.enableIPv4 $v.ipam }}
enableIPv6: {{ dig "enableIPv6" $v.feature.enableIPv6 $v.ipam }}
enableStatefulSet: {{ dig "enableStatefulSet" $v.feature.enableStatefulSet $v.ipam }}
binPath: {{ dig "cniBinHostPath" $v.global.ipamBinHostPath $v.global | quote }}
agentPort: {{ dig "httpPort" $v.spiderpoolAgent.healthChecking.port $v.spiderpoolAgent | int }}
controllerPort: {{ dig "httpPort" $v.spiderpoolController.healthChecking.port $v.spiderpoolController | int }}
gc:
  enabled: {{ dig "enabled" $gc.enabled $later }}
  ready: {{ and $gc.GcDeletingTimeOutPod.enabled $v.ipam.gc.statelessPod.zombieOnReadyNode }}
  notReady: {{ and $gc.GcDeletingTimeOutPod.enabled $v.ipam.gc.statelessPod.zombieOnNotReadyNode }}
  delay: {{ dig "gcDeletingTimeOutPodDelay" $gc.GcDeletingTimeOutPod.delay $later | int }}
  evicted: {{ $gc.GcEvictedPodPod.enabled }}
  evictedDelay: {{ $gc.GcEvictedPodPod.delay | int }}
  emptyStatus: {{ $v.ipam.gc.statelessPod.enableGcRunningPodOnEmptyPodStatusIPs }}
  interval: {{ $v.ipam.gc.gcAll.intervalInSecond | int }}
{{- end -}}

{{/* The sweep's switches and delays, as environment variables of both programs. */}}
{{- define "spiderpool.sweep.env" -}}
{{- $gc := (include "spiderpool.settings" . | fromYaml).gc -}}
- {name: SPIDERPOOL_GC_IP_ENABLED, value: {{ $gc.enabled | quote }}}
- {name: SPIDERPOOL_GC_STATELESS_TERMINATING_POD_ON_READY_NODE_ENABLED, value: {{ $gc.ready | quote }}}
- {name: SPIDERPOOL_GC_STATELESS_TERMINATING_POD_ON_NOT_READY_NODE_ENABLED, value: {{ $gc.notReady | quote }}}
- {name: SPIDERPOOL_GC_ENABLE_STATELESS_RUNNING_POD_ON_EMPTY_POD_STATUS_IPS, value: {{ $gc.emptyStatus | quote }}}
- {name: SPIDERPOOL_GC_ADDITIONAL_GRACE_DELAY, value: {{ $gc.delay | int | quote }}}
- {name: SPIDERPOOL_GC_EVICTED_POD_ENABLED, value: {{ $gc.evicted | quote }}}
- {name: SPIDERPOOL_GC_EVICTED_POD_DELAY, value: {{ $gc.evictedDelay | int | quote }}}
{{- end -}}

{{/* Where the configuration file is mounted. */}}
{{- define "spiderpool.configFolder" -}}/tmp/spiderpool/config-map{{- end -}}

{{/*
A container's security context: what is given, else without capabilities and with a root file system that cannot be written, as
nobody in particular unless "root" is the user. dict "given" MAP "user" "root" or "nobody".
*/}}
{{- define "spiderpool.securityContext" -}}
{{- with .given -}}
{{ toYaml . }}
{{- else -}}
{{- if eq .user "root" }}
runAsUser: 0
{{- else }}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
{{- end }}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}
{{- end -}}
