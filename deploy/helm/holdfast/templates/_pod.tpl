{{/* What makes no sense together: one message for all of it. Nothing comes out. */}}
{{- define "holdfast.checkValues" -}}
{{- $faults := list -}}
{{- with .Values.redis -}}
{{- if not (or .url .existingSecret) -}}
{{- $faults = append $faults "redis.url or redis.existingSecret has to be set" -}}
{{- end -}}
{{- if and .clusterNodes .sentinels -}}
{{- $faults = append $faults "redis.clusterNodes and redis.sentinels: it is one or the other" -}}
{{- end -}}
{{- if ne (empty .sentinels) (empty .sentinelName) -}}
{{- $faults = append $faults "redis.sentinels and redis.sentinelName have to be set together" -}}
{{- end -}}
{{- if and .passwordSecret (not (contains "$(REDIS_PASSWORD)" .url)) -}}
{{- $faults = append $faults "redis.url has to contain $(REDIS_PASSWORD) where redis.passwordSecret is set" -}}
{{- end -}}
{{- if and .passwordSecret .existingSecret -}}
{{- $faults = append $faults "redis.existingSecret and redis.passwordSecret: it is one or the other" -}}
{{- end -}}
{{- if and .tls.caSecret .tls.caConfigMap -}}
{{- $faults = append $faults "redis.tls.caSecret and redis.tls.caConfigMap: it is one or the other" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled -}}
{{- $faults = append $faults "serviceMonitor and podMonitor: both would count everything twice" -}}
{{- end -}}
{{- range $name, $part := dict "controlApi" .Values.controlApi "socketEdge" .Values.socketEdge -}}
{{- if and $part.ingress.enabled (not $part.ingress.hosts) -}}
{{- $faults = append $faults (printf "%s.ingress.hosts has to be set" $name) -}}
{{- end -}}
{{- if and $part.httpRoute.enabled (not $part.httpRoute.parentRefs) -}}
{{- $faults = append $faults (printf "%s.httpRoute.parentRefs has to be set" $name) -}}
{{- end -}}
{{- end -}}
{{- if $faults -}}
{{- fail (printf "values of this chart:\n  - %s" (join "\n  - " $faults)) -}}
{{- end -}}
{{- end -}}

{{/* The variables that both services have. */}}
{{- define "holdfast.env" -}}
- name: LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
{{- if .Values.redis.passwordSecret }}
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .Values.redis.passwordSecret | quote }}
      key: {{ .Values.redis.passwordSecretKey | quote }}
- name: REDIS_URL
  value: {{ .Values.redis.url | quote }}
{{- else }}
- name: REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "holdfast.redisSecret" . | quote }}
      key: {{ empty .Values.redis.existingSecret | ternary "REDIS_URL" .Values.redis.existingSecretKey | quote }}
{{- end }}
- name: REDIS_PREFIX
  value: {{ .Values.redis.prefix | quote }}
{{- with .Values.redis.clusterNodes }}
- name: REDIS_CLUSTER_NODES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.redis.sentinels }}
- name: REDIS_SENTINELS
  value: {{ join "," . | quote }}
- name: REDIS_SENTINEL_NAME
  value: {{ $.Values.redis.sentinelName | quote }}
{{- end }}
{{- if or .Values.redis.tls.caSecret .Values.redis.tls.caConfigMap }}
- name: NODE_EXTRA_CA_CERTS
  value: {{ printf "/etc/holdfast-redis-ca/%s" .Values.redis.tls.caKey | quote }}
{{- end }}
{{- with .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
- name: OTEL_TRACES_SAMPLER
  value: {{ $.Values.tracing.sampler | quote }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ $.Values.tracing.samplerArg | quote }}
{{- end }}
{{- end -}}

{{/* Variables of the user's, a map and a list: dict "env" … "extraEnv" … as a part has them. */}}
{{- define "holdfast.moreEnv" -}}
{{- range $name, $value := .env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Directories: what changes reaches a mounted directory, and not a mounted file. */}}
{{- define "holdfast.caMount" -}}
{{- if or .Values.redis.tls.caSecret .Values.redis.tls.caConfigMap }}
- { name: redis-ca, mountPath: /etc/holdfast-redis-ca, readOnly: true }
{{- end }}
{{- end -}}

{{- define "holdfast.caVolume" -}}
{{- with .Values.redis.tls.caSecret }}
- name: redis-ca
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.redis.tls.caConfigMap }}
- name: redis-ca
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* What of a pod is the same in both parts: dict "root" $ "part" "socket-edge" "values" .Values.socketEdge. */}}
{{- define "holdfast.podSpec" -}}
serviceAccountName: {{ include "holdfast.serviceAccount" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
topologySpreadConstraints:
{{- if .values.topologySpreadConstraints }}
  {{- toYaml .values.topologySpreadConstraints | nindent 2 }}
{{- else }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "holdfast.selector" $ | nindent 8 }}
{{- end }}
{{- end }}
{{- with concat .root.Values.global.imagePullSecrets .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - {{ kindIs "string" . | ternary (dict "name" .) . | toJson }}
  {{- end }}
{{- end }}
{{- range $name := list "affinity" "nodeSelector" "tolerations" }}
{{- with index $.values $name }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Labels and annotations of a pod: dict "root" $ "part" "socket-edge" "values" .Values.socketEdge. */}}
{{- define "holdfast.podMetadata" -}}
labels:
  {{- include "holdfast.labels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  # A Redis with another address or password: new pods.
  checksum/redis: {{ .root.Values.redis | toJson | sha256sum }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/*
Restarted when it does not answer at all; without traffic while it is not ready: an unreachable Redis is no reason to restart.
*/}}
{{- define "holdfast.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: admin }
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: admin }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}
