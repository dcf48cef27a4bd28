{{- /* A Job of the controller's program: dict "root" $ "suffix" TEXT "hooks" LIST "args" LIST "env" LIST. */}}
{{- define "spiderpool.init.job" -}}
{{- $v := .root.Values.spiderpoolInit -}}
{{- $controller := .root.Values.spiderpoolController -}}
{{- $name := printf "%s%s" $v.name .suffix -}}
{{- $hooks := dict "helm.sh/hook" (join "," .hooks) "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" -}}
{{- $own := dict "root" .root "component" $v.name -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  {{- include "spiderpool.metadata" (merge (dict "annotations" $hooks) $own) | nindent 2 }}
spec:
  backoffLimit: 3
  template:
    metadata:
      labels:
        {{- include "spiderpool.labels" $own | nindent 8 }}
    spec:
      serviceAccountName: {{ $v.name }}
      restartPolicy: Never
      {{- if $controller.hostnetwork }}
      # As the controller: there may be no other network yet.
      hostNetwork: true
      dnsPolicy: ClusterFirstWithHostNet
      {{- end }}
      nodeSelector:
        kubernetes.io/os: linux
      tolerations:
        - operator: Exists
      {{- with $controller.image.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ $v.name }}
          image: {{ include "spiderpool.image" (dict "root" .root "image" $controller.image) }}
          imagePullPolicy: {{ $controller.image.pullPolicy }}
          command: [{{ $controller.binName }}]
          args:
            {{- toYaml (concat .args $v.extraArgs) | nindent 12 }}
          {{- with concat .env $v.extraEnv }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          securityContext:
            {{- include "spiderpool.securityContext" (dict "given" $v.securityContext "user" "nobody") | nindent 12 }}
          resources:
            {{- toYaml $controller.resources | nindent 12 }}
{{- end -}}
