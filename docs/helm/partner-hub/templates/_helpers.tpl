{{- define "hub.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Of one process. Takes (list context process). */ -}}
{{- define "hub.selector" -}}
app.kubernetes.io/name: {{ (index . 0).Chart.Name }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- /* The pod of one process. Takes (dict "context" $ "process" "web" "kind" "web" "command" (list …) "resources" … "rest" "probes and ports, as YAML"). */ -}}
{{- define "hub.pod" -}}
{{- $values := .context.Values -}}
metadata:
  labels:
    {{- include "hub.selector" (list .context .process) | nindent 4 }}
    app.kubernetes.io/version: {{ .context.Chart.AppVersion | quote }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 30
  {{- with .restart }}
  restartPolicy: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "hub.selector" (list .context .process) | nindent 10 }}
  containers:
    - name: {{ .process }}
      image: "{{ $values.image.repository }}:{{ $values.image.tag | default .context.Chart.AppVersion }}"
      imagePullPolicy: {{ $values.image.pullPolicy }}
      {{- with .command }}
      args: {{- toYaml . | nindent 8 }}
      {{- end }}
      env:
        - {name: HUB_ENV, value: production}
        {{- with .kind }}
        - {name: HUB_PROCESS, value: {{ . }}}
        {{- end }}
        - {name: HUB_PORT, value: "8000"}
        - {name: HUB_BASE_URL, value: "https://{{ $values.host }}"}
        - {name: ALLOWED_HOSTS, value: "{{ $values.host }},{{ .context.Release.Name }}-web,{{ .context.Release.Name }}-web.{{ .context.Release.Namespace }}.svc"}
        - {name: CSRF_TRUSTED_ORIGINS, value: "https://{{ $values.host }}"}
        - {name: BEHIND_TLS_PROXY, value: "true"}
        {{- range $name, $value := $values.environment }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
      envFrom:
        - secretRef: {name: {{ $values.secret }}}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      resources: {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
      {{- with .rest }}
      {{- . | nindent 6 }}
      {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 1Gi}
{{- end }}
