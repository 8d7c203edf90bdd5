/** deploy/kubernetes/ against the code and docker-compose.yml. No cluster is needed: docs/operations/kubernetes.md says what was tried. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { loadConfig } from '../../config/config.ts';
import type { Process } from '../../config/settings.ts';
import { readCompose, ROOT, SECRETS, variables } from './compose-file.ts';

const FOLDER = join(ROOT, 'deploy/kubernetes');
const services = readCompose();

type Probe = { httpGet?: { path: string; port: string }; exec?: { command: string[] } };
type Container = {
  name: string;
  image: string;
  command: string[];
  env?: { name: string; value?: string; valueFrom?: { configMapKeyRef: { key: string } } }[];
  envFrom?: { configMapRef: { name: string } }[];
  ports?: { name: string; containerPort: number }[];
  readinessProbe?: Probe;
  livenessProbe?: Probe;
  securityContext: object;
  resources: { limits: { memory: string } };
};
type Pod = {
  containers: Container[];
  terminationGracePeriodSeconds?: number;
  volumes: {
    name: string;
    secret?: { secretName: string; items: { key: string; path: string }[] };
  }[];
};
type Labels = Record<string, string>;
type Resource = {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: {
    selector?: Labels | { matchLabels: Labels };
    podSelector?: { matchLabels: Labels };
    template?: { metadata: { labels: Labels }; spec: Pod };
    ports?: { targetPort: string }[];
    ingress?: { ports?: { port: string }[] }[];
    egress?: unknown[];
  };
};

const kustomization = read('kustomization.yaml')[0] as unknown as {
  resources: string[];
  images: { name: string; newTag: string }[];
};
const resources = kustomization.resources.flatMap((file) => read(file));
const settings = resources.find(({ kind }) => kind === 'ConfigMap')!.data!;
const pods = resources.flatMap(({ metadata: { name }, spec }) =>
  spec?.template === undefined
    ? []
    : [{ name: name as Process, ...spec.template, container: spec.template.spec.containers[0]! }],
);

test('has the processes of the compose file, with its images, commands and limits', () => {
  expect(pods.map(({ name }) => name)).toEqual(['migrate', 'api', 'worker', 'sandboxd']);
  for (const { name, spec, container } of pods) {
    expect(spec.containers).toHaveLength(1);
    const { image, command, stop_grace_period: grace } = services[name]!;
    const { newTag } = kustomization.images.find((entry) => entry.name === container.image)!;
    expect(`${container.image}:${newTag}`).toBe(image);
    expect(container.command).toEqual(command);
    expect(existsSync(join(ROOT, container.command[1]!))).toBe(true);
    const least = Number.parseInt(grace ?? '0', 10);
    expect(spec.terminationGracePeriodSeconds ?? 30, name).toBeGreaterThanOrEqual(least);
    const { mem_limit: memory } = services[name] as { mem_limit?: string };
    if (memory !== undefined) {
      expect(container.resources.limits.memory).toBe(memory.replace('g', 'Gi'));
    }
  }
});

test.each(pods)('gives $name only variables that it reads, with values it takes', (pod) => {
  const values = environmentOf(pod.container);
  const files = Object.keys(values).filter((key) => key.endsWith('_FILE') && key !== 'MODELS_FILE');
  const names = Object.keys(values).map((key) =>
    files.includes(key) ? key.replace(/_FILE$/, '') : key,
  );
  expect(names.filter((name) => !variables(pod.name).includes(name))).toEqual([]);
  const plain = Object.entries(values).filter(([key]) => !files.includes(key));
  expect(() => loadConfig(Object.fromEntries(plain))).not.toThrow();
});

test.each(pods)('mounts for $name exactly the secrets that it names', ({ container, spec }) => {
  const named = Object.values(environmentOf(container)).flatMap(
    (value) => /^\/run\/secrets\/(\w+)$/.exec(value)?.[1] ?? [],
  );
  const { secret } = spec.volumes.find(({ name }) => name === 'secrets')!;
  expect(secret!.secretName).toBe('threadmill');
  expect(secret!.items.map(({ path }) => path).toSorted()).toEqual(named.toSorted());
  const known = [...Object.keys(SECRETS), 'sandbox_token'];
  for (const { key, path } of secret!.items) {
    expect([known.includes(key), path]).toEqual([true, key]);
  }
});

test('asks health endpoints and commands that exist, on ports where the process listens', () => {
  const probes = pods.flatMap(({ container }) =>
    [container.readinessProbe, container.livenessProbe].flatMap((probe) =>
      probe === undefined ? [] : [{ container, probe }],
    ),
  );
  const asked = probes.map(({ container, probe: { httpGet, exec } }) => {
    const port = container.ports?.find(({ name }) => name === httpGet?.port)?.containerPort;
    return `${container.name} ${httpGet === undefined ? exec!.command.join(' ') : `${port}${httpGet.path}`}`;
  });
  expect(asked).toEqual([
    'api 8080/readyz',
    'api 8080/healthz',
    `worker ${services.worker!.healthcheck!.test.slice(1).join(' ')}`,
    'worker 9464/metrics',
    'sandboxd 8090/healthz',
  ]);
  const [api, sandboxd] = ['api', 'sandboxd'].map((name) => configOf(name as Process));
  expect([api!.port, api!.metricsListen?.port]).toEqual([8080, 9464]);
  expect(sandboxd!.sandboxdListen).toEqual({ host: '0.0.0.0', port: 8090 });
  expect(configOf('worker').sandboxUrl).toEqual({ host: 'sandboxd', port: 8090 });
});

test('selects pods by labels that they have, and ports by names that they have', () => {
  for (const { kind, metadata, spec } of resources) {
    const selector = spec?.podSelector?.matchLabels ?? labelsOf(spec?.selector);
    if (selector === undefined) continue;
    const chosen = pods.filter(({ metadata: { labels } }) =>
      Object.entries(selector).every(([key, value]) => labels[key] === value),
    );
    expect(chosen.length, `${kind} ${metadata.name}`).toBeGreaterThan(0);
    const ports = [
      ...(spec?.ports ?? []).map(({ targetPort }) => targetPort),
      ...(spec?.ingress ?? []).flatMap((rule) => (rule.ports ?? []).map(({ port }) => port)),
    ];
    const known = chosen.flatMap(({ container }) =>
      (container.ports ?? []).map(({ name }) => name),
    );
    expect(ports.filter((port) => !known.includes(port))).toEqual([]);
  }
});

test('opens for the sandbox only what it needs, and gives its pod no way out', () => {
  const confined = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  };
  for (const { name, container, spec } of pods) {
    expect(spec).toMatchObject({ automountServiceAccountToken: false });
    expect(spec).toMatchObject({ securityContext: { runAsNonRoot: true, runAsUser: 1000 } });
    if (name !== 'sandboxd') expect(container.securityContext).toEqual(confined);
  }
  const { spec, container } = pods.at(-1)!;
  expect(spec).toMatchObject({ hostUsers: false });
  expect(container.securityContext).toEqual({
    ...confined,
    seccompProfile: { type: 'Unconfined' },
    appArmorProfile: { type: 'Unconfined' },
    procMount: 'Unmasked',
  });
  const policy = resources.find(
    ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'sandboxd',
  );
  expect(policy?.spec?.egress).toEqual([]);
});

function read(file: string): Resource[] {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as Resource);
}

function labelsOf(selector: Labels | { matchLabels: Labels } | undefined): Labels | undefined {
  if (selector === undefined) return undefined;
  return 'matchLabels' in selector ? (selector.matchLabels as Labels) : selector;
}

function environmentOf({ env = [], envFrom = [] }: Container): Record<string, string> {
  const own = env.map(({ name, value, valueFrom }) => [
    name,
    value ?? settings[valueFrom!.configMapKeyRef.key]!,
  ]);
  return { ...(envFrom.length > 0 ? settings : {}), ...(Object.fromEntries(own) as object) };
}

function configOf(name: Process) {
  const values = environmentOf(pods.find((pod) => pod.name === name)!.container);
  const plain = Object.entries(values).filter(([key]) => !key.endsWith('_FILE'));
  return loadConfig(Object.fromEntries(plain));
}
